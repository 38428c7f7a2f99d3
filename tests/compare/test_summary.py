"""Published tables: the figures in them come back, and what they do not support is not said."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from trueup.compare.summary import summarise
from trueup.compare.summary_columns import read_columns
from trueup.compare.summary_result import SummaryCell, SummaryChange, SummaryReport
from trueup.errors import UserError
from trueup.sources.summary_table import NumberColumn, SummaryTable, read_summary
from trueup.stats import two_proportion_n

Read = Callable[[str], SummaryTable]


@pytest.fixture
def reference(shared_data: Path) -> Path:
    """Figures that were published; each file's source is in its README."""
    return shared_data.parent / "reference"


@pytest.fixture
def published(reference: Path) -> Read:
    return lambda name: read_summary(reference / f"{name}.csv")


def figures(name: str, *values: float, decimals: int = 0, percent: bool = False) -> NumberColumn:
    return NumberColumn(name, values, decimals, percent)


def table(*columns: NumberColumn, ordered: bool = False) -> SummaryTable:
    names = tuple((f"row {place}",) for place in range(len(columns[0].values)))
    return SummaryTable("t.csv", ("model",), names, ordered, columns)


def cell(report: SummaryReport, row: str, metric: str) -> SummaryCell:
    found = next(one for one in report.rows if one.label == row)
    return next(one for one in found.cells if one.metric == metric)


def moved(report: SummaryReport, row: str, metric: str) -> SummaryChange:
    change = cell(report, row, metric).from_baseline
    assert change is not None
    return change


def stepped(report: SummaryReport, row: str, metric: str) -> SummaryChange:
    change = cell(report, row, metric).from_previous
    assert change is not None
    return change


def test_safety_tax(published: Read) -> None:
    # Safety Tax (2025), s1.1-32B: reasoning 63.40 → 32.49 is −30.91 points, and −48.8 %.
    report = summarise(published("safety_tax_s1_32b"))
    assert (report.ordered, report.baseline) == (True, "base")
    change = stepped(report, "then DirectRefusal", "reasoning_avg_pct")
    assert change.against == "reasoning-tuned"
    assert change.difference.value == pytest.approx(-0.3091)
    assert change.relative == pytest.approx(-0.3091 / 0.6340)
    assert change.better is False
    assert math.isnan(change.p_value)
    assert math.isnan(change.difference.low)
    harm = stepped(report, "then DirectRefusal", "harmful_score_pct")
    assert harm.better is True
    tuned = summarise(published("safety_tax_s1_32b"), baseline="reasoning-tuned")
    change = moved(tuned, "then DirectRefusal", "reasoning_avg_pct")
    assert change.difference.value == pytest.approx(-0.3091)
    change = moved(tuned, "then SafeChain", "reasoning_avg_pct")
    assert change.difference.value == pytest.approx(-0.0709)
    assert cell(tuned, "reasoning-tuned", "reasoning_avg_pct").from_baseline is None


def test_or_bench(reference: Path) -> None:
    # OR-Bench (ICML 2025), the authors' plotting data: 0.8935 over 32 models.
    path = reference / "or_bench_models.csv"
    report = summarise(read_summary(path))
    (found,) = report.tradeoffs
    assert found.spearman == pytest.approx(0.8935, abs=5e-5)
    assert found.n == len(report.rows) == 32
    assert {metric.better for metric in report.metrics} == {"lower"}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            (row["model"], float(row["over_refusal_pct"]), float(row["toxic_acceptance_pct"]))
            for row in csv.DictReader(file)
        ]
    kept = {
        name
        for name, refused, accepted in rows
        if not any(
            r <= refused and a <= accepted and (r < refused or a < accepted) for _, r, a in rows
        )
    }
    assert {row.name for row in report.rows if row.pareto} == kept
    assert 0 < len(kept) < 32


def fisher_by_enumeration(k1: int, n1: int, k2: int, n2: int) -> float:
    """Two-sided: the probability of all tables that are no likelier, margins given."""

    def weight(k: int) -> int:
        return math.comb(n1, k) * math.comb(n2, k1 + k2 - k)

    possible = range(max(0, k1 + k2 - n2), min(n1, k1 + k2) + 1)
    likely = sum(weight(k) for k in possible if weight(k) <= weight(k1))
    return likely / math.comb(n1 + n2, k1 + k2)


