"""Shell text cut into simple commands, as far as that can be told without running it.

Quotes, escapes, comments, here documents, redirections, pipes and wrappers such as `sudo` or
`bash -c` are understood; variables and globs stay as they are written. Broken text is cut as far
as it goes, never refused. The work is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

__all__ = ["Command", "Redirect", "commands"]

_DEEPEST = 4  # of a command inside the argument of another
_LONGEST = 1_000_000  # characters; a longer text is cut
_OPERATORS = ("&&", "||", ";;", "|&", ";", "|", "&", "(", ")", "\n")
_REDIRECT = re.compile(r"(?:\d{0,2}|&)(?:>>|>\||>&|<<<|<<-|<<|<>|<&|<|>)")
_WRAPPERS = {
    "sudo", "doas", "nohup", "time", "timeout", "env", "exec", "command", "builtin", "nice",
    "stdbuf", "setsid", "xargs", "then", "do", "else", "if", "while", "until", "!", "{", "unbuffer",
    "ionice", "busybox",
}  # fmt: skip
_VALUED = {"-u", "-n", "-s", "-k", "-g", "-I", "-L", "-P", "-d", "--signal", "--kill-after"}
_SHELLS = {"bash", "sh", "zsh", "dash", "ksh", "ash"}
_ASSIGNED = re.compile(r"[A-Za-z_]\w*\+?=")


@dataclass(frozen=True, slots=True)
class Redirect:
    """An operator such as ">" and its target."""

    operator: str
    target: str


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command.

    name: the program's own name without its folder. words: its arguments. assigned: what is set in
    front of it, NAME=value. text: how it was written. line: from 1. document: a here document or
    here string on its input. pipeline: commands of one pipe share a number. after: the operator
    behind it.
    """

    name: str
    words: tuple[str, ...]
    assigned: tuple[str, ...]
    redirects: tuple[Redirect, ...]
    text: str
    line: int
    document: str = ""
    document_line: int = 0
    pipeline: int = 0
    after: str = ""

    @property
    def writes(self) -> tuple[str, ...]:
        """Targets of its output."""
        return tuple(
            one.target
            for one in self.redirects
            if ">" in one.operator and "&" not in one.operator.removeprefix("&")
        )

    @property
    def reads(self) -> tuple[str, ...]:
        """Files on its input."""
        return tuple(one.target for one in self.redirects if one.operator.endswith("<"))


def commands(text: str, line: int = 1, depth: int = 0) -> Iterator[Command]:
    """Every simple command in the text, those inside `bash -c "…"` and "$(…)" too."""
    for command in _Cutter(text[:_LONGEST], line).cut():
        yield command
        if depth < _DEEPEST:
            for inner, place in _inside(command):
                yield from commands(inner, place, depth + 1)


def _inside(command: Command) -> Iterator[tuple[str, int]]:
    if command.name in _SHELLS:
        for place, word in enumerate(command.words[:-1]):
            if re.fullmatch(r"-[a-z]*c", word):
                yield command.words[place + 1], command.line
                break
        if command.document:
            yield command.document, command.document_line
    elif command.name == "eval":
        yield " ".join(command.words), command.line
    for word in command.words:
        for found in re.finditer(r"\$\(([^()]{1,2000})\)|`([^`]{1,2000})`", word):
            yield found[1] or found[2], command.line


