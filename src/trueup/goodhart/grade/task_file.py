"""Read task.yaml: a function, a program, a pytest suite or a timed task. See docs/grade.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from trueup.errors import UserError
from trueup.goodhart.grade.limits import Limits
from trueup.goodhart.grade.task import (
    Case,
    Compare,
    FunctionTask,
    Generated,
    ProgramCase,
    ProgramTask,
    SuiteTask,
    Task,
    TimedTask,
)
from trueup.goodhart.grade.task_fields import Fields
from trueup.goodhart.grade.user_code import load_object

__all__ = ["KEYS", "read_task", "task_from"]

_COMMON = ("kind", "name", "limits", "compare", "packages", "impossible")
KEYS: dict[str, tuple[str, ...]] = {
    "function": (
        *_COMMON, "entry", "file", "cases", "held_out", "generated", "reference",
    ),
    "program": (*_COMMON, "command", "cases", "held_out"),
    "pytest": (*_COMMON, "sources", "tests", "held_out", "base", "ids", "reference"),
    "timed": (
        *_COMMON, "entry", "file", "make", "reference", "at_least", "repeats", "cases", "held_out",
    ),
}  # fmt: skip
_CASE = ("name", "args", "args_literal", "kwargs", "expect", "expect_literal")
_PROGRAM_CASE = ("name", "stdin", "args", "expect", "status")
_LIMITS = ("seconds", "memory_mb", "processes", "output_kb", "file_mb")
_COMPARE = ("type", "rel", "abs", "path")
_CaseT = TypeVar("_CaseT", Case, ProgramCase)


def read_task(path: Path) -> Task:
    """The task of a YAML file. Files that it names are looked for beside it.

    Raises `UserError` when it cannot be read or is not a task, naming the key.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "task.yaml"
    return _task(_loaded(path), path.name, path.parent)


def task_from(values: Mapping[str, Any], root: Path) -> Task:
    """The task of a mapping with the content of a task.yaml. root: where its files are."""
    return _task(values, "the task", Path(root))


def _loaded(path: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{path} cannot be read: {reason}.", "Name a task.yaml.") from error
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem or error.context).partition("\n")[0]
        raise UserError(f"{path.name}:{line}: not YAML: {problem}.", "Mend that line.") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path.name} is not YAML: {error}.", "Mend the file.") from error


def _task(values: Any, where: str, root: Path) -> Task:
    fields = Fields(values, where, root)
    kind = fields.choice("kind", tuple(KEYS))
    fields.only(KEYS[kind])
    common = {
        "name": fields.text("name", root.resolve().name or "task"),
        "root": root,
        "limits": _limits(fields.section("limits")),
        "compare": _compare(fields.section("compare")),
        "packages": fields.truth("packages"),
        "impossible": fields.text("impossible", ""),
    }
    return _READERS[kind](fields, common)


def _limits(fields: Fields) -> Limits:
    fields.only(_LIMITS)
    usual = Limits()
    return Limits(
        seconds=fields.number("seconds", usual.seconds, above=0),
        memory_mb=fields.whole("memory_mb", usual.memory_mb, least=32),
        processes=fields.whole("processes", usual.processes),
        output_kb=fields.whole("output_kb", usual.output_kb),
        file_mb=fields.whole("file_mb", usual.file_mb),
    )


def _compare(fields: Fields) -> Compare:
    fields.only(_COMPARE)
    kind = fields.choice("type", ("exact", "close", "callable"), "exact")
    tolerances = [key for key in ("rel", "abs") if key in fields]
    if kind == "close":
        if not tolerances:
            raise fields.wrong("rel", "there, or abs", "Write `{type: close, rel: 1e-6}`.")
        rel, near = (fields.number(key, 0.0) for key in ("rel", "abs"))
        if rel < 0 or near < 0 or rel >= 1:
            raise UserError(
                f"{fields.where}: rel must be in [0, 1) and abs at least 0.", "Use rel: 1e-6."
            )
        return Compare("close", rel, near)
    if tolerances:
        raise fields.wrong(tolerances[0], "left out", "Only `type: close` takes tolerances.")
    if kind == "exact":
        if "path" in fields:
            raise fields.wrong("path", "left out", "Write `type: callable`.")
        return Compare()
    path = fields.file("path")
    return Compare("callable", path=path, function=load_object(path, "check", "compare.path"))


def _function(fields: Fields, common: dict[str, Any]) -> FunctionTask:
    reference = fields.file("reference") if "reference" in fields else None
    generated = _generated(fields)
    if generated is not None and reference is None:
        raise UserError(
            f"{fields.where}: generated needs a reference, which says what is expected.",
            "Write `reference: reference.py`.",
        )
    return FunctionTask(
        **common,
        entry=_entry(fields),
        file=_file(fields),
        cases=_cases(fields, "cases", "case", _case),
        held_out=_cases(fields, "held_out", "held-out", _case),
        generated=generated,
        reference=reference,
    )


