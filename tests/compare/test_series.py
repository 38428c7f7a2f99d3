"""Whole comparisons: noise, measures, slices, flips, the frontier, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from versions import version

from trueup.compare.answers import Answers
from trueup.compare.result import MeasureChange
from trueup.compare.series import compare
from trueup.compare.settings import Settings
from trueup.errors import UserError
from trueup.stats import Estimate


def labelled(name: str, verdicts: str, legitimate: str, **more: object) -> Answers:
    return version(name, verdicts, labels=verdicts, legitimate=legitimate, **more)


def test_one_version_is_no_comparison() -> None:
    with pytest.raises(UserError, match="two versions"):
        compare([version("b", "f")])


def test_versions_without_a_common_prompt_are_refused() -> None:
    with pytest.raises(UserError, match="no prompt in common"):
        compare([version("b", "f", keys=["x"]), version("a", "f", keys=["y"])])


def test_prompts_on_one_side_only_are_counted() -> None:
    before = version("b", "fff", keys=["x", "y", "z"])
    (found,) = compare([before, version("a", "ff", keys=["x", "w"])]).comparisons
    assert (found.only_before, found.only_after) == (2, 1)


def test_every_later_version_is_compared_with_the_first() -> None:
    versions = [version(name, "fr") for name in ("one", "two", "three")]
    series = compare(versions)
    assert [(c.before.name, c.after.name) for c in series.comparisons] == [
        ("one", "two"),
        ("one", "three"),
    ]


class TestNoise:
    def test_asked_once_the_floor_is_unknown_and_said_so(self) -> None:
        (found,) = compare([version("b", "fr"), version("a", "rf")]).comparisons
        assert found.noise.before is None
        assert found.noise.excess is None
        assert any("asked once" in one for one in found.warnings)

    def test_a_coin_against_itself_has_no_excess(self) -> None:
        rng = np.random.default_rng(5)
        keys = [f"q{i}" for i in range(150) for _ in range(6)]
        two = [version(n, "".join(rng.choice(list("fr"), 900)), keys=keys) for n in "ba"]
        (found,) = compare(two).comparisons
        assert found.noise.before is not None
        assert found.noise.before.value == pytest.approx(0.5, abs=0.05)
        assert found.noise.between.value == pytest.approx(0.5, abs=0.05)
        assert found.noise.excess is not None
        assert found.noise.excess.low <= 0 <= found.noise.excess.high
        assert found.noise.samples == 6
        assert not any("asked once" in one for one in found.warnings)

    def test_a_real_change_stands_above_the_floor(self) -> None:
        keys = [f"q{i}" for i in range(100) for _ in range(3)]
        before, after = version("b", "f" * 300, keys=keys), version("a", "r" * 300, keys=keys)
        (found,) = compare([before, after]).comparisons
        assert found.noise.excess is not None
        assert found.noise.excess.value == pytest.approx(1.0)


class TestMeasures:
    def changes(self) -> dict[str, MeasureChange]:
        n = 60
        counts = {
            "hedges": np.zeros(n),
            "disclaimers": np.zeros(n),
            "warnings": np.zeros(n),
            "words": np.full(n, 10.0),
        }
        more = counts | {"warnings": np.ones(n), "words": np.full(n, 30.0)}
        score, worse = np.linspace(0, 1, n), np.linspace(0, 1, n) / 2
        before = version("b", "f" * n, counts=counts, scores={"exam": score})
        after = version("a", "f" * n, counts=more, scores={"exam": worse})
        (found,) = compare([before, after]).comparisons
        return {one.name: one for one in found.measures}

    def test_each_is_measured_in_its_unit(self) -> None:
        found = self.changes()
        assert found["warnings"].unit == "share"
        assert (found["warnings"].before, found["warnings"].after) == (0.0, 1.0)
        assert found["words"].unit == "words"
        assert found["words"].difference.value == pytest.approx(20)
        assert found["exam"].unit == "score"
        assert found["exam"].difference.value == pytest.approx(-0.25)

    def test_what_did_not_change_is_not_found_to_have(self) -> None:
        found = self.changes()
        assert found["hedges"].p_adjusted == 1
        assert found["warnings"].p_adjusted < 0.001

    def test_scores_measured_elsewhere_join_in(self) -> None:
        nowhere = Estimate("gsm8k", -0.1, -0.2, 0.0, 0.95, 100, 0, "stated errors", ())
        extra = MeasureChange("gsm8k", "capability", "score", 0.6, 0.5, nowhere, 0.04, np.nan)
        (found,) = compare(
            [version("b", "fr"), version("a", "fr")], capability={"a": [extra]}
        ).comparisons
        assert found.measures[-1].name == "gsm8k"
        assert found.measures[-1].p_adjusted >= 0.04


def test_slices_carry_adjusted_p_values() -> None:
    n = 40
    domain = np.array((["law"] * 20) + (["code"] * 20), dtype=object)
    before = labelled("b", "f" * n, "l" * n, slices={"domain": domain})
    after = labelled("a", "r" * 20 + "f" * 20, "l" * n, slices={"domain": domain})
    (found,) = compare([before, after]).comparisons
    by_value = {one.value: one for one in found.slices}
    assert by_value["law"].change.newly_refused == 20
    assert by_value["code"].change.newly_refused == 0
    assert by_value["law"].p_adjusted == pytest.approx(2 * by_value["law"].change.p_value)
    assert by_value["code"].p_adjusted == 1


def test_flips_hold_both_texts_and_count_all() -> None:
    n = 600
    before = labelled("b", "f" * n, "l" * n)
    after = labelled("a", "p" * n, "l" * n)
    (found,) = compare([before, after]).comparisons
    assert found.n_flips["legitimate", "newly refused"] == n
    assert len(found.flips) == 500
    first = found.flips[0]
    assert (first.before, first.after) == ("b says f", "a says p")
    assert (first.verdict_before, first.verdict_after) == ("full", "partial")


def test_a_flip_among_samples_shows_those_that_flipped() -> None:
    keys = ["x"] * 3
    before = version("b", "rff", keys=keys, texts=["no", "yes", "sure"])
    after = version("a", "frr", keys=keys, texts=["yes", "never", "no way"])
    (found,) = compare([before, after]).comparisons
    (flip,) = found.flips
    assert (flip.before, flip.after) == ("yes", "never")


class TestFrontier:
    RIGHTS = "l" * 100 + "h" * 200

    def versions(self) -> list[Answers]:
        def made(name: str, tax: int, missed: int) -> Answers:
            verdicts = "r" * tax + "f" * (100 - tax) + "f" * missed + "r" * (200 - missed)
            return labelled(name, verdicts, self.RIGHTS)

        return [made("loose", 0, 100), made("middle", 10, 2), made("strict", 50, 2)]

    def test_the_least_tax_among_the_certified_is_chosen(self) -> None:
        found = compare(self.versions(), Settings(safety=0.9)).frontier
        assert found is not None
        by_name = {point.version: point for point in found.points}
        assert not by_name["loose"].certified
        assert by_name["middle"].certified
        assert by_name["middle"].chosen
        assert not by_name["strict"].chosen
        assert "Take middle" in found.sentence

    def test_the_pareto_set_leaves_out_what_is_beaten(self) -> None:
        found = compare(self.versions()).frontier
        assert found is not None
        assert [point.pareto for point in found.points] == [True, True, False]

    def test_nothing_certified_is_said(self) -> None:
        found = compare(self.versions(), Settings(safety=0.999)).frontier
        assert found is not None
        assert not any(point.certified for point in found.points)
        assert found.sentence.startswith("No version is certified")
        assert found.needed > 200

    def test_without_harmful_prompts_there_is_none(self) -> None:
        n = 20
        two = [labelled(name, "f" * n, "l" * n) for name in "ba"]
        assert compare(two).frontier is None

    def test_prompts_that_depend_on_each_other_count_as_one(self) -> None:
        """Ten clusters of ten legitimate prompts each say less than a hundred prompts."""
        alone = self.versions()
        groups = np.array([f"g{min(i, 99) // 10}" if i < 100 else f"h{i}" for i in range(300)])
        tied = [dataclasses.replace(one, cluster=groups.astype(object)) for one in alone]
        widths = []
        for versions in (alone, tied):
            found = compare(versions).frontier
            assert found is not None
            strict = found.points[2].tax
            widths.append(strict.high - strict.low)
        assert widths[1] > 1.5 * widths[0]

    def test_capability_is_an_axis_of_its_own(self) -> None:
        loose, middle, strict = self.versions()
        scored = [
            labelled(
                one.name,
                "".join("frr"[max(0, v)] for v in one.read),
                self.RIGHTS,
                scores={"exam": np.full(300, value)},
            )
            for one, value in zip((loose, middle, strict), (0.5, 0.6, 0.9), strict=True)
        ]
        found = compare(scored).frontier
        assert found is not None
        assert found.capability_name == "exam"
        assert [point.pareto for point in found.points] == [True, True, True]
