"""Policies that `trueup tune` certified on this workspace, as actions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trueup.stats import Estimate
from trueup.tax.result import Action
from trueup.tax.words import percent, points_between

if TYPE_CHECKING:
    from trueup.store import Workspace

__all__ = ["certified_actions"]

_RISKS = {
    "miss": "at most {share} of harmful traffic passes unflagged",
    "new_miss": "at most {share} of harmful traffic is newly let through",
}


def certified_actions(ws: Workspace) -> tuple[tuple[Action, ...], frozenset[str]]:
    """The actions of the newest certificate (one per segment), and the layers they change.

    A certificate that changes nothing or wins nothing back is no advice.
    """
    table = ws.table("certificates")
    rows = table.order_by(table["at"].desc(), "id").to_pyarrow().to_pylist()
    newest = [row for row in rows if row["at"] == rows[0]["at"]]
    actions, layers = [], set()
    for row in newest:
        changes = json.loads(row["changes"])
        if not changes or row["won_back"] <= 0:
            continue
        actions.append(_action(row, changes))
        layers |= {change["layer"] for change in changes}
    return tuple(actions), frozenset(layers)


def _action(row: dict[str, Any], changes: list[dict[str, Any]]) -> Action:
    segment = changes[0]["segment"]
    where = f" for {segment}" if segment else ""
    layers = [change["layer"] for change in changes]
    named = layers[0] if len(layers) == 1 else f"{len(layers)} thresholds"
    made = json.loads(row["certificate"])
    won = _estimate(row, "recoverable", row["won_back"], row["won_back_low"], row["won_back_high"])
    risk = _estimate(row, "risk", made["empirical_risk"], 0.0, row["risk_bound"])
    sentence = (
        f"{'; '.join(map(_change, changes))}{where}: wins back {points_between(won)} of legitimate "
        f"traffic; {_RISKS[row['risk']].format(share=percent(row['alpha']))}, with "
        f"{100 * (1 - row['delta']):.4g} % confidence."
    )
    return Action(
        title=f"certified: {named}{where}",
        sentence=sentence[:1].upper() + sentence[1:],
        recoverable=won,
        risk=risk,
        example_ids=tuple(json.loads(row["examples"])),
        certified=True,
    )


def _change(change: dict[str, Any]) -> str:
    now, then, layer = change["from"], change["to"], change["layer"]
    if then is None:
        return f"turn {layer} off"
    if now is None:
        return f"turn {layer} on at {then:.6g}"
    return f"{'raise' if then > now else 'lower'} {layer} from {now:.6g} to {then:.6g}"


def _estimate(row: dict[str, Any], name: str, value: float, low: float, high: float) -> Estimate:
    level = row["level"] if name == "recoverable" else 1 - row["delta"]
    method = "replayed on the log" if name == "recoverable" else "certified upper bound"
    return Estimate(
        name,
        value,
        low,
        high,
        level,
        row["n"],
        row["n_labeled"],
        method,
        tuple(json.loads(row["certificate"])["assumptions"]),
    )
