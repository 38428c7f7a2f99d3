"""From a task's folders to the trees that go into the box.

The tests are sealed once, in two versions (see `sealing`); every run gets decoys of its own.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from trueup.errors import UserError
from trueup.goodhart.grade.copies import copy_file, regular_files
from trueup.goodhart.grade.suites.decoys import Decoy, decoy_modules
from trueup.goodhart.grade.suites.sealing import Names, Site, defined_names, seal
from trueup.goodhart.parsing import parsed

__all__ = ["Suite", "Tree", "lay_out", "prepare", "tests_place"]

_FIRST_DECOY = 1_000_000


@dataclass(frozen=True, slots=True)
class Suite:
    """A sealed suite. place: where the tests lie in the tree. texts: by path below it, the text as
    written and the control. data: other files of the tests, with where they come from. sites and
    ends: of all modules, see `Sealed`. stems: ids of its tests, without parameters. own: functions
    that the tests define."""

    place: str
    names: Names
    texts: Mapping[str, tuple[str, str]]
    data: Mapping[str, Path]
    sites: Mapping[int, Site]
    ends: Mapping[int, frozenset[int]]
    stems: frozenset[str]
    test_names: tuple[str, ...]
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree for one run. decoys: by id."""

    folder: Path
    decoys: Mapping[str, Decoy]
    ends: frozenset[int]


def tests_place(tests: Path, base: Path | None) -> str:
    """Where the tests lie in the tree: as in the base when they are part of it."""
    if base is not None and tests.resolve().is_relative_to(base.resolve()):
        return tests.resolve().relative_to(base.resolve()).as_posix()
    return tests.resolve().name


def prepare(
    tests: Path, support: Path | None, place: str, rng: random.Random, swaps: random.Random
) -> Suite:
    """Read and seal the tests.

    tests: the folder of the tests. support: another folder of tests whose helpers, conftest and
    data these may use; its own tests are not run. swaps: draws what the control expects.
    """
    files: dict[str, Path] = {}
    if support is not None:
        files |= {
            path.as_posix(): support / path
            for path in regular_files(support)
            if not _holds_tests(path)
        }
    files |= {path.as_posix(): tests / path for path in regular_files(tests)}
    trees = {name: _parsed(file) for name, file in files.items() if name.endswith(".py")}
    own = defined_names(list(trees.values()))
    names = Names.drawn(rng)
    texts: dict[str, tuple[str, str]] = {}
    sites: dict[int, Site] = {}
    ends: dict[int, frozenset[int]] = {}
    first = 0
    for name, tree in trees.items():
        sealed = seal(tree, f"{place}/{name}", names, own, first, swaps)
        texts[name] = sealed.text, sealed.control
        sites |= {site.number: site for site in sealed.sites}
        ends |= sealed.ends
        first += len(sealed.sites) + len(sealed.ends)
    data = {name: file for name, file in files.items() if not name.endswith(".py")}
    listed = tuple(sorted(name for name in own if name.startswith("test")))
    stems = {stem for name, tree in trees.items() for stem in _stems(f"{place}/{name}", tree)}
    return Suite(place, names, texts, data, sites, ends, frozenset(stems), listed, own)


def _stems(file: str, tree: ast.Module) -> Iterator[str]:
    """Ids of the tests in a module, as far as its text says, without parameters."""
    if not _holds_tests(PurePosixPath(file)):
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield f"{file}::{node.name}"
        elif isinstance(node, ast.ClassDef) and _is_collected(node):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name.startswith("test"):
                    yield f"{file}::{node.name}::{item.name}"


def _is_collected(node: ast.ClassDef) -> bool:
    bases = [
        base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        for base in node.bases
    ]
    plain = node.name.startswith("Test") and not any(
        isinstance(item, ast.FunctionDef) and item.name == "__init__" for item in node.body
    )
    return plain or any(base.endswith("TestCase") for base in bases)


def _holds_tests(path: PurePath) -> bool:
    return path.name.startswith("test_") or path.name.endswith("_test.py")


def _parsed(file: Path) -> ast.Module:
    try:
        return parsed(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UserError(
            f"The test file {file} cannot be parsed: {error}.", "Mend the task's tests."
        ) from error


def lay_out(
    suite: Suite,
    folder: Path,
    base: Path | None,
    submission: Path,
    taken: tuple[Path, ...],
    rng: random.Random,
    *,
    control: bool,
) -> Tree:
    """Write the tree of one run into an empty folder: base, then sources, then tests and decoys."""
    if base is not None:
        for path in regular_files(base):
            if not path.is_relative_to(PurePosixPath(suite.place)):
                copy_file(base / path, folder / path)
    for path in taken:
        copy_file(submission / path, folder / path)
    tests = folder / suite.place
    for name, file in suite.data.items():
        copy_file(file, tests / name)
    for name, texts in suite.texts.items():
        _write(tests / name, texts[control])
    return _with_decoys(suite, tests, folder, rng)


def _with_decoys(suite: Suite, tests: Path, folder: Path, rng: random.Random) -> Tree:
    taken = {PurePosixPath(name).name for name in suite.texts}
    modules, decoys = decoy_modules(list(suite.test_names), taken, rng)
    ends: set[int] = set()
    first = _FIRST_DECOY
    for name, text in modules.items():
        sealed = seal(parsed(text), name, suite.names, suite.own, first, rng)
        _write(tests / name, sealed.text)
        ends |= set(sealed.ends)
        first += len(sealed.sites) + len(sealed.ends)
    by_id = {f"{suite.place}/{decoy.id}": decoy for decoy in decoys}
    return Tree(folder, by_id, frozenset(ends))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
