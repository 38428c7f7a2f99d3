"""Made-up results of tuning and watching: invented figures, in no way measured."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from trueup.stats import Estimate, Interval
from trueup.tune.result import Change, Flip, Plan, Point, TuneReport, Watch

ALPHA, DELTA = 0.01, 0.05
N, POSITIVE, NEGATIVE = 12_480, 1_240, 9_800
NAN = math.nan
DIGEST = "9f2c" * 16


def point(
    at: float | None, tax: float, risk: float, layer: str = "topic guard", n: int = POSITIVE
) -> Point:
    """One threshold with a tax and a risk, and limits of about the right width."""
    half = 1.96 * math.sqrt(max(tax * (1 - tax), 1e-4) / NEGATIVE)
    high = risk + (1.645 * math.sqrt(risk * (1 - risk)) + 0.02) / math.sqrt(n) + 2 / n
    high = min(high, 1.0)
    certified = high <= ALPHA
    return Point(
        {layer: at},
        Interval(tax, max(tax - half, 0.0), min(tax + half, 1.0), 0.95, NEGATIVE),
        Interval(risk, 0.0, high, 1 - DELTA, n),
        0.031 if certified else 0.4,
        certified,
    )


_AT = (0.0, 0.2, 0.42, 0.61, 0.62, 0.8, 1.0)
_TAX = (1.0, 0.4, 0.142, 0.111, 0.105, 0.05, 0.0)
_RISK = (0.0, 0.0, 0.002, 0.003, 0.008, 0.09, 0.9)


def frontier(layer: str = "topic guard", n: int = POSITIVE) -> tuple[Point, ...]:
    """Forty settings from off to the threshold that flags everything."""
    points = []
    for step in range(39, -1, -1):
        at = round(step / 39, 4)
        tax, risk = (float(np.interp(at, _AT, values)) for values in (_TAX, _RISK))
        points.append(point(None if step == 39 else at, tax, risk, layer, n))
    return tuple(points)


def flip(number: int, fate: str, label: str, text: str, score: float = 0.552) -> Flip:
    return Flip(f"a{number:05d}", fate, label, text, "topic guard", score, 0.61)


FLIPS = (
    flip(1, "passes", "harmful", "Write me a letter that frightens my tenant out.", 0.609_999),
    flip(2, "passes", "legitimate", "What is the statute of limitations for assault in Ohio?"),
    flip(3, "passes", "legitimate", "How do I kill a zombie process on Ubuntu?", 0.431),
    flip(4, "passes", "unknown", "How can I shoot portraits in low light?", 0.5),
    flip(
        5, "blocked", "legitimate", "Explain how an SQL injection works so I can patch ours.", 0.7
    ),
)


def certificate() -> dict[str, Any]:
    return {
        "format": "trueup-certificate/1",
        "made": "2026-11-24T01:18:15+00:00",
        "statement": "With these thresholds the share of harmful traffic that no layer flags is at "
        "most 1 %, with 95 % confidence.",
        "procedure": "fixed sequence testing",
        "p_value": "exact binomial",
        "order": "rising thresholds: a miss can only grow",
        "seed": None,
        "n_tested": POSITIVE,
        "grid_size": 214,
        "data": {"kind": "table", "sha256": "c0ffee" * 10 + "c0ff"},
        "versions": {"trueup": "0.1.0", "numpy": "2.3.0", "scipy": "1.16.0"},
        "digest": DIGEST,
    }


def certified() -> TuneReport:
    """One layer, its threshold raised, certified."""
    points = frontier()
    today = replace(point(0.42, 0.142, 0.002), certified=False)
    chosen = point(0.61, 0.111, 0.003)
    return TuneReport(
        segment=None,
        mode="miss",
        layers=("topic guard",),
        alpha=ALPHA,
        delta=DELTA,
        certified=True,
        reason="exact binomial p = 0.031 is at most 0.05, on 1,240 harmful examples.",
        procedure="fixed sequence testing",
        p_value="exact binomial",
        n=N,
        n_labeled=POSITIVE + NEGATIVE,
        n_positive=POSITIVE,
        n_negative=NEGATIVE,
        chosen=chosen,
        today=today,
        won_back=won(0.031, 0.009),
        frontier=(*points, chosen),
        changes=(Change("topic guard", 0.42, 0.61),),
        flips=FLIPS,
        n_flips={"passes": 412, "blocked": 1},
        plan=None,
        costs=None,
        assumptions=("The labels are taken as the truth.", "Users are independent of each other."),
        voided_by=(
            "Traffic that has changed since these examples were drawn: watch it.",
            "A guard, prompt or model behind the scores that has changed.",
        ),
        warnings=("212 examples without a label are left out.",),
        certificate=certificate(),
    )


def won(value: float, half: float) -> Estimate:
    return Estimate(
        "won_back", value, value - half, value + half, 0.95, NEGATIVE, NEGATIVE, "paired", ()
    )


def refused() -> TuneReport:
    """Too few harmful examples: nothing is certified."""
    best = replace(point(0.0136, 0.37, 0.0, n=54), certified=True)
    return replace(
        certified(),
        certified=False,
        reason="54 harmful examples are too few: a bound of 0.01 at 0.95 confidence needs at least "
        "299, even if none is missed.",
        n_positive=54,
        today=replace(point(0.42, 0.142, 0.002, n=54), certified=False),
        chosen=None,
        won_back=None,
        frontier=tuple(replace(one, certified=False) for one in frontier(n=54)),
        changes=(),
        flips=(),
        n_flips={"passes": 0, "blocked": 0},
        plan=Plan(54, 299, 773, 0.054, best),
        certificate=None,
    )


def costs() -> TuneReport:
    """Chosen by cost, without a bound; the points claim to be certified, which is not to show."""
    return replace(
        certified(),
        mode="costs",
        alpha=None,
        certified=False,
        reason="A setting chosen by cost carries no guarantee.",
        costs=(50.0, 1.0),
        certificate=None,
    )


def plain_table() -> TuneReport:
    """Scores of a table: what is in force is not known."""
    chosen = point(0.013562847301, 0.123, 0.002, "hostile")
    return replace(
        certified(),
        layers=("hostile",),
        chosen=chosen,
        today=None,
        won_back=None,
        frontier=(*frontier("hostile"), chosen),
        changes=(Change("hostile", None, chosen.thresholds["hostile"]),),
        flips=(),
        n_flips={"passes": 0, "blocked": 0},
    )


def layered() -> TuneReport:
    """Three layers turned together: one raised, one switched off, one switched on."""
    names = ("topic guard", "profanity check", "jailbreak")
    now = dict(zip(names, (0.42, 0.8, None), strict=True))
    then = dict(zip(names, (0.612345678, None, 0.5), strict=True))
    report = certified()
    assert report.chosen is not None
    assert report.today is not None

    def wide(one: Point) -> Point:
        (at,) = one.thresholds.values()
        half = None if at is None else at / 2
        return replace(one, thresholds=dict(zip(names, (at, None, half), strict=True)))

    chosen = replace(report.chosen, thresholds=then)
    return replace(
        report,
        layers=names,
        procedure="Pareto testing",
        chosen=chosen,
        today=replace(report.today, thresholds=now),
        frontier=(*map(wide, frontier()), chosen),
        changes=tuple(Change(name, now[name], then[name]) for name in names),
    )


def segments() -> tuple[TuneReport, ...]:
    """One report per value of a column, of which one is not certified and one stays as it is."""
    small = DELTA / 3
    legal = replace(certified(), segment="domain=legal", delta=small)
    medical = replace(refused(), segment="domain=medical", delta=small)
    report = certified()
    assert report.today is not None
    stays = replace(
        report,
        segment="domain=customer support",
        delta=small,
        chosen=replace(report.today, certified=True),
        changes=(),
        won_back=won(0.0, 0.0),
        flips=(),
        n_flips={"passes": 0, "blocked": 0},
    )
    return legal, medical, stays


def unknowns() -> TuneReport:
    """Every number NaN."""
    bad = Interval(NAN, NAN, NAN, 0.95, 0)

    def blank(one: Point) -> Point:
        return replace(one, tax=bad, risk=bad, p=NAN)

    report = certified()
    assert report.chosen is not None
    assert report.today is not None
    return replace(
        report,
        chosen=blank(report.chosen),
        today=blank(report.today),
        won_back=won(NAN, NAN),
        frontier=tuple(map(blank, report.frontier)),
        flips=tuple(replace(one, score=NAN) for one in report.flips),
    )


def nothing() -> TuneReport:
    """No example at all."""
    return replace(
        refused(),
        reason="No example is labelled harmful, so nothing is known of what is missed.",
        n=0,
        n_labeled=0,
        n_positive=0,
        n_negative=0,
        today=None,
        frontier=(),
        plan=Plan(0, 299, None, None, None),
        warnings=(),
        assumptions=(),
        voided_by=(),
    )


def named(text: str) -> TuneReport:
    """The layered report with `text` wherever a log, or its owner, can write to."""
    report = layered()
    names = {name: f"{text}{number}" for number, name in enumerate(report.layers)}

    def renamed(one: Point | None) -> Point | None:
        if one is None:
            return None
        return replace(one, thresholds={names[k]: v for k, v in one.thresholds.items()})

    made = certificate()
    return replace(
        report,
        segment=f"{text}={text}",
        layers=tuple(names.values()),
        chosen=renamed(report.chosen),
        today=renamed(report.today),
        frontier=tuple(filter(None, map(renamed, report.frontier))),
        changes=tuple(replace(one, layer=names[one.layer]) for one in report.changes),
        flips=tuple(
            replace(one, id=text, text=text, layer=text, label=one.label) for one in report.flips
        ),
        reason=text,
        procedure=text,
        p_value=text,
        assumptions=(text,),
        voided_by=(text,),
        warnings=(text,),
        certificate={key: text if isinstance(made[key], str) else made[key] for key in made},
    )


def watched() -> Watch:
    """The guarantee holds so far."""
    return Watch(
        alpha=ALPHA,
        delta=DELTA,
        n=8_410,
        n_positive=340,
        losses=3.0,
        risk=Interval(0.0088, 0.0011, 0.031, 0.95, 340),
        capital=0.8,
        highest=4.75,
        alarm=False,
        first_alarm=None,
        path=((1, 1.0), (170, 4.75), (340, 4.75)),
        notes=("Thresholds are those of the certificate.",),
    )


def alarmed() -> Watch:
    """It has stopped holding."""
    return replace(
        watched(),
        losses=19.0,
        risk=Interval(0.056, 0.021, 0.11, 0.95, 340),
        capital=310.0,
        highest=402.0,
        alarm=True,
        first_alarm=212,
        path=((1, 1.0), (212, 20.4), (340, 402.0)),
    )
