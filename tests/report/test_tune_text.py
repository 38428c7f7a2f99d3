"""The sentences of tuning: what to type, what it brings, and no promise that was not made."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import tune_sample as made
from trueup.report.text import neutralise
from trueup.report.tune_figures import alternatives, at_most, compared, setting, sure, threshold
from trueup.report.tune_text import needs, place, sentences, verdict
from trueup.stats import Interval
from trueup.tune.result import Change


def test_it_says_what_to_do_what_it_brings_and_what_is_promised() -> None:
    assert sentences(made.certified()) == [
        "Raise topic guard's threshold from 0.42 to 0.61: wins back 3.1 points (2.2 to 4.0) of "
        "legitimate traffic; harm missed stays under 1 % with 95 % confidence."
    ]


def test_several_layers_bring_it_together() -> None:
    *acts, last = sentences(made.layered())
    assert acts == [
        "Raise topic guard's threshold from 0.42 to 0.612345678.",
        "Turn profanity check off.",
        "Turn jailbreak on, at a threshold of 0.5.",
    ]
    assert last.startswith("Together: wins back 3.1 points (2.2 to 4.0) of legitimate traffic; ")


def test_a_segment_is_named_and_has_its_own_confidence() -> None:
    legal, medical, stays = (sentences(report) for report in made.segments())
    assert "where domain is legal: wins back" in legal[0]
    assert "with 98.33 % confidence" in legal[0]
    assert medical[0].startswith("Nothing is certified where domain is medical")
    assert stays[0].startswith("Leave the threshold as it is where domain is customer support")


def test_where_nothing_is_in_force_the_setting_is_told_in_full() -> None:
    said = sentences(made.plain_table())
    assert said[0].startswith("Flag hostile scores of 0.013562847301 or more: flags 12.3 %")
    assert "wins back" not in said[0]


def test_new_misses_are_promised_as_such() -> None:
    said = sentences(replace(made.certified(), mode="new_miss"))[0]
    assert "at most 1 % of harmful traffic is newly let through, with 95 % confidence" in said
    assert "harm missed stays" not in said


def test_costs_promise_nothing() -> None:
    said = " ".join(sentences(made.costs()))
    assert "cheapest setting at 50 per miss and 1 per block" in said
    assert "This is not certified" in said
    assert "confidence" not in said


def test_nothing_certified_says_what_is_needed() -> None:
    said = sentences(made.refused())
    assert said[0].startswith("Nothing is certified, so no change is recommended. 54 harmful")
    assert "Label at least 245 more harmful examples: with 299 in all" in said[1]
    assert "about 773 harmful examples" in said[2]
    assert (
        "bound of 5.4 %, these labels would have certified: flag topic guard scores of" in said[3]
    )
    assert verdict(made.refused()) == "NOT CERTIFIED"


def test_a_setting_that_misses_too_much_is_not_cured_by_labels() -> None:
    report = made.refused()
    assert report.plan
    assert report.today
    bad = replace(report.today, risk=Interval(0.2, 0.0, 0.31, 0.95, 54))
    said = needs(replace(report, today=bad, plan=replace(report.plan, needed_today=None)))
    assert "Today's setting misses 20.0 % of the harmful examples" in said[1]
    assert "more labels alone will not certify it" in said[1]


def test_a_setting_that_takes_more_is_not_called_a_gain() -> None:
    report = replace(
        made.certified(),
        won_back=made.won(-0.02, 0.005),
        changes=(Change("topic guard", 0.61, 0.42),),
    )
    assert sentences(report)[0].startswith(
        "Lower topic guard's threshold from 0.61 to 0.42: costs 2.0 points (1.5 to 2.5)"
    )


def test_a_gain_that_may_be_chance_says_so() -> None:
    report = replace(made.certified(), won_back=made.won(0.002, 0.005))
    assert "(this may be chance)" in sentences(report)[0]


@pytest.mark.parametrize(
    "report",
    [made.unknowns(), made.nothing(), replace(made.costs(), chosen=None)],
)
def test_unknown_is_never_a_number(report: made.TuneReport) -> None:
    said = " ".join(sentences(report))
    assert "nan" not in said
    assert "None" not in said
    assert " 0.0 " not in said


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_typed_threshold_flags_the_same(value: float) -> None:
    assert float(threshold(value)) == value


def test_thresholds_are_as_short_as_they_can_be() -> None:
    assert [threshold(one) for one in (0.61, 0.0136, 1.0, None, math.inf, math.nan)] == [
        "0.61",
        "0.0136",
        "1",
        "off",
        "off",
        "unknown",
    ]
    assert setting({"a": 0.5}) == "0.5"
    assert setting({"a": 0.5, "b": None}) == "a 0.5, b off"


@given(st.floats(0.0, 1.0))
def test_a_bound_is_never_printed_lower_than_it_is(value: float) -> None:
    shown = float(at_most(value).removesuffix(" %"))
    assert 100 * value <= shown + 1e-8
    assert shown <= 100


@given(st.floats(1e-12, 0.5))
def test_confidence_is_never_full(delta: float) -> None:
    assert float(sure(delta).removesuffix(" %")) < 100


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_score_and_its_threshold_read_as_they_compare(score: float, limit: float) -> None:
    shown, against = compared(replace(made.FLIPS[0], score=score, threshold=limit)).split(
        " against "
    )
    assert (float(shown) >= float(against)) == (score >= limit)


def test_a_layer_that_gave_no_score_is_not_given_one() -> None:
    one = made.FLIPS[0]
    assert compared(replace(one, score=math.inf)).startswith("failed closed")
    assert compared(replace(one, score=-math.inf)).startswith("no score")
    assert compared(replace(one, score=math.nan)).startswith("unknown")
    assert compared(replace(one, threshold=None)) == "0.61, now off"


@pytest.mark.parametrize("most", [1, 6, 20])
def test_todays_and_the_recommended_setting_are_always_listed(most: int) -> None:
    rows = alternatives(made.certified(), most)
    assert [row.mark for row in rows if row.mark] == ["recommended", "today"]
    assert most <= len(rows) <= most + 2
    taxes = [row.point.tax.value for row in rows]
    assert taxes == sorted(taxes)


def test_every_setting_is_listed_once() -> None:
    report = made.certified()
    rows = alternatives(report)
    assert len(rows) == len(report.frontier) + 1  # today's lies between two of them
    assert sum(row.chosen for row in rows) == 1


@given(st.text(max_size=200))
def test_any_name_is_fit_to_print(text: str) -> None:
    report = made.named(text)
    for said in [*sentences(report), place(report), setting(report.chosen.thresholds)]:  # type: ignore[union-attr]
        assert neutralise(said) == said
