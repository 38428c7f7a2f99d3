"""Put a certificate into the workspace, where other areas find it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from trueup.schema import CERTIFICATES
from trueup.tune.result import TuneReport

if TYPE_CHECKING:
    from trueup.store import Workspace

__all__ = ["remember"]


def remember(ws: Workspace, report: TuneReport) -> None:
    """Append the report's certificate to `certificates`; nothing is done without one."""
    made, won, chosen = report.certificate, report.won_back, report.chosen
    if made is None or won is None or chosen is None:
        return
    changes = [
        {"layer": change.layer, "segment": report.segment, "from": change.now, "to": change.then}
        for change in report.changes
    ]
    row = {
        "id": made["digest"],
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
        "n": report.n,
        "n_labeled": report.n_labeled,
        "certificate": json.dumps(made),
    }
    ws.append(CERTIFICATES.name, CERTIFICATES.from_rows([row]))
