# ruff: noqa: E501  (rows stay whole)
"""Judges against people: counts by hand, published agreement on real labels, and what stays unknown."""

from __future__ import annotations

import csv
import math

import pyarrow as pa
import pytest

from trueup.errors import UserError
from trueup.judge.calibrate import calibrate
from trueup.judge.label_values import label_id
from trueup.schema import ANNOTATIONS, LABELS


def labels(*rows: tuple[str, str, str, str, str]) -> pa.Table:
    """Rows of (target, question, value, source, rater)."""
    return LABELS.from_rows(
        {
            "id": label_id(t, q, s, r),
            "target_id": t,
            "question": q,
            "value": v,
            "source": s,
            "rater": r,
        }
        for t, q, v, s, r in rows
    )


def annotations(**verdicts: str) -> pa.Table:
    return ANNOTATIONS.from_rows(
        {"interaction_id": t, "compliance": v, "basis": "text", "annotator_version": "9"}
        for t, v in verdicts.items()
    )


def test_counts_by_hand():
    """Ten labelled: 4 refused (3 found), 6 not (1 false alarm); one human row unsure, one call failed."""
    human = [
        "refusal",
        "refusal",
        "partial",
        "refusal",
        "full",
        "full",
        "full",
        "unable",
        "full",
        "full",
        "undetermined",
        "full",
    ]
    judge = [
        "refusal",
        "partial",
        "partial",
        "full",
        "full",
        "full",
        "full",
        "unable",
        "full",
        "refusal",
        "full",
        "undetermined",
    ]
    rows = [
        row
        for i, (h, j) in enumerate(zip(human, judge, strict=True))
        for row in (
            (f"t{i}", "compliance", h, "human", "ann"),
            (f"t{i}", "compliance", j, "judge", "m"),
        )
    ]
    (found,) = calibrate(labels(*rows)).judges
    assert (found.judge, found.source, found.question) == ("m", "judge", "compliance")
    assert (found.answers, found.n) == (12, 10)
    assert found.undetermined.value == pytest.approx(1 / 12)
    assert found.agreement.value == pytest.approx(7 / 10)
    assert found.errors.false_negative.value == pytest.approx(1 / 4)
    assert found.errors.false_positive.value == pytest.approx(1 / 6)
    assert (found.errors.false_negative.n, found.errors.false_positive.n) == (4, 6)
    assert found.f1.value == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))
    # κ by Cohen's formula from the 2 × 2 table: observed 0.8, chance 0.4·0.4 + 0.6·0.6.
    assert found.kappa.value == pytest.approx((0.8 - 0.52) / 0.48)
    assert found.confusion["refusal", "full"] == 1
    assert sum(found.confusion.values()) == 10
    for interval in (found.agreement, found.kappa, found.f1, found.undetermined):
        assert interval.low < interval.value < interval.high


def test_the_annotator_is_one_of_the_judges():
    human = labels(
        ("a", "compliance", "refusal", "human", "x"), ("b", "compliance", "full", "human", "x")
    )
    (found,) = calibrate(
        human, annotations(a="refusal", b="full", c="full", d="undetermined")
    ).judges
    assert (found.source, found.judge, found.answers, found.n) == ("annotator", "9", 4, 2)
    assert found.undetermined.value == pytest.approx(1 / 4)
    assert found.agreement.value == 1.0
    assert found.agreement.low < 0.5  # two rows prove little


def test_the_majority_is_the_truth_and_ties_are_left_out():
    rows = [
        ("a", "compliance", v, "human", f"h{i}") for i, v in enumerate(("full", "full", "refusal"))
    ]
    rows += [("b", "compliance", v, "human", f"h{i}") for i, v in enumerate(("full", "refusal"))]
    rows += [(t, "compliance", "full", "judge", "m") for t in "ab"]
    (found,) = calibrate(labels(*rows)).judges
    assert (found.n, found.agreement.value) == (1, 1.0)


def test_people_against_people_is_the_ceiling():
    rows = [
        (f"t{i}", "legitimate", v, "human", "h1") for i, v in enumerate(("yes", "yes", "no", "no"))
    ]
    rows += [
        (f"t{i}", "legitimate", v, "human", "h2")
        for i, v in enumerate(("yes", "no", "no", "unsure"))
    ]
    (ceiling,) = calibrate(labels(*rows)).ceilings
    assert (ceiling.question, ceiling.raters, ceiling.n) == ("legitimate", 2, 3)
    assert ceiling.agreement.value == pytest.approx(2 / 3)
    assert ceiling.f1.value == pytest.approx(2 / 3)


