"""What `trueup goodhart watch --json` writes: a contract, described in docs/goodhart_watch.md."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trueup.report import divergence_text as say
from trueup.report.json_fields import plain

if TYPE_CHECKING:
    from trueup.goodhart.divergence.result import (
        BestOfN,
        Curve,
        DivergenceReport,
        LabelNeeds,
        RunReport,
        ScalingFit,
    )
    from trueup.stats import Interval

__all__ = ["SCHEMA_VERSION", "divergence_json"]

SCHEMA_VERSION = 1  # rises when a key goes or changes its meaning; new keys leave it as it is


def divergence_json(report: DivergenceReport) -> dict[str, Any]:
    """The report as plain values; what is unknown is None, never 0."""
    from trueup import __version__

    main = report.main
    told: dict[str, Any] = {
        "trueup": __version__,
        "kind": "divergence",
        "schema_version": SCHEMA_VERSION,
        "source": report.source,
        "columns": report.columns,
        "alarm": report.alarm,
        "sentence": say.sentence(report),
        "known": report.labels is None,
        "level": report.level,
        "delta": report.delta,
        **_headline(main),
        "runs": [_run(report, run) for run in report.runs],
        "best_of_n": _best_of_n(report.best_of_n),
        "scaling": [_scaling(fit) for fit in report.scaling],
        "labels": _labels(report.labels),
        "notes": list(report.notes),
    }
    return {key: plain(value) for key, value in told.items()}


def _headline(run: RunReport | None) -> dict[str, Any]:
    """The main run's findings, under the names that they have in `runs`."""
    if run is None:
        keys = (
            "alarm_step",
            "since_step",
            "best_step",
            "best_step_interval",
            "ndh",
            "ndh_interval",
        )
        return dict.fromkeys(keys)
    return _findings(run)


def _findings(run: RunReport) -> dict[str, Any]:
    best, alarm = run.best, run.alarm
    return {
        "alarm_step": _step(run, alarm.at) if alarm else None,
        "since_step": _step(run, alarm.since) if alarm else None,
        "best_step": _step(run, best.at) if best else None,
        "best_step_interval": [_step(run, best.low), _step(run, best.high)] if best else None,
        "ndh": best.drop.value if best else None,
        "ndh_interval": [best.drop.low, best.drop.high] if best else None,
    }


def _run(report: DivergenceReport, run: RunReport) -> dict[str, Any]:
    alarm = run.alarm
    return {
        "name": run.name,
        "together": run.together,
        "sentence": say.run_sentence(report, run),
        "regime": run.regime,
        "n_steps": len(run.steps),
        "n_truth": run.n_truth,
        "n_units": run.n_units,
        "alarm": bool(alarm and alarm.fired),
        **_findings(run),
        "truth_fell_step": _step(run, alarm.fell_at) if alarm else None,
        "truth_then_now": list(alarm.truth) if alarm and alarm.truth else None,
        "proxy_then_now": list(alarm.proxy) if alarm and alarm.proxy else None,
        "looks": alarm.looks if alarm else 0,
        "evidence": alarm.evidence if alarm else None,
        "delta": alarm.delta if alarm else None,
        "method": alarm.method if alarm else None,
        "best_truth": run.best.truth if run.best else None,
        "best_method": run.best.method if run.best else None,
        "noise": {"deviation": run.noise.deviation, "memory": run.noise.memory}
        if run.noise
        else None,
        "observed_delay": run.observed_delay,
        "delays": [
            {
                "fall": one.size,
                "median": one.median if math.isfinite(one.median) else None,
                "seen": one.seen,
                "horizon": one.horizon,
            }
            for one in run.delays
        ],
        "steps": list(run.steps),
        "proxy": _curve(run.proxy),
        "truth": _curve(run.truth) if run.truth else None,
        "assumptions": list(run.assumptions),
    }


def _step(run: RunReport, place: int | None) -> float | str | None:
    """The step as a number, where the table's steps are numbers."""
    if place is None:
        return None
    name = run.steps[place]
    try:
        value = float(name)
    except ValueError:
        return name
    return int(value) if value.is_integer() else value


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "at": list(curve.at),
        "value": list(curve.value),
        "fit": list(curve.fit),
        "low": list(curve.low),
        "high": list(curve.high),
    }


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def _best_of_n(found: BestOfN | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "n": list(found.n),
        "kl_upper_bound": list(found.kl),
        "truth": [_interval(one) for one in found.truth],
        "proxy": [_interval(one) for one in found.proxy],
        "n_prompts": found.n_prompts,
        "best_n": found.best_n,
    }


def _scaling(fit: ScalingFit) -> dict[str, Any]:
    return {
        "form": fit.form,
        "sentence": say.scaling_sentence(fit),
        "start": _interval(fit.start),
        "alpha": _interval(fit.alpha),
        "beta": _interval(fit.beta),
        "peak": _interval(fit.peak),
        "peak_reward": _interval(fit.peak_reward),
        "peak_n": _interval(fit.peak_n),
        "unknown": fit.unknown or None,
        "rmse": fit.rmse,
        "d": list(fit.d),
        "value": list(fit.value),
        "method": fit.method,
    }


def _labels(labels: LabelNeeds | None) -> dict[str, Any] | None:
    if labels is None:
        return None
    return {
        "power": labels.power,
        "level": labels.level,
        "checkpoints": labels.checkpoints,
        "needs": [
            {
                "fall": one.size,
                "same_examples": one.paired,
                "other_examples": one.fresh,
                "alarm_at_every_look": one.watched,
            }
            for one in labels.needs
        ],
        "assumptions": list(labels.assumptions),
    }
