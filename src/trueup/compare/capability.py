"""What a version can do, before against after: scores that other programs measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from trueup.compare.result import MeasureChange
from trueup.errors import UserError
from trueup.stats import Estimate, Interval, paired_difference

__all__ = ["Capabilities", "capability_changes", "common_score"]

_GROUP, _UNIT = "capability", "score"


class _Total(Protocol):
    """A score over a task (`trueup.sources.eval_results.Score`)."""

    @property
    def task(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def stderr(self) -> float | None: ...
    @property
    def n(self) -> int | None: ...
    @property
    def higher_is_better(self) -> bool | None: ...


class _PerExample(Protocol):
    """Scores of a task's examples (`trueup.sources.eval_results.ExampleScores`)."""

    @property
    def task(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def keys(self) -> Sequence[str]: ...
    @property
    def values(self) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Capabilities:
    """Everything that was scored of one version: totals, and the examples where they are known."""

    totals: Sequence[_Total] = ()
    examples: Sequence[_PerExample] = ()


_Name = tuple[str, str]  # task and metric
Scored = TypeVar("Scored", _Total, _PerExample)


@dataclass(frozen=True, slots=True)
class _Mean:
    """The total of what was scored per example."""

    task: str
    metric: str
    value: float
    stderr: float | None
    n: int | None
    higher_is_better: bool | None = None


def capability_changes(
    before: Capabilities,
    after: Capabilities,
    *,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> tuple[MeasureChange, ...]:
    """What changed in every score that both versions have.

    Examples that both sides have are paired (`trueup.stats.paired_difference`). Otherwise the
    difference comes from the totals and their standard errors, as of independent runs, with a
    normal interval and test; without standard errors it has no interval.

    Parameters
    ----------
    before, after
        The scores of either version. The same task and metric twice on one side is an error.
    level
        Confidence level in (0, 1).
    rng
        For the bootstrap; None: a fixed seed.

    Returns
    -------
    tuple of MeasureChange
        In the order of `before`. `p_adjusted` is NaN: whoever knows all the measures adjusts.

    Raises
    ------
    UserError
        Both sides have scores, but none in common; or one side has a score twice.

    Notes
    -----
    As of independent runs: when both ran on the same examples, the interval is wider than it need
    be. Voided by different prompts, shots or versions of a task on the two sides.
    """
    examples = _named(before.examples, "before"), _named(after.examples, "after")
    then = _totals(before, examples[0], "before")
    now = _totals(after, examples[1], "after")
    shared = [name for name in then if name in now]
    if not shared and then and now:
        raise UserError(
            "The two sides have no task and metric in common: "
            f"{_listed(list(then))} against {_listed(list(now))}.",
            "Run the same tasks on both.",
        )
    found = []
    for name in shared:
        change = None
        if name in examples[0] and name in examples[1]:
            change = _paired(_spoken(then[name]), examples[0][name], examples[1][name], level, rng)
        found.append(change or _independent(then[name], now[name], level))
    return tuple(found)


def common_score(
    versions: Mapping[str, Capabilities], level: float = 0.95
) -> tuple[str, dict[str, Interval]] | None:
    """The first score that every version has and that is better when higher, with normal limits.

    Returns its name and its interval by version, limits NaN without a standard error; None when
    there is no such score.
    """
    totals = {
        name: _totals(side, _named(side.examples, f"of {name}"), f"of {name}")
        for name, side in versions.items()
    }
    z = float(special.ndtri(0.5 + level / 2))
    first, *rest = totals.values()
    for name, total in first.items():
        if total.higher_is_better is not False and all(name in other for other in rest):
            return _spoken(total), {
                version: _limits(scores[name], z, level) for version, scores in totals.items()
            }
    return None


def _limits(total: _Total, z: float, level: float) -> Interval:
    half = math.nan if not total.stderr else z * total.stderr
    return Interval(total.value, total.value - half, total.value + half, level, total.n or 0)


def _totals(
    side: Capabilities, examples: Mapping[_Name, _PerExample], word: str
) -> dict[_Name, _Total]:
    """The totals of one side; the mean over the examples where that is all there is."""
    totals = _named(side.totals, word)
    return {**{name: _mean(one) for name, one in examples.items()}, **totals}


def _mean(examples: _PerExample) -> _Mean:
    n = len(examples.values)
    error = float(examples.values.std(ddof=1)) / math.sqrt(n) if n > 1 else None
    return _Mean(examples.task, examples.metric, float(examples.values.mean()), error, n)


def _named(scores: Sequence[Scored], side: str) -> dict[_Name, Scored]:
    found: dict[_Name, Scored] = {}
    for score in scores:
        name = (score.task, score.metric)
        if name in found:
            raise UserError(
                f"The scores {side} hold {': '.join(name)} twice.", "Give one result file per run."
            )
        found[name] = score
    return found


def _spoken(total: _Total) -> str:
    said = f"{total.task}: {total.metric}"
    return f"{said} (lower is better)" if total.higher_is_better is False else said


def _listed(names: Sequence[_Name]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(": ".join(name) for name in names[:3]) + rest


def _paired(
    name: str,
    before: _PerExample,
    after: _PerExample,
    level: float,
    rng: np.random.Generator | None,
) -> MeasureChange | None:
    """The change on the examples that both have; None when they share none."""
    then = dict(zip(before.keys, before.values.tolist(), strict=True))
    now = dict(zip(after.keys, after.values.tolist(), strict=True))
    shared = [key for key in then if key in now]
    if not shared:
        return None
    x, y = (np.array([side[key] for key in shared]) for side in (then, now))
    inside = bool(((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).all())
    change = paired_difference(x, y, rng=rng, bounds=(0.0, 1.0) if inside else None)
    limits = change.interval(level)
    n = len(shared)
    left = len(then.keys() ^ now.keys())
    method = f"{n:,} examples paired: {change.method}"
    if left:
        method += f"; {left:,} examples are on one side only"
    estimate = Estimate(
        name, limits.value, limits.low, limits.high, level, n, n, method,
        ("Examples are independent of each other.",),
    )  # fmt: skip
    return _change(estimate, float(x.mean()), float(y.mean()), change.p_value)


def _independent(before: _Total, after: _Total, level: float) -> MeasureChange:
    """The change between two totals; a standard error of 0 says nothing, and counts as none."""
    moved = after.value - before.value
    errors = [
        side.stderr for side in (before, after) if side.stderr is not None and side.stderr > 0
    ]
    n = min((side.n for side in (before, after) if side.n is not None), default=0)
    if len(errors) == 2:
        error = math.hypot(*errors)
        half = float(special.ndtri(0.5 + level / 2)) * error
        p_value = 2.0 * float(special.ndtr(-abs(moved) / error))
        method = "totals with standard errors, as of independent runs; normal interval and test"
        assumes: tuple[str, ...] = (
            "The runs are independent; on the same examples the interval is wider than it need be.",
        )
    else:
        half = p_value = math.nan
        method, assumes = "totals without standard errors: no interval", ()
    estimate = Estimate(
        _spoken(before), moved, moved - half, moved + half, level, n, n, method, assumes
    )
    return _change(estimate, before.value, after.value, p_value)


def _change(difference: Estimate, before: float, after: float, p_value: float) -> MeasureChange:
    return MeasureChange(
        name=difference.name,
        group=_GROUP,
        unit=_UNIT,
        before=before,
        after=after,
        difference=difference,
        p_value=p_value,
        p_adjusted=math.nan,
    )
