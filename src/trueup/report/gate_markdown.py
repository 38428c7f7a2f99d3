"""What a gate says as Markdown, for a pull request or the summary of a CI job.

Prompts, answers and names are hostile. They stand in code blocks and code spans only, where neither
Markdown nor HTML works, and where GitHub and GitLab look for no mentions, references or links. A
fence is longer than any run of its mark inside it. In a sentence what could begin any of these is
escaped, and a mark of a mention or a reference is kept from its name by a zero-width space.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trueup.report import gate_text as say
from trueup.report.text import confidence, interval, neutralise, shorten

if TYPE_CHECKING:
    from trueup.compare.gate_result import GateReport
    from trueup.compare.result import Flip, GroupChange

__all__ = ["code", "fenced", "gate_markdown", "prose"]

_MARKS = {"failed": "❌", "not shown": "⚠️", "passed": "✅"}
_FLIPS = 5  # shown per direction
_PROSE, _TEXT, _KEY = 1_000, 600, 80  # characters of a sentence, of a text, of a key or name
_APART = "\u200b"
_TICKS = re.compile("`+")
_SPECIAL = re.compile(r"([\\`*_\[\]|~$^]|^[-+#]|(?<=^\d)[.)])")
_REFERENCE = re.compile(r"([@#!$~%&:^]|\bGH-|\bwww)(?=[\w\"'\[./])", re.IGNORECASE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def gate_markdown(report: GateReport) -> str:
    """The report: verdict, checks, before against after, a few flips, and what it rests on."""
    parts = [
        f"### {_MARKS[report.outcome]} trueup gate: {say.outcome(report)}",
        f"**{prose(say.marked(report.checks[0]))}**",
        _checks(report),
        _rates(report),
        *_flips(report),
        _notes(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def prose(text: str) -> str:
    """Text on one line, in which nothing is markup, a mention, a reference or a link."""
    clean = _REFERENCE.sub(lambda found: f"{found[0]}{_APART}", shorten(text, _PROSE))
    clean = _SPECIAL.sub(r"\\\1", clean)
    return re.sub("[&<>]", lambda found: _ENTITIES[found[0]], clean)


def code(text: str, limit: int = _KEY) -> str:
    """Text as a code span on one line; it may stand in a table."""
    clean = neutralise(text).strip()
    clean = f"{clean[: limit - 1]}…" if len(clean) > limit else clean
    clean = clean.replace("|", "¦") or "…"  # no escape of a bar works everywhere
    clean = f" {clean} " if "`" in (clean[0], clean[-1]) else clean
    mark = "`" * (_longest(clean) + 1)
    return f"{mark}{clean}{mark}"


def fenced(text: str, limit: int = _TEXT) -> str:
    """Text as a code block, its lines kept."""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    clean = neutralise(cut, keep_newlines=True).strip("\n")
    mark = "`" * max(3, _longest(clean) + 1)
    return f"{mark}text\n{clean}\n{mark}"


def _longest(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)


def _checks(report: GateReport) -> str:
    rows = [
        (
            _MARKS[check.outcome],
            prose(say.title(check)),
            say.asked(check),
            say.range_of(check),
            check.outcome,
        )
        for check in report.checks
    ]
    return _table(("", "check", "limit", "found", "outcome"), rows)


def _rates(report: GateReport) -> str:
    here = report.comparison
    changes = [change for change in (here.legitimate, here.harmful) if change]
    if report.alone or not changes:
        return f"After: {code(say.version(here.after.name))}"
    names = f"Before: {code(say.version(here.before.name))} · after: " + code(
        say.version(here.after.name)
    )
    rows = [_row(change) for change in changes]
    heads = ("refused", "before", "after", "change", "newly refused", "newly answered")
    note = (
        f"Ranges are {confidence(here.level)} intervals: each end alone is a limit at "
        f"{confidence(report.level)} confidence. A change is in percentage points."
    )
    return f"{names}\n\n{_table(heads, rows)}\n\n{note}"


def _row(change: GroupChange) -> tuple[str, ...]:
    group = "all" if change.group == "all" else change.group
    return (
        f"{group} prompts ({change.n:,})",
        interval(change.before),
        interval(change.after),
        f"{'+' if change.difference.value > 0 else ''}{interval(change.difference, 'points')}",
        f"{change.newly_refused:,}",
        f"{change.newly_answered:,}",
    )


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _flips(report: GateReport) -> Iterator[str]:
    if report.alone:
        return
    for direction, group in (("newly refused", "legitimate"), ("newly answered", "harmful")):
        flips, there = say.worst_flips(report, direction)
        if not flips:
            continue
        shown = flips[:_FLIPS]
        named = group if any(flip.group == group for flip in shown) else ""
        some = "" if there == len(shown) else f", {len(shown)} of them here"
        prompts = f"{named} {'prompt' if there == 1 else 'prompts'}".strip()
        yield "\n\n".join(
            [
                f"<details>\n<summary>{there:,} {prompts} {direction}{some}</summary>",
                *(_flip(flip) for flip in shown),
                "</details>",
            ]
        )


def _flip(flip: Flip) -> str:
    slices = "".join(f" · {code(part)}" for part in flip.slices[:3])
    return "\n\n".join(
        [
            f"**Prompt** {code(flip.key)}{slices}",
            fenced(flip.prompt),
            f"Before ({prose(flip.verdict_before)}):",
            fenced(flip.before),
            f"After ({prose(flip.verdict_after)}):",
            fenced(flip.after),
        ]
    )


def _notes(report: GateReport) -> str:
    notes = [f"- {prose(note)}" for note in (*report.notes, *report.comparison.assumptions)]
    return "\n".join(["Before you trust this:", "", *notes]) if notes else ""