def _timed(fields: Fields, common: dict[str, Any]) -> TimedTask:
    return TimedTask(
        **common,
        entry=_entry(fields),
        file=_file(fields),
        make=_made(fields, "make"),
        reference=fields.file("reference"),
        at_least=fields.number("at_least", 1.0, above=0),
        repeats=fields.whole("repeats", 15, least=3),
        cases=_cases(fields, "cases", "case", _case),
        held_out=_cases(fields, "held_out", "held-out", _case),
    )


def _program(fields: Fields, common: dict[str, Any]) -> ProgramTask:
    command = fields.texts("command")
    if not command:
        raise fields.wrong("command", "a list of words", 'Write `command: ["{python}", main.py]`.')
    return ProgramTask(
        **common,
        command=command,
        cases=_cases(fields, "cases", "case", _program_case),
        held_out=_cases(fields, "held_out", "held-out", _program_case),
    )


def _suite(fields: Fields, common: dict[str, Any]) -> SuiteTask:
    sources = fields.texts("sources")
    if not sources:
        raise fields.wrong("sources", "a list of globs", "Write `sources: [src/**/*.py]`.")
    return SuiteTask(
        **common,
        sources=sources,
        tests=fields.folder("tests"),
        held_out=fields.folder("held_out") if "held_out" in fields else None,
        base=fields.folder("base") if "base" in fields else None,
        ids=fields.texts("ids"),
        reference=fields.folder("reference") if "reference" in fields else None,
    )


_READERS: dict[str, Callable[[Fields, dict[str, Any]], Task]] = {
    "function": _function,
    "program": _program,
    "pytest": _suite,
    "timed": _timed,
}


def _entry(fields: Fields) -> str:
    entry = fields.text("entry")
    if not all(part.isidentifier() for part in entry.split(".")):
        raise fields.wrong("entry", "the name of a function", "Write `entry: solve`.")
    return entry


def _file(fields: Fields) -> str:
    """A file of the submission's folder: relative, below it, Python."""
    name = fields.text("file", "solution.py")
    parts = name.split("/")
    if not name.endswith(".py") or "\\" in name or any(part in ("", ".", "..") for part in parts):
        raise fields.wrong("file", "a Python file in the submission's folder", "Use solution.py.")
    return name


def _cases(
    fields: Fields, key: str, word: str, read: Callable[[Fields, str], _CaseT]
) -> tuple[_CaseT, ...]:
    """The cases under the key, with names that differ. word: what those without one are called."""
    found: dict[str, _CaseT] = {}
    for place, section in enumerate(fields.sections(key), start=1):
        name = section.text("name", f"{word}-{place}")
        if name in found:
            raise section.wrong("name", "taken by one case alone", "Names must differ.")
        found[name] = read(section, name)
    return tuple(found.values())


def _case(fields: Fields, name: str) -> Case:
    fields.only(_CASE)
    args: Any = ()
    if "args" in fields or "args_literal" in fields or "kwargs" not in fields:
        args = fields.value("args")
    if not isinstance(args, list | tuple):
        key = "args" if "args" in fields else "args_literal"
        raise fields.wrong(key, "a list of the arguments", "One argument x is [x], or (x,).")
    kwargs = fields.data("kwargs", {})
    if not isinstance(kwargs, dict) or not all(isinstance(name, str) for name in kwargs):
        raise fields.wrong("kwargs", "a mapping of names to values")
    return Case(name, tuple(args), fields.value("expect"), kwargs)


def _program_case(fields: Fields, name: str) -> ProgramCase:
    fields.only(_PROGRAM_CASE)
    texts = {}
    for key, default in (("stdin", ""), ("expect", None)):
        value = fields.values.get(key, default)
        if not isinstance(value, str):
            raise fields.wrong(key, "a text", f'Quote it: `{key}: "1"`.')
        texts[key] = value
    return ProgramCase(
        name,
        stdin=texts["stdin"],
        expect=texts["expect"],
        args=fields.texts("args"),
        status=fields.whole("status", 0, least=0),
    )


def _generated(fields: Fields) -> Generated | None:
    if "generated" not in fields:
        return None
    if isinstance(fields.values["generated"], str):
        return Generated(_made(fields, "generated"))
    section = fields.section("generated")
    section.only(("make", "count"))
    return Generated(_made(section, "make"), section.whole("count", Generated(None).count))


def _made(fields: Fields, key: str) -> Any:
    """A maker of inputs: `file.py:name`, a function of a random.Random or a strategy."""
    file, colon, name = fields.text(key).rpartition(":")
    if not colon or not name.isidentifier():
        raise fields.wrong(key, "file.py:name", "Write `make: make_inputs.py:inputs`.")
    return load_object(fields.root / file, name, f"{fields.where}: {key}")
