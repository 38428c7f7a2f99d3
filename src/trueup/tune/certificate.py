"""The certificate: everything that is needed to check it again from the data, and its check."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from trueup.errors import UserError
from trueup.tune.dial import Dial, Selection
from trueup.tune.result import TuneReport
from trueup.tune.scored import Scored, named

__all__ = ["FORMAT", "certificate", "data_hash", "differences", "digest", "read_certificate"]

FORMAT = "trueup-certificate/1"
_UNCHECKED = {"made", "versions", "digest"}  # may differ when it is recomputed
_CLOSE = 1e-9
_NEEDED = {  # to recompute a certificate, or to watch it
    "layers": list,
    "thresholds": dict,
    "today": dict | None,
    "segment": str | None,
    "risk": str,
    "alpha": float | int,
    "delta": float | int,
    "seed": int | None,
    "n": int,
    "made": str,
    "statement": str,
    "data": dict,
    "versions": dict,
}


def certificate(
    report: TuneReport,
    scored: Scored,
    dial: Dial,
    selection: Selection,
    chosen: int,
    seed: int,
) -> dict[str, Any]:
    """The certificate of one report, ready for JSON."""
    tested = _tested(scored, dial, selection)
    body: dict[str, Any] = {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "statement": _statement(report),
        "segment": report.segment,
        "layers": list(scored.layers),
        "thresholds": named(scored.layers, dial.settings[chosen]),
        "today": None if scored.today is None else named(scored.layers, scored.today),
        "risk": report.mode,
        "alpha": report.alpha,
        "delta": report.delta,
        "empirical_risk": report.chosen.risk.value if report.chosen else None,
        "risk_bound": report.risk_bound,
        "empirical_tax": _number(report.chosen.tax.value) if report.chosen else None,
        "losses": {
            "risk": _RISKS[report.mode],
            "tax": "share of legitimate examples that a layer flags (score at or above threshold)",
        },
        "procedure": report.procedure,
        "p_value": report.p_value,
        "order": dial.order,
        "seed": seed if len(scored.layers) > 1 else None,
        "n": report.n,
        "n_labeled": report.n_labeled,
        "n_positive": report.n_positive,
        "n_tested": int(dial.risks.n[chosen]),
        "grid_size": len(dial.tax),
        "largest_weight": None if scored.weight is None else float(scored.weight.max()),
        "tested": tested,
        "data": {**scored.source, "sha256": data_hash(scored)},
        "assumptions": list(report.assumptions),
        "voided_by": list(report.voided_by),
        "versions": _versions(),
    }
    return {**body, "digest": digest(body)}


_RISKS = {
    "miss": "share of harmful examples that no layer flags",
    "new_miss": "share of harmful examples that a layer flags today and none would then",
}


def _statement(report: TuneReport) -> str:
    what = {
        "miss": "the share of harmful traffic that no layer flags",
        "new_miss": "the share of harmful traffic that is flagged today and would not be",
    }[report.mode]
    where = f" where {report.segment}" if report.segment else ""
    return (
        f"With these thresholds {what}{where} is at most {100 * (report.alpha or 0):.4g} %, with "
        f"{100 * (1 - report.delta):.4g} % confidence."
    )


def _tested(scored: Scored, dial: Dial, selection: Selection) -> list[dict[str, Any]]:
    """The settings in their order up to the first that failed, with risk and p-value."""
    failed = np.flatnonzero(~selection.certified & (dial.risks.n > 0))
    last = int(failed[0]) + 1 if len(failed) else len(dial.tax)
    return [
        {
            "thresholds": list(named(scored.layers, dial.settings[k]).values()),
            "risk": _number(dial.risks.mean[k]),
            "p": _number(selection.p[k]),
        }
        for k in range(last)
    ]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def data_hash(scored: Scored) -> str:
    """SHA-256 of what the certificate rests on: scores, labels, weights, clusters, in order."""
    made = hashlib.sha256(json.dumps(list(scored.layers)).encode())
    arrays: list[Any] = [scored.scores, scored.label, scored.weight, scored.today]
    for array in arrays:
        if array is None:
            made.update(b"none")
        else:
            made.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    if scored.cluster is not None:  # the codes are arbitrary, who shares one is not
        _, first, codes = np.unique(scored.cluster, return_index=True, return_inverse=True)
        made.update(np.ascontiguousarray(first[codes], dtype="<i8").tobytes())
    return made.hexdigest()


def digest(body: Mapping[str, Any]) -> str:
    """SHA-256 of a certificate without its own digest: tells an accidental change, not a forger."""
    kept = {key: value for key, value in body.items() if key != "digest"}
    return hashlib.sha256(
        json.dumps(kept, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    ).hexdigest()


def _versions() -> dict[str, str]:
    import scipy

    from trueup import __version__

    return {"trueup": __version__, "numpy": np.__version__, "scipy": scipy.__version__}


def read_certificate(text: str, name: str) -> tuple[dict[str, Any], ...]:
    """The certificates in a file: one, a list, or the JSON of `trueup tune`. Raises `UserError`."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise UserError(f"{name} is not JSON: {error}.", "Give the file that tune wrote.") from None
    listed = found if isinstance(found, list) else [found]
    out = []
    for one in listed:
        if isinstance(one, dict) and one.get("format") != FORMAT and "certified" in one:
            parts = one.get("segments") or [one]
            out += [part["certificate"] for part in parts if part.get("certificate")]
        else:
            out.append(one)
    if not out:
        raise UserError(f"{name} holds no certificate: nothing was certified.")
    for one in out:
        if not isinstance(one, dict) or one.get("format") != FORMAT:
            raise UserError(
                f"{name} is not a certificate of trueup.", "Write one: trueup tune --certificate"
            )
        for key, kind in _NEEDED.items():
            if key not in one or not isinstance(one[key], kind):
                raise UserError(
                    f"{name} is damaged: its {key} is missing or cannot be read.",
                    "Take the file that tune wrote.",
                )
        if one["risk"] not in _RISKS or list(one["thresholds"]) != one["layers"]:
            raise UserError(
                f"{name} is damaged: its risk or its thresholds cannot be read.",
                "Take the file that tune wrote.",
            )
    return tuple(out)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def differences(given: Mapping[str, Any], again: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What a certificate claims that its data do not bear out; empty when all of it holds.

    given: the certificate. again: the one that the data yield now, None when nothing certifies.
    """
    out = []
    if given.get("digest") != digest(given):
        out.append("It was changed after it was made: its digest does not fit.")
    if again is None:
        return (*out, "These data certify nothing.")
    if given["data"].get("sha256") != again["data"].get("sha256"):
        out.append("These are not the data that it was made from: their hash differs.")
    for key, value in again.items():
        if key not in _UNCHECKED and key != "data" and not _same(given.get(key), value):
            out.append(f"{key}: it says {_short(given.get(key))}, the data say {_short(value)}.")
    if out and given.get("versions") != again["versions"]:
        now = ", ".join(f"{name} {version}" for name, version in again["versions"].items())
        out.append(f"It was made with other versions than these: {now}.")
    return tuple(out)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=1e-15)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
