"""Published tables in a terminal, on a page and as JSON: figures that were known before."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.report.test_tax_page import assert_harmless
from trueup.compare.summary import summarise
from trueup.compare.summary_result import SummaryReport
from trueup.report.summary_json import summary_json
from trueup.report.summary_page import summary_html
from trueup.report.summary_terminal import print_summary
from trueup.report.summary_text import sentence
from trueup.sources.summary_table import NumberColumn, SummaryTable, read_summary

PUBLISHED = (
    "impossiblebench_swe",
    "lin_model_averaging",
    "metr_o3_prompts",
    "metr_o3_reward_hacks",
    "nspo_llama3_8b",
    "or_bench_models",
    "safety_tax_s1_32b",
)
ATTACK = (
    "</bdi></style><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}[red]\x1b[31m\u202e"
)
Report = Callable[..., SummaryReport]


@pytest.fixture
def report(shared_data: Path) -> Report:
    """What a published table says; its source is in the README beside it."""
    return lambda name, **options: summarise(
        read_summary(shared_data.parent / "reference" / f"{name}.csv"), **options
    )


def printed(report: SummaryReport, width: int = 80) -> str:
    out = io.StringIO()
    print_summary(report, Console(file=out, width=width))
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_is_wider_than_the_terminal(report: Report, name: str, width: int) -> None:
    shown = printed(report(name), width)
    assert max(cell_len(line) for line in shown.splitlines()) <= width
    assert not re.search(r"\bnan\b|None", shown)


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_leads_with_the_sentence(report: Report, name: str) -> None:
    found = report(name)
    assert flat(printed(found)).partition(" figures ")[2].startswith(flat(sentence(found)))


def test_safety_tax_prints_points_and_percent(report: Report) -> None:
    # Safety Tax (2025): "30.91 %" and "7.09 %" in circulation are percentage points.
    shown = printed(report("safety_tax_s1_32b"))
    assert "−30.91 points (−48.8 %)" in shown.splitlines()[3] + shown.splitlines()[2]
    row = next(line for line in shown.splitlines() if line.startswith("  then DirectRefusal"))
    assert flat(row) == "then DirectRefusal 32.49 % −8.27 points (−20.3 %) −30.91 points (−48.8 %)"
    tuned = flat(printed(report("safety_tax_s1_32b", baseline="reasoning-tuned")))
    assert "then DirectRefusal 32.49 % −30.91 points (−48.8 %)" in tuned
    assert "then SafeChain 56.31 % −7.09 points (−11.2 %)" in tuned


def test_or_bench_prints_the_trade(report: Report) -> None:
    found = report("or_bench_models")
    assert sentence(found) == (
        "What is better on over refusal tends to be worse on toxic acceptance: "
        "Spearman 0.8935 over 32 rows. 12 of them are beaten by none."
    )
    assert sum(bool(row.pareto) for row in found.rows) == 12
    assert "Llama-3.1-70B" in flat(printed(found)).partition("Beaten by none")[2]


def test_metr_prompts_print_every_p_value(report: Report) -> None:
    found = report("metr_o3_prompts")
    # scipy.stats.fisher_exact: 19/20 against 16/20 0.342; 16/20 1; 14/20 0.716.
    assert sentence(found) == (
        "No prompt differs significantly from original in hacked at n = 20 "
        "(p = 0.34, 1.00, 0.72 and 0.72; after Holm 1.00)."
    )
    shown = flat(printed(found))
    assert "solve by intended methods 19/20 95 % +15 points (+18.8 %)" in shown
    assert "−7.1 to 37.0 points (95 %); p = 0.34, 1.00 after Holm; 73 each to show it" in shown
    assert "do not cheat 16/20 80 % no change" in shown


def test_metr_reward_hacks_print_the_multiple(report: Report) -> None:
    shown = flat(printed(report("metr_o3_reward_hacks", baseline="HCAST (all)")))
    assert "RE-Bench (all) 39/128 30.5 % +29.7 points (+4,040 %, 41.4×)" in shown
    assert shown.count("6 of 6 differ significantly from HCAST (all)") == 1


def test_scores_are_never_points(report: Report) -> None:
    shown = printed(report("lin_model_averaging"))
    bleu = shown.partition("bleu · on its own scale")[2].partition("All columns")[0]
    assert "+0.62 (+1.6 %)" in bleu
    assert "point" not in bleu
    assert flat(shown).count(
        "hma is no worse than rlhf in any of 4 figures and better in some, for every model (2)."
    )


def test_it_says_when_chance_cannot_be_told(report: Report) -> None:
    assert "nothing here tells a change from chance" in flat(printed(report("nspo_llama3_8b")))
    assert "tells a change from chance" not in flat(printed(report("metr_o3_prompts")))
    four = flat(printed(report("safety_tax_s1_32b")))
    assert "Spearman 1.00 over 4 rows, too few to tell from chance" in four


def made(
    *columns: NumberColumn, ordered: bool = False, names: tuple[str, ...] = ("a", "b", "c")
) -> SummaryReport:
    size = len(columns[0].values)
    rows = tuple((name,) for name in names[:size])
    return summarise(SummaryTable("t.csv", ("model",), rows, ordered, columns))


def test_sentences_for_every_kind_of_table() -> None:
    nan = float("nan")

    def percent(name: str, *values: float) -> NumberColumn:
        return NumberColumn(name, values, 1, False)

    assert sentence(made(percent("acc_pct", 50, 40))) == (
        "b against a: acc −10.0 points (−20.0 %), which is worse."
    )
    assert sentence(made(percent("acc_pct", 50, 50))) == "Nothing differs from a."
    assert sentence(made(percent("acc_pct", 50, nan))) == (
        "Nothing can be compared with the baseline."
    )
    assert sentence(made(percent("acc_pct", 1, 2, 3), percent("asr_pct", 3, 2, 1))) == (
        "c is the best in both figures."
    )
    ordered = made(percent("acc_pct", 50, 60, 40), percent("asr_pct", 30, 33, 3), ordered=True)
    assert sentence(ordered) == (
        "c against b: asr −30.0 points (−90.9 %) is better, acc −20.0 points (−33.3 %) is worse."
    )
    counted = made(percent("cheated", 1, 19), NumberColumn("runs", (20, 20), 0, False))
    assert sentence(counted) == (
        "1 of 1 differs significantly from a: b in cheated, +90.0 points (+1,800 %, 19.0×)."
    )
    one = percent("acc_pct", 50, 51)
    assert "+1.0 point (" in sentence(made(one))
    zero = printed(made(percent("asr_pct", 0, 2)))
    assert "+2.0 points (from 0)" in zero


@settings(max_examples=25)
@given(name=st.text(max_size=80) | st.just(ATTACK), column=st.text(min_size=1, max_size=40))
def test_names_cannot_steer_the_terminal_or_the_page(name: str, column: str) -> None:
    columns = [NumberColumn(f"{column}{place}", (1.0, 2.0, 3.0), 0, False) for place in (1, 2)]
    found = made(*columns, names=(name, "b", name + "!"))
    shown = printed(found)
    assert max(cell_len(line) for line in shown.splitlines()) <= 80
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    html = summary_html(found)
    assert_harmless(html)
    assert "<script" not in html
    json.dumps(summary_json(found), allow_nan=False)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_page_is_whole_and_says_the_same(report: Report, name: str) -> None:
    found = report(name)
    page = assert_harmless(summary_html(found))
    text = flat(page.text.replace("\u00a0", " "))
    assert flat(sentence(found)) in text
    for row in found.rows:
        assert row.name in text


@pytest.mark.parametrize("name", PUBLISHED)
def test_json_holds_it_all_and_unknown_is_null(report: Report, name: str) -> None:
    found = report(name)
    body = summary_json(found)
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert (body["kind"], body["sentence"]) == ("summary", sentence(found))
    assert len(body["rows"]) == len(found.rows)
    for row in body["rows"]:
        assert [cell["metric"] for cell in row["figures"]] == [m["name"] for m in body["metrics"]]


def test_json_of_the_safety_tax(report: Report) -> None:
    row = summary_json(report("safety_tax_s1_32b", baseline="reasoning-tuned"))["rows"][2]
    change = row["figures"][0]["from_baseline"]
    assert change["difference"]["value"] == pytest.approx(-0.3091)
    assert change["difference"]["low"] is None
    assert change["relative"] == pytest.approx(-0.48754, abs=1e-5)
    assert change["p_value"] is None


def keys_of(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys_of(inner)}
    if isinstance(value, list):
        return {key for inner in value for key in keys_of(inner)}
    return set()


def test_every_key_is_documented_and_every_documented_key_is_there(
    root: Path, report: Report
) -> None:
    page = (root / "docs" / "summary.md").read_text(encoding="utf-8").split("## JSON")[1]
    first_cells = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    bodies = [summary_json(report(name)) for name in ("metr_o3_prompts", "safety_tax_s1_32b")]
    assert documented == keys_of(bodies)
