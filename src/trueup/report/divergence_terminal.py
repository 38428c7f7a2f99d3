"""What a watch on a proxy found, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.report import divergence_text as say
from trueup.report.console import ALARM, GOOD, LEAD, QUIET, TAX, Page, bar

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.goodhart.divergence.result import (
        BestOfN,
        DivergenceReport,
        LabelNeeds,
        RunReport,
        ScalingFit,
    )

__all__ = ["print_divergence"]

_LABEL = 22  # columns
_RUNS = 8  # in full; the others in a line each
_NEEDS = (14, 15, 15, 24)


def print_divergence(report: DivergenceReport, console: Console) -> None:
    """Print one sentence, then each run's figures, what would be seen, and what it rests on."""
    page = Page(console)
    page.prose((say.sentence(report), "bold red" if report.alarm else LEAD))
    if report.runs and report.labels is None:
        page.prose((f"{report.source} · {say.about(report)}", QUIET))
    else:
        page.prose((report.source, QUIET))
    if report.labels is not None:
        _labels(page, report, report.labels)
    for run in report.runs[:_RUNS] if report.labels is None else ():
        _run(page, report, run)
    for run in report.runs[_RUNS:] if report.labels is None else ():
        page.prose((f"{say.name_of(run)}: {say.run_sentence(report, run)}", ""), indent=2)
    if report.best_of_n is not None:
        _best_of_n(page, report, report.best_of_n)
    for fit in report.scaling:
        _scaling(page, fit)
    _notes(page, report)


def _run(page: Page, report: DivergenceReport, run: RunReport) -> None:
    page.title(say.name_of(run).capitalize(), say.measured(run))
    if len(report.runs) > 1:
        page.prose((say.run_sentence(report, run), ""), indent=2)
    alarm = run.alarm
    _line(page, "best step", say.best_words(run), GOOD)
    _line(page, "drop since (NDH)", say.drop_words(run), TAX if alarm and alarm.fired else "")
    if alarm is not None and alarm.looks:
        shown = "alarm" if alarm.fired else bar(alarm.evidence, 24) or "not begun"
        _line(page, "on the way to an alarm", shown, ALARM if alarm.fired else GOOD)
        _line(page, "looks", f"{alarm.looks:,}; {alarm.method}")
    _line(page, "measured", say.regime_words(run))
    for label, words in (("noise", say.noise_words(run)), ("delay", say.detected(run))):
        if words:
            _line(page, label, words)
    if run.delays:
        page.prose(("What would be seen from here, by simulation:", QUIET), indent=2)
        for delay in run.delays:
            page.prose((say.delay_words(delay), ""), indent=4)


def _labels(page: Page, report: DivergenceReport, labels: LabelNeeds) -> None:
    page.title(
        "Held-out labels that would show a fall",
        f"per checkpoint, {100 * labels.power:.0f} % power",
    )
    head = ("fall of", "same examples", "other examples", "alarm at every look")
    page.row(
        ("", 2, ""), *((word, -width, QUIET) for word, width in zip(head, _NEEDS, strict=True))
    )
    for need in labels.needs:
        cells = zip(say.label_row(need), _NEEDS, strict=True)
        page.row(("", 2, ""), *((word, -width, "") for word, width in cells))
    page.prose(
        (f"The last column is for an alarm over {labels.checkpoints} checkpoints.", QUIET), indent=2
    )
    for one in labels.assumptions:
        page.prose((one, QUIET), indent=2)
    page.title("Then type")
    page.command(say.next_command(report))


def _best_of_n(page: Page, report: DivergenceReport, found: BestOfN) -> None:
    page.title(
        "Best of n", f"{found.n_prompts:,} prompts" if found.n_prompts else "a table of means"
    )
    widths = (8, 10, 28, 28)
    head = ("n", "KL ≤", say.column(report, "truth"), say.column(report, "proxy"))
    page.row(*((word, -width, QUIET) for word, width in zip(head, widths, strict=True)))
    for n, kl, truth, proxy in zip(found.n, found.kl, found.truth, found.proxy, strict=True):
        cells = (f"{n:,.0f}", f"{kl:.3f}", say.limits(truth), say.limits(proxy))
        style = GOOD if n == found.best_n else ""
        page.row(*((word, -width, style) for word, width in zip(cells, widths, strict=True)))
    page.prose(("KL is the upper bound ln n − (n − 1)/n, in nats.", QUIET), indent=2)


def _scaling(page: Page, fit: ScalingFit) -> None:
    page.title("Gao's form", fit.method)
    page.prose((say.scaling_sentence(fit), ""), indent=2)
    for label, words in say.scaling_lines(fit):
        _line(page, label, words)


def _notes(page: Page, report: DivergenceReport) -> None:
    assumed = list(dict.fromkeys(one for run in report.runs for one in run.assumptions))
    if assumed or report.notes:
        page.title("What it rests on")
    for note in (*assumed, *report.notes):
        page.prose((note, QUIET), indent=2)


def _line(page: Page, label: str, figure: str, style: str = "") -> None:
    page.row(
        ("", 2, ""), (label, _LABEL, ""), ("", 2, ""), (figure, page.width - 4 - _LABEL, style)
    )
