"""The rules of the scan as a page: generated, so that it cannot go stale."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.goodhart.scan.result import Kind, Rule

__all__ = ["rules_page"]

_KINDS: tuple[tuple[Kind, str], ...] = (
    ("code", "Code"),
    ("tests", "Test suites"),
    ("patch", "Patches"),
    ("transcript", "Transcripts: what an agent did and said"),
    ("grader", "Graders"),
    ("judge", "Answers that a judge will read"),
)


def rules_page(rules: Iterable[Rule]) -> str:
    """Markdown with a table for each kind of rule, in the order given."""
    listed = list(rules)
    parts = [
        "# Rules of the scan\n\nWhat `trueup goodhart scan` looks for. A finding is where to look: "
        "the last column says how a person tells gaming from honest use. Techniques are those of "
        "[the list](exploits.md).\n"
    ]
    for kind, title in _KINDS:
        rows = [rule for rule in listed if rule.kind == kind]
        if rows:
            parts.append(
                f"\n## {title}\n\n| rule | what | techniques | to confirm |\n|---|---|---|---|\n"
            )
            parts += [_row(rule) for rule in rows]
    return "".join(parts)


def _row(rule: Rule) -> str:
    techniques = ", ".join(f"`{name}`" for name in rule.techniques)
    cells = (f"`{rule.id}`", rule.what, techniques, rule.confirm)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
