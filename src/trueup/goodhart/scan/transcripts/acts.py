"""What an agent's calls did, given to the rules on shell commands, paths, code and patches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from trueup.goodhart.scan.result import Finding, Span
from trueup.goodhart.scan.shell import Hit, Own, path_hits, shell_findings
from trueup.goodhart.scan.shell_history import url_hits
from trueup.goodhart.scan.shell_words import Command, commands
from trueup.goodhart.scan.spans import span_at
from trueup.goodhart.scan.transcripts.patch_text import as_unified, new_file
from trueup.goodhart.scan.transcripts.steps import Step
from trueup.goodhart.scan.transcripts.tools import Deed, deeds

__all__ = ["Acts"]

_LONGEST = 2_000_000  # characters of code or of a patch that are looked at
_SCRIPT = re.compile(
    r"\.(?:sh|bash|zsh)$|(?:^|/)(?:Makefile|Dockerfile|\.gitlab-ci\.yml)$|\.github/"
)
_PYTHON_FILE = re.compile(r"\.pyw?$")
_EDITED = re.compile(
    r"^edit[ \t]+\d+:\d+[ \t]*(?:<<\s*'?\w+'?)?\n(.*?)(?:\nend_of_edit|\nEOF|\Z)", re.DOTALL
)
_EDITORS = {"str_replace_editor", "str_replace_based_edit_tool", "edit_anthropic", "oh_editor"}


class Acts:
    """One conversation's calls, in order. It remembers what the agent made."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.own = Own()
        self._open = ""

    def of(self, step: Step) -> Iterator[Finding]:
        """Findings of one call; lines count within the argument that they are in."""
        for deed in deeds(step):
            yield from self._deed(deed)

    def _deed(self, deed: Deed) -> Iterator[Finding]:
        if deed.act == "command":
            yield from self._ran(deed.text)
        elif deed.act == "write":
            yield from self._path("write", deed.path, deed.text)
            yield from self._wrote(deed.path, deed.text, 1)
        elif deed.act == "edit":
            yield from self._path("write", deed.path, deed.text or deed.before)
            yield from self._edited(deed)
        elif deed.act == "patch":
            yield from self._patched(deed.text, 1, deed.path)
        elif deed.act == "python":
            yield from self._code(deed.text, "", 1)
        elif deed.act in ("read", "delete"):
            yield from self._path(deed.act, deed.path, deed.path)
        elif deed.act == "fetch":
            yield from (_hit(hit, self.path, deed.text) for hit in url_hits(deed.text))

    def _path(self, action: str, path: str, evidence: str) -> Iterator[Finding]:
        for hit in path_hits(action, path, self.own):
            named = (hit[0], hit[1], "; ".join(filter(None, (path, hit[2]))))
            yield _hit(named, self.path, evidence)

    def _ran(self, text: str) -> Iterator[Finding]:
        """A shell command, with the files and code that it carries."""
        edited = _EDITED.match(text)
        if edited:
            yield from self._edited(Deed("edit", edited[1], self._open))
            return
        found = shell_findings(text, self.path, own=self.own)
        yield from found
        for command in commands(text):
            yield from self._carried(command)

    def _carried(self, command: Command) -> Iterator[Finding]:
        if command.name in ("open", "create", "goto") and command.words:
            self._open = command.words[0]
        elif command.name in _EDITORS:
            yield from self._editor(command)
        elif re.fullmatch(r"(?:python|pypy)[\d.]*|ipython\d?|uv", command.name):
            code = _after(command.words, "-c") or command.document
            yield from self._code(
                code, "", command.document_line if command.document else command.line
            )
        elif command.name in ("patch", "apply_patch", "git") and (
            command.document or (command.name == "apply_patch" and command.words)
        ):
            yield from self._patched(
                command.document or command.words[0], command.document_line or command.line, ""
            )
        elif command.document or command.name in ("echo", "printf"):
            content = command.document or " ".join(
                w for w in command.words if w not in ("-e", "-n")
            )
            targets = [*command.writes, *(command.words if command.name == "tee" else ())]
            for target in targets:
                if not target.startswith("-"):
                    text = content if command.document else content.replace("\\n", "\n")
                    yield from self._wrote(target, text, command.document_line or command.line)

    def _editor(self, command: Command) -> Iterator[Finding]:
        """SWE-agent's editor as a command line."""
        if len(command.words) < 2:
            return
        given: dict[str, str] = {"command": command.words[0], "path": command.words[1]}
        for option, value in zip(command.words[2:], command.words[3:], strict=False):
            if option.startswith("--"):
                given[option[2:]] = value
        yield from self.of(Step(0, "agent", "call", tool=command.name, arguments=given))

    def _wrote(self, path: str, content: str, line: int) -> Iterator[Finding]:
        from trueup.goodhart.scan.patches import patch_findings

        self.own.add(path)
        self._open = path
        content = content[:_LONGEST]
        if _PYTHON_FILE.search(path):
            yield from self._code(content, path, line)
        elif content.strip():
            found = patch_findings(new_file(path, content), path)
            yield from _moved(found, content, line, path)
            if _SCRIPT.search(path):
                inside = shell_findings(content, self.path, own=self.own, script=True)
                yield from _moved(inside, content, line, path)

    def _edited(self, deed: Deed) -> Iterator[Finding]:
        from trueup.goodhart.scan.patches import edit_findings

        before, after = deed.before[:_LONGEST], deed.text[:_LONGEST]
        found = edit_findings(before, after, deed.path)
        if deed.path in self.own:  # a test of its own cannot be weakened
            found = [one for one in found if one.evidence.strip() not in before]
        yield from _moved(found, after or before, 1, deed.path)

    def _patched(self, text: str, line: int, path: str) -> Iterator[Finding]:
        from trueup.goodhart.scan.patches import patch_findings

        text = text[:_LONGEST]
        unified, deleted = as_unified(text)
        for gone in deleted:
            yield from self._path("delete", gone, f"*** Delete File: {gone}")
        if unified.strip():
            yield from _moved(patch_findings(unified, path or "a patch"), text, line, "")

    def _code(self, source: str, path: str, line: int) -> Iterator[Finding]:
        """Python that was saved, or that was run only: there a weak sign says nothing."""
        from trueup.goodhart.scan.python import code_findings

        if not source.strip():
            return
        found = code_findings(source[:_LONGEST], path or "run.py")
        if not path:
            found = [one for one in found if one.confidence != "low"]
        for one in found:
            shift = line - 1
            span = replace(one.span, line=one.span.line + shift, end_line=one.span.end_line + shift)
            yield replace(one, span=span, detail=_in_file(one.detail, path))


