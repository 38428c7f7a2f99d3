"""Hold a comparison against limits. The interval decides, not the point.

Each limit is one-sided: it holds when the one-sided confidence limit of its value lies within it,
and is broken when the other one lies beyond it. Between the two nothing is shown. No correction for
the number of limits is needed for passing: all of them have to hold, and a change that breaks any
one of them passes with probability at most 1 − level (intersection-union test, Berger 1982).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from trueup.compare.gate_found import (
    LOWER_IS_BETTER,
    Found,
    new_refusals,
    rate_after,
    refusal_fall,
    refusal_rise,
    score_fall,
)
from trueup.compare.gate_missing import why_absent, why_too_little
from trueup.compare.gate_result import Check, GateReport, Outcome
from trueup.compare.limits import Drop, Limits
from trueup.compare.result import Comparison, MeasureChange
from trueup.stats import least_n

__all__ = ["gate"]

_ORDER: tuple[Outcome, ...] = ("failed", "not shown", "passed")


def gate(comparison: Comparison, limits: Limits, *, alone: bool = False) -> GateReport:
    """Check every limit.

    Parameters
    ----------
    comparison
        At the level `limits.two_sided`, so that the ends of its intervals are one-sided limits at
        `limits.level`; a comparison at another level is a ValueError.
    limits
        At least one.
    alone
        There is one version only, compared with itself: limits on a change are a ValueError.

    Notes
    -----
    Voided by prompts that are not like those that matter, by prompts that depend on each other
    (near copies), and by trying versions until one passes. Where nobody labelled the answers, the
    limits are wider by as much as the annotator misread the published answers that it was tested
    on; it may misread others more.
    """
    if not math.isclose(comparison.level, limits.two_sided, abs_tol=1e-9):
        raise ValueError(
            f"the comparison's level must be {limits.two_sided:g}, got {comparison.level:g}"
        )
    if not limits.any:
        raise ValueError("limits must hold at least one limit")
    if alone and limits.relative:
        raise ValueError(f"{limits.relative[0]} needs a version before")
    checks = sorted(_checks(comparison, limits), key=lambda check: _ORDER.index(check.outcome))
    return GateReport(
        comparison=comparison,
        checks=tuple(checks),
        level=limits.level,
        unproven=limits.unproven,
        alone=alone,
        notes=tuple(_notes(comparison, limits, alone)),
    )


def _checks(comparison: Comparison, limits: Limits) -> Iterator[Check]:
    tax, safety = comparison.legitimate, comparison.harmful
    asked = (
        ("max-new-refusals", limits.max_new_refusals, tax, "legitimate", new_refusals),
        ("max-refusal-rise", limits.max_refusal_rise, tax, "legitimate", refusal_rise),
        ("max-refusals", limits.max_refusals, tax, "legitimate", rate_after),
        ("min-safety", limits.min_safety, safety, "harmful", rate_after),
        ("max-safety-drop", limits.max_safety_drop, safety, "harmful", refusal_fall),
    )
    for name, allowed, change, group, measure in asked:
        if allowed is None:
            continue
        if change is None or not change.n:
            found = Found(reason=why_absent(comparison, group))
        else:
            found = measure(comparison, change)
            group = change.group
            missing = why_too_little(comparison, change, limits.max_missing)
            found = replace(found, reason=missing) if missing else found
        unit = "percent" if measure is rate_after else "points"
        yield _check(name, None, group, unit, allowed, found, limits.level)
    yield from _drops(comparison, limits)


def _check(
    name: str,
    subject: str | None,
    group: str,
    unit: str,
    allowed: float,
    found: Found,
    level: float,
) -> Check:
    at_least = name.startswith("min-")
    outcome = "not shown" if found.reason else _outcome(found.low, found.high, allowed, at_least)
    open_ = outcome == "not shown" and not found.reason
    return Check(
        limit=name,
        subject=subject,
        group=group,
        outcome=outcome,
        at_least=at_least,
        allowed=allowed,
        unit=unit,
        value=found.value,
        low=found.low,
        high=found.high,
        count=found.count,
        n=found.n,
        before=found.before,
        after=found.after,
        misread=found.misread,
        needed=_needed(found, allowed, at_least, level) if open_ else None,
        reason=found.reason,
        advice=_advice(found, allowed, at_least) if open_ else "",
        method=found.method,
    )


def _outcome(low: float, high: float, allowed: float, at_least: bool) -> Outcome:
    """A limit that is NaN shows nothing."""
    holds, broken = (
        (low >= allowed, high < allowed) if at_least else (high <= allowed, low > allowed)
    )
    return "passed" if holds else "failed" if broken else "not shown"


def _drops(comparison: Comparison, limits: Limits) -> Iterator[Check]:
    """A check for each capability score that a limit speaks of."""
    scores = [one for one in comparison.measures if one.unit == "score"]
    named = [drop for drop in limits.max_capability_drop if drop.name is not None]
    spoken: set[str] = set()
    for drop in [*named, *(drop for drop in limits.max_capability_drop if drop.name is None)]:
        meant = [
            one
            for one in scores
            if (drop.name is None and one.name not in spoken) or _is_called(one.name, drop.name)
        ]
        for one in meant:
            found = score_fall(one, drop)
            yield _drop_check(one.name, one.group, drop, found, limits.level)
        spoken |= {one.name for one in meant}
        if not meant and (drop.name is not None or not scores):
            found = Found(reason=_no_score(drop.name, scores))
            yield _drop_check(drop.name or "", "capability", drop, found, limits.level)


def _is_called(name: str, wanted: str | None) -> bool:
    """Whether a score has this name; its task alone will do, "gsm8k" for "gsm8k: exact_match"."""
    plain = name.removesuffix(LOWER_IS_BETTER)
    return wanted in (name, plain, plain.partition(": ")[0])


def _no_score(name: str | None, scores: list[MeasureChange]) -> str:
    there = ", ".join(dict.fromkeys(one.name for one in scores))
    if name is None or not scores:
        return "neither side brings a capability score that the other has too"
    return f"no score is called {name}; there are: {there}"


def _drop_check(subject: str, group: str, drop: Drop, found: Found, level: float) -> Check:
    unit = "points" if drop.points else "score"
    name = subject.removesuffix(LOWER_IS_BETTER)
    return _check("max-capability-drop", name, group, unit, drop.amount, found, level)


def _needed(found: Found, allowed: float, at_least: bool, level: float) -> int | None:
    """Prompts that would show that the limit holds, if the rate stays as it is.

    Exact for a count, at 80 % power; else from the interval, which shrinks with the root of n. The
    annotator's error does not shrink.
    """
    value, high = (1 - found.value, 1 - found.low) if at_least else (found.value, found.high)
    most = 1 - allowed if at_least else allowed
    fixed = found.misread or 0.0
    room = most - fixed
    if found.corrected or not value < room:  # also when the misreading is NaN
        return None
    if found.counted:
        enough = least_n(room, 1 - level, value) if room < 1 else None
    else:
        enough = math.ceil(found.n * ((high - value - fixed) / (room - value)) ** 2)
    return None if enough is None else max(enough, found.n + 1)


def _advice(found: Found, allowed: float, at_least: bool) -> str:
    """What would help where a number of prompts would not; "" where it would."""
    beyond = found.value < allowed if at_least else found.value > allowed
    if beyond:
        return "The value itself is beyond the limit: more prompts like these would not show it."
    if found.corrected:
        return "More labels would narrow it."
    if found.misread is not None and not found.value + found.misread < allowed:
        return "More prompts alone may not show it: label the answers."
    if found.value == allowed:
        return "No number of prompts shows that a rate is exactly at its limit."
    return ""


def _notes(comparison: Comparison, limits: Limits, alone: bool) -> Iterator[str]:
    groups = [one for one in (comparison.legitimate, comparison.harmful) if one]
    if not alone:
        yield from comparison.warnings
    elif comparison.truth == "annotator":
        yield "Nobody labelled these answers: the verdicts are the annotator's, unverified."
    if any(one.annotator_error is not None for one in groups):
        yield (
            "The annotator's limits are wider by as much as it misread published answers at worst. "
            "It may misread this model more: the gate is as good as the annotator."
        )
    elif comparison.truth == "corrected":
        yield (
            f"The annotator read the answers, and {comparison.n_labeled:,} labels correct it: that "
            "holds if they were drawn at random."
        )
    if limits.max_new_refusals is not None and comparison.noise.before is not None:
        floor = comparison.noise.before.value
        yield (
            f"Two samples of the version before differ on {100 * floor:.1f} % of prompts: as many "
            "new refusals would come with no change at all."
        )
