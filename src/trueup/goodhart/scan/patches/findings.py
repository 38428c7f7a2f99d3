"""What a patch or an edit shows, as findings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from trueup.goodhart.scan.patches import change_rules, settings
from trueup.goodhart.scan.patches.changes import Change, Context, suite_changes
from trueup.goodhart.scan.patches.diff import FileChange, read_diff
from trueup.goodhart.scan.patches.lines import as_source
from trueup.goodhart.scan.patches.settings import settings_lines
from trueup.goodhart.scan.patches.suites import Suite, read_suite
from trueup.goodhart.scan.paths import Place, is_settings, is_test_file
from trueup.goodhart.scan.python import code_findings
from trueup.goodhart.scan.result import Finding, Rule, Span

__all__ = ["RULES", "edit_findings", "patch_findings"]

RULES: tuple[Rule, ...] = (*change_rules.RULES, *settings.RULES)

_GRADER = re.compile(
    r"(^|/)(grader?s?|grading|verif(y|ier)|evaluat\w*|scor(er|ing)|run_tests?|test_runner|parse_\w*results?|parser_?\w*log\w*)\w*\.(py|sh|js|ts)$",
    re.IGNORECASE,
)
_DEFINED = re.compile(r"^\s*(?:async\s+def|def|class)\s+(\w+)")
_ORDER = {"high": 0, "medium": 1, "low": 2}


def patch_findings(diff: str, path: str) -> list[Finding]:
    """What a unified diff shows. Places are those in the diff; `detail` names the file it changes.

    The code that was added is read by the rules for code, in whole where the file is new, else as
    far as its hunks can be read without the rest.
    """
    files = list(read_diff(diff))
    before = {id(one): read_suite(one.old.lines) for one in files if _is_suite(one.before)}
    after = {id(one): read_suite(one.new.lines) for one in files if _is_suite(one.after)}
    context = _context(files, list(after.values()))
    lines = diff.split("\n")
    found: list[Finding] = []
    for one in files:
        found += _file(one, before.get(id(one)), after.get(id(one)), context, path, lines)
    return sorted(found, key=lambda one: (one.span.line, one.span.column, one.rule))


def _is_suite(path: str) -> bool:
    return bool(path) and path.endswith(".py") and is_test_file(path)


def _context(files: Sequence[FileChange], after: Sequence[Suite]) -> Context:
    context = Context()
    for suite in after:
        context.asserts.update(one.key for unit in suite.units.values() for one in unit.asserts)
        context.tests |= {unit.bare for unit in suite.tests.values() if unit.shown}
    for one in files:
        if one.path.endswith(".py") and not is_test_file(one.path):
            context.source_changed = True
            went = {
                name
                for line, changed in zip(one.old.lines, one.old.changed, strict=True)
                if changed
                for name in _DEFINED.findall(line)
            }
            came = {name for line in one.new.lines for name in _DEFINED.findall(line)}
            context.removed |= {name for name in went - came if len(name) > 3}
    return context


def _file(
    one: FileChange,
    before: Suite | None,
    after: Suite | None,
    context: Context,
    path: str,
    lines: Sequence[str],
) -> Iterator[Finding]:
    detail = f"in {one.path}"
    if before is not None:
        for change in suite_changes(before, after or Suite(), context):
            yield _placed(change, one, path, detail)
    elif after is not None:
        for change in suite_changes(Suite(), after, context):
            yield _placed(change, one, path, detail)
    if is_settings(one.path):
        for rule, line, text, confidence, why in settings_lines(
            one.old.lines, one.new.lines, one.new.changed, one.path
        ):
            place = one.new.places[line - 1]
            yield Finding(
                rule,
                path,
                _line_span(place, lines),
                text[:400],
                confidence,
                f"{detail}; {why}" if why else detail,
            )
    if _GRADER.search(one.path) and one.before:
        yield Finding(
            "edited-grader",
            path,
            _line_span(one.start, lines),
            lines[one.start - 1][:400],
            "medium",
            detail,
        )
    if one.after.endswith(".py"):
        yield from _added_code(one, path, detail)


def _placed(change: Change, one: FileChange, path: str, detail: str) -> Finding:
    side = one.old if change.side == "old" else one.new
    first = side.places[min(change.line, len(side.places)) - 1] if side.places else one.start
    last = side.places[min(change.end, len(side.places)) - 1] if side.places else first
    text = "\n".join(side.lines[change.line - 1 : change.end]) or change.text
    width = max(1, len(side.lines[min(change.end, len(side.lines)) - 1]) + 1) if side.lines else 1
    why = "; ".join(part for part in (detail, change.detail) if part)
    return Finding(
        change.rule,
        path,
        Span(first, 1, max(first, last), width),
        text[:400],
        change.confidence,
        why,
    )


def _line_span(place: int, lines: Sequence[str]) -> Span:
    return Span(place, 1, place, max(1, len(lines[place - 1])))


def _added_code(one: FileChange, path: str, detail: str) -> Iterator[Finding]:
    text = as_source(one.new.lines)
    if text is None:
        return
    place = _place(one.after)
    for found in code_findings(text, one.after, place):
        span = found.span
        inside = range(span.line - 1, min(span.end_line, len(one.new.changed)))
        if not any(one.new.changed[at] for at in inside):
            continue
        first = one.new.places[span.line - 1]
        last = one.new.places[min(span.end_line, len(one.new.places)) - 1]
        moved = Span(first, span.column + 1, last, span.end_column + 1)
        why = "; ".join(part for part in (detail, found.detail) if part)
        yield replace(found, path=path, span=moved, detail=why)


def _place(path: str) -> Place:
    """Code that a change adds was handed in, wherever it lies."""
    return "tests" if is_test_file(path) else "submission"


def edit_findings(before: str, after: str, path: str) -> list[Finding]:
    """What an edit of one file shows: what its code says now and did not, and what its tests lost.

    Places are those in the text after, or of the line nearest to what went.
    """
    found: list[Finding] = []
    old, new = before.split("\n"), after.split("\n")
    if path.endswith(".py") or PurePath(path).suffix == "":
        known = Counter(
            (one.rule, one.evidence) for one in code_findings(before, path, _place(path))
        )
        for one in code_findings(after, path, _place(path)):
            if known[one.rule, one.evidence] > 0:
                known[one.rule, one.evidence] -= 1
            else:
                found.append(one)
    if _is_suite(path):
        found += _suite_edit(old, new, path)
    if is_settings(path):
        changed = [line not in set(old) for line in new]
        for rule, line, text, confidence, why in settings_lines(old, new, changed, path):
            found.append(Finding(rule, path, _line_span(line, new), text[:400], confidence, why))
    return sorted(found, key=lambda one: (one.span.line, one.span.column, one.rule))


def _suite_edit(old: Sequence[str], new: Sequence[str], path: str) -> Iterator[Finding]:
    after = read_suite(new)
    context = Context(source_changed=True)
    context.asserts.update(one.key for unit in after.units.values() for one in unit.asserts)
    context.tests = {unit.bare for unit in after.tests.values()}
    for change in suite_changes(read_suite(old), after, context):
        if change.side == "new":
            line, end = change.line, change.end
            text = "\n".join(new[line - 1 : end])
        else:
            line = end = _nearest(old, new, change.line)
            text = "\n".join(old[change.line - 1 : change.end])
        span = Span(line, 1, end, max(1, len(new[end - 1])))
        yield Finding(change.rule, path, span, text[:400], change.confidence, change.detail)


def _nearest(old: Sequence[str], new: Sequence[str], line: int) -> int:
    """The line of the new text that the line before the one that went is on now."""
    for at in range(line - 2, -1, -1):
        if old[at].strip() and old[at] in new:
            return new.index(old[at]) + 1
    return 1