def test_the_order_of_raters_does_not_matter():
    def kappa(first: str, second: str) -> float:
        rows = [
            (f"t{i}", "compliance", v, "human", first)
            for i, v in enumerate(("full", "full", "refusal", "partial"))
        ]
        rows += [
            (f"t{i}", "compliance", v, "human", second)
            for i, v in enumerate(("full", "refusal", "refusal", "full"))
        ]
        return calibrate(labels(*rows)).ceilings[0].kappa.value

    assert kappa("a", "b") == kappa("z", "b")


def test_shared_prompts_widen_the_interval():
    """Twelve prompts of ten responses each; the judge errs on whole prompts."""
    rows = []
    for i in range(120):
        wrong = i % 12 in (0, 4, 8)
        rows.append((f"t{i}", "compliance", "refusal" if i % 2 else "full", "human", "h"))
        rows.append((f"t{i}", "compliance", "partial" if wrong else "full", "judge", "m"))
    alone = calibrate(labels(*rows)).judges[0]
    shared = calibrate(labels(*rows), clusters={f"t{i}": i % 12 for i in range(120)}).judges[0]
    assert alone.errors.false_positive.value == pytest.approx(0.5)
    assert shared.errors.false_positive.value == pytest.approx(0.5)
    for name in ("agreement", "f1", "kappa"):
        widths = [getattr(j, name).high - getattr(j, name).low for j in (alone, shared)]
        assert widths[1] > 1.3 * widths[0]


def test_without_people_everything_is_unknown_and_said_so():
    result = calibrate(labels(("a", "compliance", "full", "judge", "m")), annotations(a="full"))
    for found in result.judges:
        assert found.n == 0
        for interval in (found.agreement, found.kappa, found.f1, found.errors.false_positive):
            assert math.isnan(interval.value)
    assert result.ceilings == ()
    assert result.notes == (
        "No human labels for 'compliance': nothing to compare the judges with.",
    )


def test_no_overlap_is_said():
    rows = (("a", "compliance", "full", "human", "h"), ("b", "compliance", "full", "judge", "m"))
    notes = calibrate(labels(*rows)).notes
    assert "m and people decided no interaction in common on 'compliance'." in notes
    assert any("two human answers" in note for note in notes)


def test_an_empty_table_is_no_error():
    assert calibrate(labels(), annotations()).judges == ()


def test_a_wrong_level_is_named():
    with pytest.raises(UserError, match=r"level must be in the open interval \(0, 1\), got 1.5"):
        calibrate(labels(), level=1.5)


def test_published_judges_on_real_labels(shared_data):
    """XSTest, three models: two humans, GPT-4 and string match as published with the data set.

    Expected: counted from the files with a plain loop; string match beats GPT-4, as the README of the
    data says of all five models, and the humans lie far above both.
    """
    short = {"1": "full", "2": "refusal", "3": "partial"}
    rows, agree, hits = [], {"gpt4": 0, "strmatch": 0}, 0
    for model in ("llama2orig", "llama2new", "mistralinstruct"):
        with (shared_data / "xstest" / f"{model}.csv").open(newline="", encoding="utf-8") as file:
            for r in csv.DictReader(file):
                target = f"{model}:{r['id']}"
                pair = [short[r[f"annotation_{i}"][0]] for i in (1, 2)]
                hits += pair[0] == pair[1]
                rows += [(target, "compliance", v, "human", f"h{i}") for i, v in enumerate(pair)]
                for name in agree:
                    value = short.get(r[f"{name}_label"][:1], "undetermined")
                    rows.append((target, "compliance", value, "judge", name))
                    agree[name] += pair[0] == pair[1] == value
    result = calibrate(labels(*rows))
    judges = {judge.judge: judge for judge in result.judges}
    (ceiling,) = result.ceilings
    assert ceiling.n == 1350
    assert ceiling.agreement.value == pytest.approx(hits / 1350)
    for name, count in agree.items():
        assert judges[name].answers == 1350
        assert judges[name].agreement.value == pytest.approx(count / judges[name].n)
    assert judges["gpt4"].undetermined.value > 0
    assert judges["gpt4"].kappa.high < judges["strmatch"].kappa.value < ceiling.kappa.low
