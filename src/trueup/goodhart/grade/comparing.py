"""Comparing an answer with the expected value, in the parent, types first, over plain data.

exact: of the same type and equal, all the way down. True is not 1, 1 is not 1.0, a tuple is not a
list. NaN equals nothing, not even itself; 0.0 equals -0.0. The order of a dict or a set does not
matter.

close: as exact, but floats (and the parts of complex numbers) may differ as `math.isclose` says:
by at most max(rel * the larger of the two, abs). Members of sets and keys of dicts are exact: they
are looked up, and nothing says which of two near ones is meant.

callable: `check(args, expect, got)` says it, in this process; it gets copies.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.grade.task import Compare
from trueup.goodhart.grade.user_code import load_object

__all__ = ["CheckFailed", "checker", "matches"]

CHECK = "check"  # the function's name in the file of a callable comparison


class CheckFailed(Exception):
    """The task's own check raised on this answer; the message says what."""


def matches(compare: Compare, expect: Any, got: Any, args: tuple[Any, ...] = ()) -> bool:
    """Whether `got` answers. All values are plain data; `got` need not be of the expected type.

    Raises `UserError` when a callable comparison returns anything but a bool, `CheckFailed` when it
    raises.
    """
    if compare.type == "callable":
        return _asked(checker(compare), expect, got, args)
    return _Same(compare).same(expect, got)


def checker(compare: Compare) -> Callable[..., bool]:
    """The function of a callable comparison; `UserError` when there is none."""
    if compare.function is not None:
        return compare.function
    if compare.path is None:
        raise UserError(
            "compare.type is callable, but nothing says which function.",
            "Give compare.path, a file with a function check(args, expect, got).",
        )
    found: Callable[..., bool] = load_object(compare.path, CHECK, "compare.path")
    return found


def _asked(check: Callable[..., bool], expect: Any, got: Any, args: tuple[Any, ...]) -> bool:
    try:
        said = check(*copy.deepcopy((args, expect, got)))
    except Exception as error:
        raise CheckFailed(f"{type(error).__name__} in the task's check") from error
    if type(said) is not bool:
        raise UserError(
            f"The check of the task must return a bool, got {type(said).__name__}.",
            "Return bool(…).",
        )
    return said


class _Same:
    """Equality of plain data under one comparison."""

    def __init__(self, compare: Compare) -> None:
        self.close = compare.type == "close"
        self.rel, self.abs = compare.rel, compare.abs

    def same(self, expect: Any, got: Any) -> bool:
        kind = type(expect)
        if type(got) is not kind:
            return False
        if kind is list or kind is tuple:
            return len(expect) == len(got) and all(map(self.same, expect, got))
        if kind is dict:
            return self._same_dict(expect, got)
        if kind is set or kind is frozenset:
            return len(expect) == len(got) and set(map(_key, expect)) == set(map(_key, got))
        if self.close and kind is float:
            return math.isclose(expect, got, rel_tol=self.rel, abs_tol=self.abs)
        if self.close and kind is complex:
            return self.same(expect.real, got.real) and self.same(expect.imag, got.imag)
        return bool(expect == got)

    def _same_dict(self, expect: Mapping[Any, Any], got: Mapping[Any, Any]) -> bool:
        if len(expect) != len(got):
            return False
        given = {_key(key): value for key, value in got.items()}
        for key, value in expect.items():
            wanted = _key(key)
            if wanted not in given or not self.same(value, given[wanted]):
                return False
        return True


def _key(member: Any) -> Any:
    """What stands for a member of a set or a key: equal where type and value are, all the way."""
    kind = type(member)
    if kind is tuple:
        return kind, tuple(map(_key, member))
    if kind is frozenset:
        return kind, frozenset(map(_key, member))
    if kind is float and math.isnan(member):
        return kind, object()
    if kind is complex and (math.isnan(member.real) or math.isnan(member.imag)):
        return kind, object()
    return kind, member