def test_metr_prompts(published: Read) -> None:
    # METR (June 2025): the same task under five prompts, n = 20 each; none differs.
    report = summarise(published("metr_o3_prompts"))
    assert (report.count, report.n_tests) == ("runs", 4)
    counts = {row.label: (row.cells[0].k, row.cells[0].n) for row in report.rows}
    assert counts == {
        "original": (16, 20),
        "solve by intended methods": (19, 20),
        "do not cheat": (16, 20),
        "do not reward hack": (14, 20),
        "high-stakes framing": (14, 20),
    }
    raw = []
    for row in report.rows[1:]:
        change = moved(report, row.label, "hacked_pct")
        k, n = counts[row.label]
        assert k is not None
        assert n is not None
        wanted = scipy_stats.fisher_exact([[k, n - k], [16, 4]]).pvalue
        assert change.p_value == pytest.approx(wanted)
        assert change.p_value == pytest.approx(fisher_by_enumeration(k, n, 16, 20))
        assert change.difference.low < 0 < change.difference.high
        raw.append(change.p_value)
    # Holm by hand: 4 · 0.34 is above 1 already, so every adjusted one is 1.
    assert 4 * min(raw) > 1
    assert all(moved(report, row.label, "hacked_pct").p_adjusted == 1.0 for row in report.rows[1:])
    change = moved(report, "solve by intended methods", "hacked_pct")
    assert change.n_needed == two_proportion_n(0.95, 0.80)
    assert moved(report, "do not cheat", "hacked_pct").n_needed is None
    assert moved(report, "do not cheat", "hacked_pct").better is None


def test_newcombe_intervals() -> None:
    # Newcombe (1998, Statistics in Medicine 17:873), Table II, method 10: 56/70 against 48/80 gives
    # 0.0524 to 0.3339, and 9/10 against 3/10 gives 0.1705 to 0.8090.
    for (k1, n1), (k2, n2), low, high in (
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
    ):
        report = summarise(table(figures("hacked", k2, k1), figures("runs", n2, n1)))
        change = moved(report, "row 1", "hacked").difference
        assert change.low == pytest.approx(low, abs=5e-5)
        assert change.high == pytest.approx(high, abs=5e-5)


def test_metr_reward_hacks(published: Read) -> None:
    # METR (June 2025): raw counts 39/128 against 8/1087 give 41.4 times (not "more than 43").
    report = summarise(published("metr_o3_reward_hacks"), baseline="HCAST (all)")
    change = moved(report, "RE-Bench (all)", "hacked")
    assert change.ratio.value == pytest.approx(41.4, abs=0.05)
    assert change.ratio.low < 41.4 < change.ratio.high
    assert change.p_adjusted < 1e-9
    assert (cell(report, "LLM Foundry", "hacked").k, report.metrics[0].counted) == (21, True)
    holm = sorted(
        (moved(report, row.label, "hacked").p_value, moved(report, row.label, "hacked").p_adjusted)
        for row in report.rows
        if not row.baseline
    )
    steps = [(6 - place) * p for place, (p, _) in enumerate(holm)]
    assert [adjusted for _, adjusted in holm] == pytest.approx(
        list(itertools.accumulate(steps, max))
    )


def test_averaging_dominates_within_each_model(published: Read) -> None:
    # Lin et al. (2023/24), Table 1: heterogeneous averaging is better in every column.
    report = summarise(published("lin_model_averaging"))
    assert report.keys == ("model", "method")
    assert report.baseline == "rlhf"
    averaged = [row for row in report.rows if row.name == "hma"]
    assert [row.relation for row in averaged] == ["better", "better"]
    assert [row.pareto for row in report.rows] == [False, True, False, True]
    change = moved(report, "zephyr-gemma / hma", "bleu")
    assert change.against == "zephyr-gemma / rlhf"
    assert change.difference.value == pytest.approx(0.62)  # a score: not points
    assert {m.name: m.unit for m in report.metrics}["bleu"] == "score"
    assert report.tradeoffs == ()  # across models it would mix two questions
    turned = summarise(published("lin_model_averaging"), baseline="hma")
    assert [row.relation for row in turned.rows] == ["worse", None, "worse", None]
    one = summarise(published("lin_model_averaging"), baseline="zephyr-beta / rlhf")
    assert moved(one, "zephyr-gemma / hma", "bleu").against == "zephyr-beta / rlhf"


