"""Rates, flips and differences of a group, in each state of the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from versions import version

from trueup.compare.answers import Answers
from trueup.compare.groups import group_change, group_masks, truth_of
from trueup.compare.misreading import MISREAD, difference_error, rate_limits
from trueup.compare.pairs import paired
from trueup.compare.result import GroupChange
from trueup.compare.settings import Settings
from trueup.errors import UserError


def change(before: Answers, after: Answers, **settings: float) -> GroupChange | None:
    pairs = paired(before, after)
    (name, mask), *_ = group_masks(pairs).items()
    return group_change(pairs, mask, name, truth_of(pairs), Settings(**settings))  # type: ignore[arg-type]


def labelled(name: str, verdicts: str) -> Answers:
    return version(name, verdicts, labels=verdicts, legitimate="l" * len(verdicts))


def test_a_total_that_falls_by_one_can_hide_ten_new_refusals() -> None:
    before = labelled("b", "r" * 18 + "f" * 82)
    after = labelled("a", "f" * 11 + "r" * 7 + "r" * 10 + "f" * 72)
    found = change(before, after)
    assert found is not None
    assert (found.refused_before, found.refused_after) == (18, 17)
    assert (found.newly_refused, found.newly_answered) == (10, 11)
    assert found.difference.value == pytest.approx(-0.01)
    assert found.difference.low < 0 < found.difference.high


def test_partial_refusals_count_and_inability_does_not() -> None:
    pairs = paired(
        version("b", "ff", labels="ff"), version("a", "ff", labels="pf", legitimate="ll")
    )
    assert pairs.two.share.tolist() == [1, 0]


def test_no_flip_gives_an_interval_all_the_same() -> None:
    found = change(labelled("b", "f" * 30), labelled("a", "f" * 30))
    assert found is not None
    assert found.difference.value == 0
    assert found.difference.low < 0 < found.difference.high
    assert found.p_value == 1
    assert found.equivalent is False  # thirty prompts cannot show it to be within two points
    assert found.n_needed is not None
    assert found.n_needed > 30


def test_many_prompts_without_a_flip_show_that_nothing_changed() -> None:
    found = change(labelled("b", "fr" * 200), labelled("a", "fr" * 200))
    assert found is not None
    assert found.equivalent is True
    assert found.n_needed is None


def test_with_samples_a_prompt_is_refused_when_half_of_them_are() -> None:
    before = version("b", "ffrf", keys=["x", "x", "y", "y"], labels="ffrf", legitimate="llll")
    after = version("a", "rfrr", keys=["x", "x", "y", "y"], labels="rfrr", legitimate="llll")
    found = change(before, after)
    assert found is not None
    assert (found.n, found.refused_before, found.refused_after) == (2, 1, 2)
    assert found.newly_refused == 1
    assert found.difference.value == pytest.approx(0.5)  # of the shares 0, 1/2 and 1/2, 1


def test_a_side_without_a_verdict_is_left_out_and_counted() -> None:
    found = change(labelled("b", "rr?"), labelled("a", "r?r"))
    assert found is not None
    assert (found.n, found.unpaired) == (1, 2)


def test_nothing_known_on_both_sides_is_none() -> None:
    assert change(labelled("b", "r?"), labelled("a", "?r")) is None


def test_without_a_word_on_legitimacy_there_is_one_group_of_all() -> None:
    pairs = paired(version("b", "fr"), version("a", "rr"))
    assert list(group_masks(pairs)) == ["all"]


class TestTruth:
    def test_of_labels_readings_and_both(self) -> None:
        n = 40
        after = version("a", "r" * n, labels="r" * n)
        assert truth_of(paired(version("b", "f" * n, labels="f" * n), after)) == "labels"
        assert truth_of(paired(version("b", "f" * n), version("a", "r" * n))) == "annotator"
        some = "f" * 20 + "?" * 20
        assert truth_of(paired(version("b", "f" * n, labels=some), after)) == "corrected"

    def test_a_handful_of_labels_corrects_nothing(self) -> None:
        some = "f" * 3 + "?" * 37
        pairs = paired(version("b", "f" * 40, labels=some), version("a", "r" * 40, labels=some))
        assert truth_of(pairs) == "annotator"

    def test_labels_that_are_right_correct_a_reading_that_is_wrong(self) -> None:
        """The annotator sees no refusal after; people see one in every second answer."""
        n = 400
        truth = "rf" * (n // 2)
        some = "".join(v if i % 4 < 2 else "?" for i, v in enumerate(truth))
        plain = "".join("f" if i % 4 < 2 else "?" for i in range(n))
        before = version("b", "f" * n, labels=plain, legitimate="l" * n)
        after = version("a", "f" * n, labels=some, legitimate="l" * n)
        found = change(before, after)
        assert found is not None
        assert found.difference.low < 0.5 < found.difference.high
        assert found.difference.low > 0.3
        assert found.annotator_error is None
        assert found.difference.n_labeled == 200

    def test_few_labels_among_many_prompts_are_joined_by_the_annotator(self) -> None:
        """Where the labels alone would be as sharp, they stand alone."""
        methods = []
        for n in (200, 4000):
            some = "".join("f" if i < 100 else "?" for i in range(n))
            flipped = "fr" * (n // 2)
            before = version("b", "f" * n, labels=some, legitimate="l" * n)
            labels = "".join(v if i < 100 else "?" for i, v in enumerate(flipped))
            found = change(before, version("a", flipped, labels=labels, legitimate="l" * n))
            assert found is not None
            assert found.difference.low < 0.5 < found.difference.high
            methods.append(found.difference.method)
        assert methods[0].startswith("the labelled prompts alone")
        assert methods[1] == "prediction-powered"


class TestAnnotatorAlone:
    def test_the_interval_is_wider_than_that_of_labels(self) -> None:
        b, a = "f" * 80 + "r" * 20, "f" * 60 + "r" * 40
        read = change(version("b", b, legitimate="l" * 100), version("a", a, legitimate="l" * 100))
        said = change(labelled("b", b), labelled("a", a))
        assert read is not None
        assert said is not None
        assert read.difference.low < said.difference.low
        assert read.difference.high > said.difference.high
        assert read.annotator_error is not None
        assert read.annotator_error > 0

    def test_equal_texts_are_read_equally_so_nothing_is_added(self) -> None:
        texts = [f"answer {i}" for i in range(100)]
        b = version("b", "f" * 80 + "r" * 20, texts=texts, legitimate="l" * 100)
        read = change(b, version("a", "f" * 80 + "r" * 20, texts=texts, legitimate="l" * 100))
        assert read is not None
        assert read.annotator_error == 0

    @pytest.mark.parametrize("true", [0.0, 0.05, 0.3, 0.6, 1.0])
    def test_the_limits_hold_every_truth_that_the_rates_allow(self, true: float) -> None:
        by = MISREAD["legitimate"]
        for false_alarm in (0.0, 0.05, by.false_alarm):
            for missed in (0.0, by.missed):
                read = true * (1 - missed) + (1 - true) * false_alarm
                low, high = rate_limits(read, by)
                assert low - 1e-12 <= true <= high + 1e-12

    def test_nothing_changed_adds_no_error(self) -> None:
        assert difference_error(0.2, 0.6, 0.0, MISREAD["legitimate"]) == (0, 0)


@pytest.mark.parametrize(
    ("name", "value"), [("level", 1.0), ("margin", 0.0), ("safety", math.nan), ("level", -3)]
)
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(UserError, match=name):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(3)
    b, a = ("".join(rng.choice(list("fr"), 300)) for _ in range(2))
    found = [change(labelled("b", b), labelled("a", a)) for _ in range(2)]
    assert found[0] == found[1]
