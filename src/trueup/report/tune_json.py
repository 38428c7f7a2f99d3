"""What `trueup tune --json` writes: a contract, described in docs/tune.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from trueup.stats import Interval
from trueup.tune.result import Point, TuneReport, Watch

__all__ = ["tune_json", "watch_json"]


def tune_json(reports: Sequence[TuneReport]) -> dict[str, Any]:
    """One report, or several (one per segment) under `segments`; ready for JSON, NaN as null."""
    if len(reports) == 1:
        return _report(reports[0])
    return {
        "certified": all(report.certified for report in reports),
        "alpha": reports[0].alpha,
        "delta": _number(sum(report.delta for report in reports)),
        "segments": [_report(report) for report in reports],
    }


def _report(report: TuneReport) -> dict[str, Any]:
    chosen = report.chosen
    return {
        "certified": report.certified,
        "reason": report.reason,
        "segment": report.segment,
        "mode": report.mode,
        "threshold": _threshold(report, chosen),
        "thresholds": _thresholds(chosen) if chosen else None,
        "today": _thresholds(report.today) if report.today else None,
        "empirical_tax": _number(chosen.tax.value) if chosen else None,
        "tax_interval": _limits(chosen.tax) if chosen else None,
        "empirical_risk": _number(chosen.risk.value) if chosen else None,
        "risk_bound": _number(report.risk_bound),
        "alpha": report.alpha,
        "delta": report.delta,
        "n": report.n,
        "n_labeled": report.n_labeled,
        "n_positive": report.n_positive,
        "n_negative": report.n_negative,
        "procedure": report.procedure,
        "p_value": report.p_value,
        "won_back": report.won_back.to_dict() if report.won_back else None,
        "newly_pass": report.n_flips["passes"],
        "newly_blocked": report.n_flips["blocked"],
        "needed": _needed(report),
        "costs": dict(zip(("miss", "block"), report.costs, strict=True)) if report.costs else None,
        "frontier": [_point(point) for point in report.frontier],
        "assumptions": list(report.assumptions),
        "voided_by": list(report.voided_by),
        "warnings": list(report.warnings),
        "certificate": report.certificate,
    }


def _threshold(report: TuneReport, point: Point | None) -> float | None:
    """The threshold of a single layer; with several, look at `thresholds`."""
    if point is None or len(report.layers) != 1:
        return None
    return point.thresholds[report.layers[0]]


def _needed(report: TuneReport) -> dict[str, Any] | None:
    plan = report.plan
    if plan is None:
        return None
    return {
        "n_positive": plan.n_positive,
        "needed": plan.needed,
        "needed_for_today": plan.needed_today,
        "best_alpha": _number(plan.best_alpha),
        "best": _point(plan.best) if plan.best else None,
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "thresholds": _thresholds(point),
        "tax": _number(point.tax.value),
        "tax_interval": _limits(point.tax),
        "risk": _number(point.risk.value),
        "risk_bound": _number(point.risk.high),
        "p": _number(point.p),
        "certified": point.certified,
    }


def _limits(interval: Interval) -> list[float | None]:
    return [_number(interval.low), _number(interval.high)]


def _thresholds(point: Point) -> dict[str, float | None]:
    return {layer: _number(value) for layer, value in point.thresholds.items()}


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def watch_json(watches: Sequence[tuple[str | None, Watch]]) -> dict[str, Any]:
    """The watch on each certificate, with the segment it is for; ready for JSON."""
    return {
        "alarm": any(watch.alarm for _, watch in watches),
        "watches": [
            {
                "segment": segment,
                "alarm": watch.alarm,
                "first_alarm": watch.first_alarm,
                "alpha": watch.alpha,
                "delta": watch.delta,
                "n": watch.n,
                "n_positive": watch.n_positive,
                "losses": watch.losses,
                "risk": _number(watch.risk.value),
                "risk_interval": _limits(watch.risk),
                "evidence": watch.capital,
                "highest_evidence": watch.highest,
                "notes": list(watch.notes),
            }
            for segment, watch in watches
        ],
    }