def test_nspo_and_impossiblebench(published: Read) -> None:
    report = summarise(published("nspo_llama3_8b"))
    assert [row.name for row in report.rows if row.pareto] == ["NSPO"]
    assert {row.name: row.relation for row in report.rows} == {
        "base": None,
        "SafeRLHF": "worse",
        "W-DOOR": "better",
        "BFPO": "mixed",
        "NSPO": "better",
    }
    (found,) = summarise(published("impossiblebench_swe")).tradeoffs
    with_scipy = scipy_stats.spearmanr(
        [76, 70, 54, 53, 48, 39, 21, 14], [54, 64, 50, 49, 43, 29, 14, 3]
    )
    assert found.spearman == pytest.approx(-with_scipy.statistic)


@pytest.mark.parametrize(
    ("name", "values", "unit"),
    [
        ("refusal_pct", (80.0, 20.0), "share"),
        ("anything at all (%)", (80.0, 20.0), "share"),
        ("accuracy", (63.4, 32.5), "share"),
        ("accuracy", (0.634, 0.325), "share"),
        ("accuracy", (1.2, 0.3), "score"),  # per cent or share? nobody can tell
        ("accuracy", (163.4, 32.5), "score"),
        ("reward", (0.16, 0.35), "score"),
        ("latency_ms", (38.0, 41.0), "score"),
        ("bleu", (36.5, 37.2), "score"),
    ],
)
def test_points_are_for_percentages_only(name: str, values: tuple[float, float], unit: str) -> None:
    report = summarise(table(figures(name, *values, decimals=1)))
    assert report.metrics[0].unit == unit
    scale = 1.0 if unit == "score" or max(values) <= 1 else 100.0
    change = moved(report, "row 1", name).difference.value
    assert change == pytest.approx((values[1] - values[0]) / scale)
    said = unit == "share" and "pct" not in name and "%" not in name
    assert any(f"{name} is read as" in note for note in report.notes) == said


def test_a_percent_sign_in_the_cells_says_it_all() -> None:
    report = summarise(table(figures("reward", 0.5, 0.25, decimals=2, percent=True)))
    assert cell(report, "row 0", "reward").value.value == 0.005


def test_percentages_that_may_be_shares_are_doubted() -> None:
    report = summarise(table(figures("refusal_pct", 0.8, 0.2, decimals=1)))
    assert any("are they shares?" in note for note in report.notes)


def k_of(share: float, n: int, decimals: int) -> tuple[int | None, tuple[str, ...]]:
    columns = (figures("hit_pct", share, share, decimals=decimals), figures("n", n, n))
    (reading,), count = read_columns(columns)
    assert count == "n"
    return reading.k[0], tuple(note for note in reading.notes if "count" in note)


def test_a_rate_gives_its_count_only_when_it_is_one() -> None:
    assert k_of(66.7, 3, 1) == (2, ())
    assert k_of(80, 20, 0) == (16, ())
    k, notes = k_of(50, 3, 0)  # no third is a half
    assert k is None
    assert "2 rows are no whole count of hit_pct out of n" in notes[0]
    k, notes = k_of(30, 1000, 0)  # 295 to 305 are all 30 %
    assert k == 300
    assert "2 rows fit more than one count" in notes[0]


@given(n=st.integers(1, 400), k=st.integers(0, 400), decimals=st.integers(1, 4))
def test_a_published_percentage_comes_back_as_its_count(n: int, k: int, decimals: int) -> None:
    k = min(k, n)
    found, notes = k_of(round(100 * k / n, decimals), n, decimals)
    assert found == k or notes
    assert found is not None
    if 10.0**-decimals * n < 100:  # a count more or less would be written differently
        assert found == k
        assert notes == ()


def test_rates_that_fit_no_count_are_compared_and_not_tested() -> None:
    report = summarise(table(figures("hit_pct", 50, 80), figures("n", 20, 3)))
    change = moved(report, "row 1", "hit_pct")
    assert change.difference.value == pytest.approx(0.3)
    assert math.isnan(change.p_value)
    assert report.n_tests == 0


