"""Figures of tuning as the terminal and the page print them, and the settings they list."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.report.text import UNKNOWN, percent, shorten

if TYPE_CHECKING:
    from trueup.tune.result import Flip, Point, TuneReport

__all__ = [
    "OFF",
    "Alternative",
    "alternatives",
    "at_most",
    "compared",
    "layer_name",
    "setting",
    "share",
    "sure",
    "threshold",
]

OFF = "off"
_NAME = 60  # characters of a layer's name


def threshold(value: float | None) -> str:
    """A threshold in as many digits as it takes to flag the same when typed; None is "off"."""
    if value is None or value == math.inf:
        return OFF
    if not math.isfinite(value):
        return UNKNOWN
    short = f"{value:.6g}"
    return short if float(short) == value else repr(float(value))


def setting(thresholds: dict[str, float | None]) -> str:
    """Thresholds on one line: the bare one of a single layer, else each with its layer."""
    if len(thresholds) == 1:
        return threshold(next(iter(thresholds.values())))
    return ", ".join(f"{layer_name(layer)} {threshold(at)}" for layer, at in thresholds.items())


def share(value: float) -> str:
    """A bound as it was typed: "1 %", "0.25 %"."""
    return f"{100 * value:.4g} %"


def sure(delta: float) -> str:
    """The confidence 1 − delta as "95 %", in as many digits as keep it below 100 %."""
    level = 100 * (1 - delta)
    shown = (f"{level:.{digits}g}" for digits in range(4, 16))
    return f"{next((one for one in shown if float(one) < 100), '99.9…')} %"


def at_most(value: float) -> str:
    """An upper limit, rounded upwards: a bound is never printed lower than it is."""
    if not math.isfinite(value):
        return UNKNOWN
    shown = percent(value)
    places = len(shown.removesuffix(" %").partition(".")[2])
    step = 10.0**places
    return f"{min(100.0, math.ceil(100 * value * step - 1e-9) / step):.{places}f} %"


def compared(flip: Flip) -> str:
    """The score against the new threshold, in digits that tell the two apart."""
    if flip.threshold is None:
        return f"{_score(flip.score)}, now off"
    limit = threshold(flip.threshold)
    return f"{_score(flip.score, flip.threshold)} against {limit}"


@dataclass(frozen=True, slots=True)
class Alternative:
    """A setting of the frontier: whether the report certifies it, and whose it is."""

    point: Point
    certified: bool = False
    today: bool = False
    chosen: bool = False

    @property
    def mark(self) -> str:
        """What stands beside it: "today", "recommended", both, or nothing."""
        words = (("today", self.today), ("recommended", self.chosen))
        return ", ".join(word for word, holds in words if holds)


def alternatives(report: TuneReport, most: int | None = None) -> list[Alternative]:
    """The settings in order of rising tax, today's and the recommended one among them.

    `most`: about so many, evenly spread; None: all.
    """
    every = _every(report)
    if most is None or len(every) <= most:
        return every
    spread = {round((i + 1) * (len(every) - 1) / (most + 1)) for i in range(most)}
    return [one for i, one in enumerate(every) if i in spread or one.mark]


def _every(report: TuneReport) -> list[Alternative]:
    points = list(report.frontier)
    known = [point.thresholds for point in points]
    for extra in (report.chosen, report.today):
        if extra is not None and extra.thresholds not in known:
            points.append(extra)
            known.append(extra.thresholds)
    points.sort(key=lambda p: (math.isnan(p.tax.value), p.tax.value, -p.risk.value))
    return [
        Alternative(
            point,
            report.certified and report.mode != "costs" and point.certified,
            report.today is not None and point.thresholds == report.today.thresholds,
            report.chosen is not None and point.thresholds == report.chosen.thresholds,
        )
        for point in points
    ]


def _score(score: float, beside: float | None = None) -> str:
    if math.isnan(score):
        return UNKNOWN
    if math.isinf(score):
        return "failed closed" if score > 0 else "no score"
    for digits in range(3, 17):
        shown = f"{score:.{digits}g}"
        if beside is None or (float(shown) >= beside) == (score >= beside):
            return shown
    return repr(score)


def layer_name(layer: str) -> str:
    """A layer's name, fit to print."""
    return shorten(layer, _NAME) or "(no name)"