@dataclass
class _Cutter:
    """Goes through the text once."""

    text: str
    line: int
    at: int = 0
    start: int = 0
    first_line: int = 1
    words: list[str] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    waiting: list[tuple[str, bool]] = field(default_factory=list)
    ready: list[Command] = field(default_factory=list)
    pipeline: int = 0

    def cut(self) -> Iterator[Command]:
        self._begin()
        while self.at < len(self.text):
            self._next()
            if self.ready and not self.waiting:
                yield from self.ready
                self.ready.clear()
        self._end("")
        if self.waiting:
            self._documents()
        yield from self.ready

    def _begin(self) -> None:
        self.start, self.first_line = self.at, self.line
        self.words, self.redirects = [], []

    def _next(self) -> None:
        here = self.text[self.at]
        if here in " \t\r" or self.text.startswith("\\\n", self.at):
            self.line += here == "\\"
            self.at += 2 if here == "\\" else 1
            if not self.words and not self.redirects:
                self.start, self.first_line = self.at, self.line
        elif here == "#" and (self.at == 0 or self.text[self.at - 1] in " \t\n;&|("):
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
        elif found := _REDIRECT.match(self.text, self.at):
            self._redirect(found[0])
        elif operator := next((o for o in _OPERATORS if self.text.startswith(o, self.at)), None):
            self._end(operator)
            self.at += len(operator)
            if operator == "\n":
                self.line += 1
                self._documents()
            if operator not in ("|", "|&"):
                self.pipeline += 1
            self._begin()
        else:
            self.words.append(self._word())

    def _redirect(self, operator: str) -> None:
        self.at += len(operator)
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        quoted = self.text[self.at : self.at + 1] in ("'", '"', "\\")
        if self.at < len(self.text) and self.text[self.at] not in "\n;|&()<>":
            target = self._word()
        else:
            return
        operator = operator.lstrip("0123456789")
        if operator in ("<<", "<<-"):
            self.waiting.append((target, quoted))
        else:
            self.redirects.append(Redirect(operator, target))

    def _word(self) -> str:
        """One word, without its quotes."""
        parts: list[str] = []
        begin = self.at
        while self.at < len(self.text):
            here = self.text[self.at]
            if here in " \t\r\n;|&()<>":
                if here == "(" and self.at > begin and self.text[self.at - 1] in "$<>=":
                    parts.append(here)
                    self.at += 1
                    continue
                break
            if here == "\\":
                parts.append(self.text[self.at + 1 : self.at + 2].replace("\n", ""))
                self.line += self.text.startswith("\\\n", self.at)
                self.at += 2
            elif here in "'\"":
                parts.append(self._quoted(here))
            else:
                parts.append(here)
                self.at += 1
        if self.at == begin:  # a character that no rule takes
            self.at += 1
        return "".join(parts)

    def _quoted(self, mark: str) -> str:
        begin = self.at + 1
        end = begin
        while True:
            end = self.text.find(mark, end)
            if end < 0:
                end = len(self.text)
                break
            if mark == '"' and _escaped(self.text, begin, end):
                end += 1
                continue
            break
        inside = self.text[begin:end]
        self.line += inside.count("\n")
        self.at = end + 1
        return re.sub(r'\\(["\\$`])', r"\1", inside) if mark == '"' else inside

    def _end(self, operator: str) -> None:
        if not self.words and not self.redirects:
            return
        assigned, rest = _split(self.words)
        self.ready.append(
            Command(
                name=PurePosixPath(rest[0]).name if rest else "",
                words=tuple(rest[1:]),
                assigned=tuple(assigned),
                redirects=tuple(self.redirects),
                text=self.text[self.start : self.at].strip(),
                line=self.first_line,
                document=next(
                    (r.target for r in self.redirects if r.operator == "<<<"), ""
                ),
                document_line=self.first_line,
                pipeline=self.pipeline,
                after=operator,
            )
        )  # fmt: skip
        self._begin()

    def _documents(self) -> None:
        """Take the here documents that the line just ended announced."""
        for mark, _ in self.waiting:
            found = re.compile(rf"^[ \t]*{re.escape(mark)}[ \t]*$", re.MULTILINE).search(
                self.text, self.at
            )
            end = found.start() if found else len(self.text)
            document = self.text[self.at : end]
            self._attach(mark, document)
            self.line += document.count("\n") + (1 if found else 0)
            self.at = min(len(self.text), found.end() + 1) if found else len(self.text)
        self.waiting = []

    def _attach(self, mark: str, document: str) -> None:
        """Give the document to the command that asked for it."""
        from dataclasses import replace

        for place, command in enumerate(self.ready):
            asked = re.search(rf"<<-?\s*['\"\\]?{re.escape(mark)}", command.text)
            if asked and not command.document:
                self.ready[place] = replace(command, document=document, document_line=self.line)
                return


def _escaped(text: str, begin: int, end: int) -> bool:
    """Whether an odd number of backslashes stands before `end`."""
    count = 0
    while end - count > begin and text[end - count - 1] == "\\":
        count += 1
    return count % 2 == 1


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Assignments in front, and the command without `sudo`, `timeout 10` and the like."""
    assigned: list[str] = []
    rest = list(words)
    while rest:
        if _ASSIGNED.match(rest[0]):
            assigned.append(rest.pop(0))
        elif PurePosixPath(rest[0]).name in _WRAPPERS and len(rest) > 1:
            wrapper = rest.pop(0)
            while len(rest) > 1 and rest[0].startswith("-"):
                option = rest.pop(0)
                if option in _VALUED and len(rest) > 1:
                    rest.pop(0)
            if wrapper == "timeout" and len(rest) > 1 and re.fullmatch(r"[\d.]+[smhd]?", rest[0]):
                rest.pop(0)
        else:
            break
    return assigned, rest
