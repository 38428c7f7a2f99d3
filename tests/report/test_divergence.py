"""What is shown of a watch on a proxy, and its contract with the docs."""

from __future__ import annotations

import io
import json
import re
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from trueup.goodhart.divergence.best_of_n import best_of_n_curve, best_of_n_table
from trueup.goodhart.divergence.result import DivergenceReport
from trueup.goodhart.divergence.scaling import fit_scaling
from trueup.goodhart.divergence.table import tabulate
from trueup.goodhart.divergence.watching import watch_runs
from trueup.report import divergence_text as say
from trueup.report.divergence_json import divergence_json
from trueup.report.divergence_page import divergence_html
from trueup.report.divergence_terminal import print_divergence

COLUMNS = {"proxy": "reward", "truth": "holdout", "step": "step"}
EVIL = "\x1b[31m<script>alert(1)</script>\u202e"


@cache
def report(kind: str) -> DivergenceReport:
    """ "alarm", "quiet", "fell", "early", "unknown", "several", "examples" or "best of n"."""
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 120)
    hump = 0.8 - 0.4 * np.abs(x - 0.4) + rng.normal(0, 0.01, 120)
    proxy = x + rng.normal(0, 0.01, 120)
    steps = [str(10 * i) for i in range(120)]
    if kind == "best of n":
        rows = np.repeat(np.arange(40), 16)
        gold = rng.normal(size=640)
        found = best_of_n_curve(rows.tolist(), gold + rng.normal(size=640), gold)
        fit = fit_scaling("best-of-n", np.sqrt(found.kl), [one.value for one in found.truth])
        fits = [fit] if fit else []
        return watch_runs([], source="bon.csv", columns=COLUMNS, best_of_n=found, scaling=fits)
    if kind == "examples":
        values = (rng.random((300, 6)) < [0.4, 0.6, 0.7, 0.5, 0.3, 0.2]).ravel()
        step = np.tile(np.arange(6), 300)
        run = tabulate(
            step, values, step=step.tolist(), example=np.repeat(np.arange(300), 6).tolist()
        )
        return watch_runs([run], source="run.csv", columns=COLUMNS)
    made = {
        "alarm": lambda: tabulate(proxy, hump, step=steps),
        "quiet": lambda: tabulate(proxy, x, step=steps),
        "fell": lambda: tabulate(-proxy, hump, step=steps),
        "early": lambda: tabulate(proxy[:5], hump[:5], step=steps[:5]),
        "unknown": lambda: tabulate(proxy, step=steps),
        "several": lambda: tabulate(proxy, hump, step=steps, name=EVIL),
    }[kind]()
    if kind == "several":
        other = tabulate(proxy, x, step=steps, name="2")
        columns = {**COLUMNS, "truth": EVIL}
        return watch_runs([made, other], together=made, source=EVIL, columns=columns)
    return watch_runs([made], source="run.csv", columns=COLUMNS)


KINDS = ["alarm", "quiet", "fell", "early", "unknown", "several", "examples", "best of n"]


def printed(kind: str, width: int = 80) -> str:
    out = io.StringIO()
    print_divergence(report(kind), Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "start", "mark"),
    [
        ("alarm", "Alarm at step ", "ALARM"),
        ("quiet", "No alarm: nothing shows that holdout fell while reward rose.", "NO ALARM"),
        ("fell", "holdout has fallen, shown at step ", "THE TRUTH FELL"),
        ("early", "Too early to tell: holdout was measured at 5 checkpoints", "TOO EARLY"),
        ("unknown", "Nothing here can tell whether reward is being gamed", "UNKNOWN"),
        ("examples", "Alarm at step ", "ALARM"),
        ("best of n", "Picking the best of n by reward: holdout is highest", "BEST OF N"),
    ],
)
def test_one_sentence_comes_first(kind: str, start: str, mark: str) -> None:
    assert say.sentence(report(kind)).startswith(start)
    assert " ".join(printed(kind).split()).startswith(start)
    assert say.mark(report(kind)) == mark


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_too_long(kind: str, width: int) -> None:
    assert max(len(line) for line in printed(kind, width).splitlines()) <= width


def test_the_alarm_says_what_to_keep() -> None:
    found = report("alarm")
    best = found.runs[0].best
    assert best is not None
    assert f"Keep step {found.runs[0].steps[best.at]}." in say.sentence(found)
    assert "measured checkpoints after the best one" in printed("alarm")


def test_without_a_truth_it_says_what_to_do_next() -> None:
    said = printed("unknown")
    assert "trueup goodhart watch run.csv --proxy reward --truth holdout" in said
    assert "940" in said  # 5 points on the same examples, of which 30 % change
    assert "best step" not in said


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_stay_text(kind: str) -> None:
    page, terminal = divergence_html(report(kind)), printed(kind)
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"?http", page)
    for text in (page, terminal):
        assert "\x1b" not in text
        assert "\u202e" not in text
    if kind == "several":
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_its_parts(kind: str) -> None:
    page = divergence_html(report(kind))
    drawings = page.count("<svg")
    expected = {"unknown": 1, "best of n": 1, "several": 6, "early": 2}
    assert drawings == expected.get(kind, 2)
    assert ("What it rests on" in page) is (kind not in ("unknown", "best of n"))


def keys(page: str, title: str) -> set[str]:
    """The keys in the first table below this line of the docs."""
    table = page.split(title)[1].split("\n\n")[1]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    return set(re.findall(r"`(\w+)`", " ".join(cells)))


def test_the_json_is_as_the_docs_say(root: Path) -> None:
    page = (root / "docs" / "goodhart_watch.md").read_text(encoding="utf-8")
    for kind in KINDS:
        told = json.loads(json.dumps(divergence_json(report(kind)), allow_nan=False))
        assert set(told) == keys(page, "## JSON"), kind
        for run in told["runs"]:
            assert set(run) == keys(page, "Each of `runs`:"), kind


def test_the_json_says_what_the_report_does() -> None:
    told = divergence_json(report("alarm"))
    assert told["alarm"] is True
    assert told["known"] is True
    assert isinstance(told["alarm_step"], int)
    assert told["best_step_interval"][0] <= told["best_step"] <= told["best_step_interval"][1]
    assert told["ndh_interval"][0] <= told["ndh"] <= told["ndh_interval"][1] <= 0
    unknown = divergence_json(report("unknown"))
    assert unknown["known"] is False
    assert unknown["alarm_step"] is None
    assert unknown["labels"]["needs"][1]["fall"] == 0.05


def test_a_table_of_means_has_no_limits() -> None:
    found = best_of_n_table([1, 2, 4], [0, 1, 2], [0, 1, 0.5], 0.95)
    told = watch_runs([], source="t.csv", columns=COLUMNS, best_of_n=found)
    assert divergence_json(told)["best_of_n"]["truth"][1] == {
        "value": 1.0,
        "low": None,
        "high": None,
    }


def test_a_browser_opens_it(chromium: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(divergence_html(report("alarm")), encoding="utf-8")
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "page.html"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.count("<svg") == 2
    assert "Alarm at step" in done.stdout
