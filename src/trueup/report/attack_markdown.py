"""What an attack says as Markdown: the table for a page or a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trueup.report import attack_text as say
from trueup.report.gate_markdown import code, prose

if TYPE_CHECKING:
    from trueup.goodhart.attack.result import AttackReport, Row

__all__ = ["attack_markdown", "attack_summary", "attack_table"]


def attack_markdown(report: AttackReport) -> str:
    """Sentence, table by family, controls that failed, what to do."""
    mark = "✅" if report.holds else "❌"
    parts = [
        f"### {mark} trueup goodhart attack",
        f"**{prose(say.sentence(report))}**",
        f"Grader: {code(report.grader)}",
        attack_table([report]),
        _strange(say.strange(report)),
        _listed("What to do:", say.advice(report)),
        _listed("Not tried:", [f"{name}: {why}" for name, why in report.absent.items()]),
        _listed("Before you trust this:", report.notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def attack_summary(reports: Sequence[AttackReport]) -> str:
    """A sentence per grader, then the table of all."""
    return "\n".join(
        [*(f"- {prose(say.sentence(one))}" for one in reports), "", attack_table(reports)]
    )


def attack_table(reports: Sequence[AttackReport]) -> str:
    """A row per technique that any of them was tried with, a column per grader: how many runs
    passed, of how many; "" where it was not tried."""
    found = {
        report.grader: {
            one.technique: (family, one)
            for family, _, techniques in say.by_family(report)
            for one in techniques
        }
        for report in reports
    }
    families: dict[str, dict[str, str]] = {}
    for cells in found.values():
        for family, one in cells.values():
            families.setdefault(family, {})[one.technique] = one.title
    heads = ["exploit", "what it does", *(code(report.grader) for report in reports)]
    lines = [heads, ["---"] * len(heads)]
    for family in say.FAMILIES:
        for name, title in families.get(family, {}).items():
            shown = [_cell(found[report.grader].get(name)) for report in reports]
            lines.append([f"`{name}`", prose(title), *shown])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(found: tuple[str, say.Tried] | None) -> str:
    if found is None:
        return ""
    one = found[1]
    if one.passed:
        return f"**fooled** {one.passed}/{one.total}"
    return "unknown" if one.unknown == one.total else "held"


def _strange(rows: Sequence[Row]) -> str:
    told = [f"{row.id} ({row.task}): {row.title}: {row.outcome}; {row.detail}" for row in rows[:20]]
    return _listed("Passed or refused wrongly, without an exploit:", told)


def _listed(head: str, items: Sequence[str]) -> str:
    return "\n".join([head, "", *(f"- {prose(item)}" for item in items)]) if items else ""
