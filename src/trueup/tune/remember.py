"""Put a certificate into the workspace, where other areas find it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trueup.schema import CERTIFICATES
from trueup.tune.certificate import digest
from trueup.tune.result import TuneReport

if TYPE_CHECKING:
    from trueup.store import Workspace

__all__ = ["others_on_these_data", "remember"]

_EXAMPLES = 5
_WORTH = {"legitimate": 0, "unknown": 1, "harmful": 2}
_NOT_WHAT = ("made", "versions", "digest")  # of a certificate: when and with what, not what it says


def remember(ws: Workspace, report: TuneReport) -> None:
    """Keep the report's certificate, in place of an equal one; nothing is done without one."""
    made, won, chosen = report.certificate, report.won_back, report.chosen
    if made is None or won is None or chosen is None:
        return
    changes = [
        {"layer": change.layer, "segment": report.segment, "from": change.now, "to": change.then}
        for change in report.changes
    ]
    row = {
        "id": _key(made),
        "at": datetime.fromisoformat(made["made"]),
        "changes": json.dumps(changes),
        "risk": report.mode,
        "alpha": report.alpha,
        "delta": report.delta,
        "risk_bound": report.risk_bound,
        "won_back": won.value,
        "won_back_low": won.low,
        "won_back_high": won.high,
        "level": won.level,
        "examples": json.dumps(_examples(report)),
        "n": report.n,
        "n_labeled": report.n_labeled,
        "certificate": json.dumps(made),
    }
    ws.upsert(CERTIFICATES.name, CERTIFICATES.from_rows([row]))


def _examples(report: TuneReport) -> list[str]:
    """Interactions that would newly pass: those whose gain nobody regrets before the others."""
    passing = [flip for flip in report.flips if flip.fate == "passes"]
    return [flip.id for flip in sorted(passing, key=lambda flip: _WORTH[flip.label])][:_EXAMPLES]


def others_on_these_data(ws: Workspace, report: TuneReport) -> int:
    """How many other certificates the same examples have given."""
    made = report.certificate
    if made is None:
        return 0
    table = ws.table(CERTIFICATES.name)
    stored = table.filter(table.id != _key(made)).select("certificate").to_pyarrow().to_pylist()
    others = [json.loads(row["certificate"]) for row in stored]
    return sum(one["data"]["sha256"] == made["data"]["sha256"] for one in others)


def _key(certificate: dict[str, Any]) -> str:
    return digest({key: value for key, value in certificate.items() if key not in _NOT_WHAT})
