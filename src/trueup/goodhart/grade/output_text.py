"""Comparing what a program printed with what was expected, in the parent.

exact: equal after line endings are made "\\n" and one newline at the end is set aside. close: the
same tokens between white space, numbers within the tolerance of each other; NaN equals nothing.
callable: `check(stdin, expect, got)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from trueup.goodhart.grade.task import Compare

__all__ = ["first_difference", "normalised", "same_output"]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def normalised(text: str) -> str:
    """Line endings as "\\n", without one trailing newline."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


def same_output(
    compare: Compare,
    check: Callable[..., bool] | None,
    stdin: str,
    expect: str,
    got: str,
) -> bool:
    """Whether `got` answers. check: the loaded function of a callable comparison; only a true
    `bool` counts, and an exception of it is a bug of the task, not a pass."""
    if compare.type == "callable":
        assert check is not None
        return check(stdin, expect, got) is True
    if compare.type == "close":
        return _close(normalised(expect), normalised(got), compare)
    return normalised(expect) == normalised(got)


def _close(expect: str, got: str, compare: Compare) -> bool:
    wanted, given = expect.split(), got.split()
    return len(wanted) == len(given) and all(
        one == other or _near(one, other, compare) for one, other in zip(wanted, given, strict=True)
    )


def _near(expect: str, got: str, compare: Compare) -> bool:
    if not (_NUMBER.fullmatch(expect) and _NUMBER.fullmatch(got)):
        return False
    return math.isclose(float(expect), float(got), rel_tol=compare.rel, abs_tol=compare.abs)


def first_difference(expect: str, got: str) -> str:
    """One line for a visible case: where the two part. It quotes the submission."""
    wanted, given = normalised(expect).split("\n"), normalised(got).split("\n")
    for number, (one, other) in enumerate(zip(wanted, given, strict=False), start=1):
        if one != other:
            return f"line {number}: expected {one[:80]!r}, got {other[:80]!r}"
    return f"expected {len(wanted)} lines, got {len(given)}"
