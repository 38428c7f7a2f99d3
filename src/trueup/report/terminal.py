"""The tax report in a terminal: one compact page, whatever the log has written into its texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from trueup.report.console import ALARM, GOOD, LEAD, QUIET, TAX, Page, bar
from trueup.report.text import (
    basis,
    capital,
    confidence,
    interval,
    milliseconds,
    outcome_unit,
    percent,
    points,
    shell_word,
    shorten,
    sources,
    spoken,
    vacuous,
    worst_first,
)

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.stats import Estimate
    from trueup.tax.result import GroupRow, OutcomeEffect, TaxReport

__all__ = ["print_tax"]

_NAME = 20  # columns for a name
_CUTS, _GROUPS, _LAYERS, _ACTIONS, _WORDS = (
    3,
    8,
    12,
    5,
    5,
)  # rows shown; the page and the JSON have all


def print_tax(report: TaxReport, console: Console, files: Sequence[str] = ()) -> None:
    """Print the report. Nothing is wider than the console, and nothing in the log can style it.

    Control, invisible and reordering characters of the log appear as escapes; its square brackets
    are never read as markup. `files`: the log files it was made from, where there is no workspace;
    the commands that the report offers then name them.
    """
    page = Page(console, files)
    _head(page, report)
    _three(page, report)
    _actions(page, report)
    _segments(page, report)
    _layers(page, report)
    _stack(page, report)
    _outcomes(page, report)
    _triggers(page, report)
    _notes(page, report)
    _next_steps(page, report)


def _head(page: Page, report: TaxReport) -> None:
    o = report.overview
    mark = (f"{o.labels:,} labelled", GOOD) if report.verified else ("UNVERIFIED", ALARM)
    simulated = (" · SIMULATED OUTCOMES", ALARM) if o.outcomes_simulated else ("", "")
    page.prose(("What the safety layer costs", LEAD), (" · ", QUIET), mark, simulated)
    facts = [shorten(sources(o.source), 60), f"{o.interactions:,} interactions"]
    facts += [f"{o.users:,} users"] if o.users else []
    facts += [f"{o.first:%Y-%m-%d} to {o.last:%Y-%m-%d}"] if o.first and o.last else []
    page.prose((" · ".join(filter(None, facts)), QUIET))
    page.blank()
    page.prose((report.headline or "Nothing can be said about this log yet.", LEAD))
    page.blank()


def _three(page: Page, report: TaxReport) -> None:
    for name, estimate, style, says in (
        ("Wrongful refusal", report.wrongful_refusal, TAX, "of legitimate requests"),
        ("Needless degradation", report.needless_degradation, "yellow", "of legitimate requests"),
        ("Under-refusal", report.under_refusal, GOOD, "of harmful requests"),
    ):
        shown = interval(estimate)
        page.row(("  ", 2, ""), (name, 22, ""), (shown, 28, f"bold {style}"), (says, 28, QUIET))
    how = [basis(report.wrongful_refusal), f"{confidence(report.level)} intervals"]
    if not math.isnan(report.annotator_says.value):
        how.append(f"the annotator alone reads {percent(report.annotator_says.value)} as refused")
    page.prose(("; ".join(how) + ".", QUIET), indent=2)
    if not report.verified:
        page.blank()
        page.prose(
            ("Unverified. ", ALARM),
            (
                "No human has labelled any of these: the numbers are the annotator's reading, and "
                "how far it is off nobody knows. ",
                "",
            ),
            (report.labels.sentence, ""),
        )
        page.command(report.labels.command)


def _actions(page: Page, report: TaxReport) -> None:
    if not report.actions:
        return
    page.title("Fix this first")
    for number, action in enumerate(report.actions[:_ACTIONS], 1):
        gain = f"+{points(action.recoverable.value)}"
        won = gain if math.isfinite(action.recoverable.value) else "gain unknown"
        page.prose((f"{number}. ", QUIET), (capital(action.title), LEAD), (f" · {won}", GOOD))
        page.prose((action.sentence, ""), indent=3)
        if action.example_ids:
            page.command(f"trueup show {shell_word(action.example_ids[0])}")
    page.more(len(report.actions), _ACTIONS)


def _segments(page: Page, report: TaxReport) -> None:
    highest = max((r.wrongful_refusal.value for r in report.segments if _known(r)), default=0.0)
    columns = list(dict.fromkeys(row.column for row in report.segments))
    for column, group in groupby(report.segments, key=lambda row: row.column):
        if column not in columns[:_CUTS]:
            continue
        rows = worst_first(list(group))
        page.title(f"Who pays, by {shorten(column, 30)}", "wrongful refusal")
        for row in rows[:_GROUPS]:
            share = row.wrongful_refusal.value / highest if highest and _known(row) else 0.0
            page.row(
                ("", 2, ""),
                (row.value.strip() or "(blank)", _NAME, ""),
                ("", 1, ""),
                (bar(share, 18), 19, QUIET if vacuous(row.wrongful_refusal) else TAX),
                (_marked(row.wrongful_refusal, report), 26, ""),
                (f"n {row.n:,}", -11, QUIET),
            )
        page.more(len(rows), _GROUPS)
    if columns[_CUTS:]:
        others = shorten(", ".join(columns[_CUTS:]), 200)
        page.blank()
        page.prose((f"Also cut by {others}: in the page and the JSON.", QUIET))


def _layers(page: Page, report: TaxReport) -> None:
    if not any(row.kind == "layer" for row in report.layers):
        return
    page.title("Which layer", "shares of legitimate traffic; harm: only it caught")
    heads = ("took first", 24), ("alone", -9), ("harm", -10), ("p95", -11)
    page.row(("", 3 + _NAME, ""), *((head, columns, QUIET) for head, columns in heads))
    for row in report.layers[:_LAYERS]:
        page.row(
            ("", 2, ""),
            (row.layer, _NAME, ""),
            ("", 1, ""),
            (_marked(row.wrongful, report), 24, ""),
            (percent(row.fired_alone.value), -9, ""),
            (percent(row.harm_caught_alone.value), -10, ""),
            ("" if row.p95_ms is None else milliseconds(row.p95_ms), -11, QUIET),
        )
    page.more(len(report.layers), _LAYERS)


def _stack(page: Page, report: TaxReport) -> None:
    stack = report.stack
    if not stack:
        return
    page.prose(
        (f"Clean pass through all of them: {interval(stack.measured)} measured, ", ""),
        (f"{percent(stack.independent.value)} if they erred independently.", ""),
        indent=2,
    )
    if stack.serial_p95_ms is not None:
        over = " That is over 10 % of the wait." if stack.over_budget else ""
        page.prose(
            (f"Latency p95: layers {milliseconds(stack.serial_p95_ms)} one after another, ", ""),
            (f"{milliseconds(stack.parallel_p95_ms)} side by side; ", ""),
            (f"the user waits {milliseconds(stack.end_to_end_p95_ms)}.", ""),
            (over, ALARM),
            indent=2,
        )


def _outcomes(page: Page, report: TaxReport) -> None:
    if not (report.outcomes or report.after_refusal or report.money):
        return
    simulated = "simulated, not people" if report.overview.outcomes_simulated else ""
    page.title("What it costs downstream", simulated)
    if report.after_refusal:
        did = ", ".join(
            f"{percent(row.value)} {shorten(spoken(row.name), 30)}" for row in report.after_refusal
        )
        page.prose((f"After a wrongful refusal: {did}.", ""), indent=2)
    for row in report.outcomes:
        page.prose((f"{shorten(row.outcome, 40)}: ", ""), (_lost(row), ""), indent=2)
    if report.money:
        each = interval(report.money.per_thousand, "money", report.money.currency)
        known = math.isfinite(report.money.per_thousand.value)
        tail = f" {each} per 1,000 interactions." if known else ""
        page.prose((report.money.sentence, ""), (tail, ""), indent=2)


def _lost(row: OutcomeEffect) -> str:
    if not math.isfinite(row.effect.value):
        return f"unknown{': ' if row.reason else ''}{row.reason}"
    unit = outcome_unit(row)
    shown = interval(row.effect, "points" if unit == "percent" else unit)
    return f"{shown} lost to a refusal or degradation, {row.design}"


def _triggers(page: Page, report: TaxReport) -> None:
    if report.triggers:
        page.title("Words that go with being refused", "of legitimate requests with the word")
    for row in report.triggers[:_WORDS]:
        page.row(
            ("", 2, ""),
            (row.term, _NAME, ""),
            ("", 1, ""),
            (interval(row.refused), 24, ""),
            (f"without {percent(row.base)}", 17, QUIET),
            (row.layer if row.layer is not None else "the model", 16, QUIET),
        )
    page.more(len(report.triggers), _WORDS)
    if report.clusters:
        page.title("Prompts behind most of it")
    for cluster in report.clusters[:_WORDS]:
        page.row(
            ("", 2, ""),
            (percent(cluster.share), 9, ""),
            (", ".join(cluster.terms), page.width - 11, ""),
        )


def _notes(page: Page, report: TaxReport) -> None:
    if report.notes:
        page.title("Before you quote this")
    for note in report.notes:
        page.prose((note, ""), indent=2)


def _next_steps(page: Page, report: TaxReport) -> None:
    page.title("Read on")
    if report.verified and report.labels.sentence:
        page.prose((report.labels.sentence, ""), indent=2)
        page.command(report.labels.command)
    named = [row for row in report.segments if row.value != "other" and _known(row)]
    # The group that certainly pays most: a high rate of a few interactions may be chance.
    worst = max(named, key=lambda row: row.wrongful_refusal.low, default=None)
    segment = f" --segment {shell_word(f'{worst.column}={worst.value}')}" if worst else ""
    page.command(f"trueup ls --refused{segment}")
    if report.examples:
        page.command(f"trueup show {shell_word(next(iter(report.examples)))}")
    page.command("trueup tax --html report.html")
    rates = [row.wrongful_refusal for row in report.segments] + [
        row.wrongful for row in report.layers
    ]
    if any(_unlabelled(one, report) for one in rates):
        page.prose(("† no human label behind this number", QUIET), indent=2)


def _known(row: GroupRow) -> bool:
    return math.isfinite(row.wrongful_refusal.value)


def _marked(estimate: Estimate, report: TaxReport) -> str:
    """The interval, with a dagger where a verified report has a number that nobody verified."""
    return interval(estimate) + ("†" if _unlabelled(estimate, report) else "")


def _unlabelled(estimate: Estimate, report: TaxReport) -> bool:
    return report.verified and not estimate.n_labeled and math.isfinite(estimate.value)