def _in_file(detail: str, path: str) -> str:
    return "; ".join(filter(None, (detail, f"in {path}" if path else "run, not saved")))


def _moved(found: list[Finding], text: str, line: int, path: str) -> Iterator[Finding]:
    """The findings at the line of `text` that holds their evidence."""
    lines = text.splitlines()
    for one in found:
        first = next(
            (part.strip(" +-\t") for part in one.evidence.splitlines() if part.strip(" +-\t")), ""
        )
        at = next((n for n, written in enumerate(lines) if first and first in written), 0)
        column = lines[at].find(first) + 1 if lines and first in lines[at] else 1
        height = max(0, one.span.end_line - one.span.line)
        span = Span(line + at, max(1, column), line + at + height, max(1, one.span.end_column))
        if not height:
            span = replace(span, end_column=span.column + max(1, len(first)) - 1)
        named = f"in {path}" if path and path not in one.detail else ""
        yield replace(one, span=span, detail="; ".join(filter(None, (one.detail, named))))


def _hit(hit: Hit, path: str, evidence: str) -> Finding:
    shown = evidence.strip()[:400]
    return Finding(f"agent-{hit[0]}", path, span_at(shown, 0, shown), shown, hit[1], hit[2])


def _after(words: tuple[str, ...], option: str) -> str:
    return words[words.index(option) + 1] if option in words[:-1] else ""