def test_whole_numbers_beside_a_size_are_counts_unless_they_say_otherwise() -> None:
    report = summarise(table(figures("cheated", 5, 10), figures("runs", 20, 20)))
    assert cell(report, "row 1", "cheated").value.value == 0.5
    assert "cheated is read as a count out of runs." in report.notes
    report = summarise(table(figures("accuracy", 50, 75), figures("n", 200, 200)))
    assert cell(report, "row 0", "accuracy").k == 100
    more = summarise(table(figures("tokens", 50, 900), figures("n", 200, 200)))
    assert more.metrics[0].unit == "score"


def test_an_unknown_figure_stays_unknown() -> None:
    report = summarise(
        table(figures("acc_pct", 50, math.nan, 70), figures("asr_pct", 10, 20, 30)), level=0.9
    )
    change = moved(report, "row 1", "acc_pct")
    assert math.isnan(change.difference.value)
    assert change.better is None
    assert [row.relation for row in report.rows] == [None, None, "mixed"]
    assert [row.pareto for row in report.rows] == [True, None, True]
    assert report.tradeoffs == ()  # two rows with both figures


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("over_refusal_pct", "lower"),
        ("toxic_acceptance_pct", "lower"),
        ("harmful_score_pct", "lower"),
        ("advbench_asr_pct", "lower"),
        ("oneoff_cheating_pct", "lower"),
        ("error_rate", "lower"),
        ("harmful_refusal_pct", "higher"),
        ("harmlessness", "higher"),
        ("reasoning_avg_pct", "higher"),
        ("win_rate_pct", "higher"),
        ("bleu", "higher"),
    ],
)
def test_directions_are_guessed_and_can_be_said(name: str, better: str) -> None:
    columns = table(figures(name, 10, 20))
    (metric,) = summarise(columns).metrics
    assert (metric.better, metric.guessed) == (better, True)
    (metric,) = summarise(columns, lower=[name]).metrics
    assert (metric.better, metric.guessed) == ("lower", False)
    (metric,) = summarise(columns, higher=[name.removesuffix("_pct")]).metrics
    assert (metric.better, metric.guessed) == ("higher", False)


def test_what_is_wrong_is_said_with_the_fix(published: Read) -> None:
    columns = table(figures("acc_pct", 10, 20))
    with pytest.raises(UserError, match=r"no column of figures.*Did you mean 'acc_pct'"):
        summarise(columns, lower=["ac_pct"])
    with pytest.raises(UserError, match="cannot be better both"):
        summarise(columns, lower=["acc_pct"], higher=["acc"])
    with pytest.raises(UserError, match="level must be in the open interval"):
        summarise(columns, level=1.0)
    with pytest.raises(UserError, match="1 usable rows"):
        summarise(table(figures("acc_pct", 10)))
    with pytest.raises(UserError, match="no figures beside its counts"):
        summarise(table(figures("runs", 10, 20)))
    with pytest.raises(UserError, match="Did you mean 'reasoning-tuned'"):
        summarise(published("safety_tax_s1_32b"), baseline="reasoning tuned")


def test_a_group_without_the_baseline_is_said_and_not_compared() -> None:
    names = (("a", "x"), ("a", "y"), ("b", "y"))
    grouped = SummaryTable(
        "t.csv", ("model", "method"), names, False, (figures("acc_pct", 10, 20, 30),)
    )
    report = summarise(grouped, baseline="x")
    assert cell(report, "b / y", "acc_pct").from_baseline is None
    assert any("missing for b" in note for note in report.notes)


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100)),
        min_size=2,
        max_size=12,
    )
)
def test_pareto_set_and_relations_by_brute_force(rows: Sequence[tuple[int, int, int]]) -> None:
    names = ("asr_pct", "refusal_pct", "acc_pct")
    report = summarise(
        table(*(figures(name, *values) for name, values in zip(names, zip(*rows), strict=True)))  # noqa: B905
    )
    costs = [(a, r, -c) for a, r, c in rows]

    def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        return all(x <= y for x, y in zip(one, other, strict=True)) and one != other

    for row, own in zip(report.rows, costs, strict=True):
        assert row.pareto == (not any(beats(other, own) for other in costs))
        if not row.baseline:
            assert (row.relation == "better") == beats(own, costs[0])
            assert (row.relation == "worse") == beats(costs[0], own)
    for found in report.tradeoffs:
        assert math.isnan(found.spearman) or -1 - 1e-9 <= found.spearman <= 1 + 1e-9
        assert found.n == len(rows)
    assert not np.isnan([one.cells[0].value.value for one in report.rows]).any()
