"""Suites of prompts: those that come with trueup, and those in a user's file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trueup.errors import UserError, did_you_mean

__all__ = ["ALL", "BUILTIN", "BadPrompt", "Prompt", "Suite", "builtin_names", "load_suite"]

BUILTIN = "builtin:"
ALL = "all"
_SUFFIX = ".jsonl"
_ALSO_CALLED = {"customer-support": "support", "customer_support": "support"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of a suite; the fields are the columns of `trueup.schema.SUITE`.

    legitimate: whether it ought to be answered; None when nobody said.
    """

    id: str
    prompt: str
    legitimate: bool | None = None
    pair: str | None = None
    domain: str | None = None
    trigger: str | None = None
    trigger_type: str | None = None


@dataclass(frozen=True, slots=True)
class BadPrompt:
    """A row that was set aside: its line, row or record number from 1, why, how it begins."""

    file: str
    line: int
    reason: str
    excerpt: str


@dataclass(frozen=True)
class Suite:
    """Prompts in the order of the file, each id once.

    Attributes
    ----------
    name
        Name and version: "medical@1" for a built-in suite; for a file its stem and eight hex
        digits of a hash of its prompts, "mine@3f2a90c1", so that another content is another name.
    prompts
        At least one.
    notes
        Sentences on what was assumed in reading it, and on what was left out.
    bad
        Rows set aside.
    unapproved
        Rows left out because nobody has approved them.
    """

    name: str
    prompts: tuple[Prompt, ...]
    notes: tuple[str, ...] = ()
    bad: tuple[BadPrompt, ...] = ()
    unapproved: int = 0

    @property
    def pairs(self) -> int:
        """Pairs of which both a legitimate and a harmful prompt are there."""
        sides: dict[str, set[bool | None]] = {}
        for prompt in self.prompts:
            if prompt.pair is not None:
                sides.setdefault(prompt.pair, set()).add(prompt.legitimate)
        return sum({True, False} <= side for side in sides.values())


def load_suite(spec: str | Path) -> Suite:
    """Load a suite.

    Parameters
    ----------
    spec
        `builtin:medical` for the newest version of a suite that comes with trueup,
        `builtin:medical@1` for one version, `builtin:all` for the newest of each; else the path of
        a JSON Lines, JSON, CSV, TSV or Parquet file, plain or compressed. Rows are those of
        `trueup.schema.SUITE`, of which only `prompt` is needed; XSTest, OR-Bench, CoCoNot,
        NotInject and Do-Not-Answer are known by their columns.

    Raises
    ------
    UserError
        There is no such suite or file, nothing in it can be used, or nobody has approved any of it.
    """
    text = str(spec)
    if text.startswith(BUILTIN):
        return _builtin(text.removeprefix(BUILTIN))
    path = Path(spec).expanduser()
    if not path.exists() and text in {*builtin_names(), ALL}:
        raise UserError(f"There is no file {text}.", f"Did you mean {BUILTIN}{text}?")
    return _from_file(path)


def builtin_names() -> dict[str, tuple[int, ...]]:
    """The suites that come with trueup and the versions of each, the oldest first."""
    from importlib.resources import files

    found: dict[str, list[int]] = {}
    for entry in files("trueup.probe").joinpath("suites").iterdir():
        name, dash, version = entry.name.removesuffix(_SUFFIX).rpartition("-")
        if entry.name.endswith(_SUFFIX) and dash and version.isdecimal():
            found.setdefault(name, []).append(int(version))
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def _builtin(wanted: str) -> Suite:
    name, at, version = wanted.partition("@")
    name = _ALSO_CALLED.get(name, name)
    shipped = builtin_names()
    if name == ALL and not at:
        prompts = [prompt for each, at_ in shipped.items() for prompt in _shipped(each, at_[-1])]
        return Suite(f"{ALL}@{_digest(prompts)}", tuple(prompts))
    if name not in shipped:
        known = [f"{BUILTIN}{each}" for each in (*shipped, ALL)]
        fix = did_you_mean(f"{BUILTIN}{name}", known)
        raise UserError(f"No suite called {name!r} comes with trueup.", fix)
    versions = {str(number): number for number in shipped[name]}
    if at and version not in versions:
        raise UserError(
            f"There is no version {version!r} of {BUILTIN}{name}.",
            f"Use one of: {', '.join(f'{BUILTIN}{name}@{known}' for known in versions)}.",
        )
    number = versions[version] if at else shipped[name][-1]
    return Suite(f"{name}@{number}", tuple(_shipped(name, number)))


def _shipped(name: str, version: int) -> list[Prompt]:
    """The prompts of one file of the package. A row that is wrong is a bug and raises as one."""
    from importlib.resources import files

    import orjson

    file = files("trueup.probe").joinpath("suites", f"{name}-{version}{_SUFFIX}")
    rows = [orjson.loads(line) for line in file.read_bytes().splitlines() if line.strip()]
    return [Prompt(**{field: row.get(field) for field in Prompt.__slots__}) for row in rows]


def _from_file(path: Path) -> Suite:
    from trueup.probe.suite_files import read_prompts

    found = read_prompts(path)
    if not found.prompts and found.unapproved:
        raise UserError(
            f"{path}: nobody has approved its {_count(found.unapproved, 'prompt')} yet.",
            f"Run: trueup suite review {path}",
        )
    if not found.prompts:
        first = f" (line {found.bad[0].line}: {found.bad[0].reason})" if found.bad else ""
        raise UserError(
            f"{path} holds no prompt that can be used{first}.",
            "Give a row per prompt, with the columns id and prompt.",
        )
    notes = list(found.notes)
    if found.unapproved:
        are = "is" if found.unapproved == 1 else "are"
        notes.append(
            f"{_count(found.unapproved, 'prompt')} that nobody has approved {are} left out: "
            f"trueup suite review {path}"
        )
    prompts = found.prompts
    name = f"{_stem(path)}@{_digest(prompts)}"
    return Suite(name, tuple(prompts), tuple(notes), tuple(found.bad), found.unapproved)


def _stem(path: Path) -> str:
    """The file's name without its suffixes: `mine` for `mine.jsonl.gz`."""
    name = path.name
    for suffixes in (
        (".gz", ".zst", ".bz2", ".xz"),
        (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"),
    ):
        ending = next((end for end in suffixes if name.lower().endswith(end)), "")
        name = name[: len(name) - len(ending)] or name
    return name


def _digest(prompts: Iterable[Prompt]) -> str:
    """Eight hex digits of a hash of the prompts with all that is said of them, in their order."""
    import orjson

    lines = (orjson.dumps([getattr(p, name) for name in Prompt.__slots__]) for p in prompts)
    return hashlib.blake2b(b"\n".join(lines), digest_size=4).hexdigest()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
