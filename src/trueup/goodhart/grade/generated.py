"""Generated cases: inputs from a secret seed, expected values from the task's reference.

The reference runs apart, in processes of its own; the submission's never hold what it answered.
"""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box
from trueup.goodhart.grade.calls import call_once
from trueup.goodhart.grade.inside import plain
from trueup.goodhart.grade.task import Case, FunctionTask

__all__ = ["made_cases", "made_inputs"]

_MOST_INPUT = 1 << 28  # characters
_ROUNDS = 20  # of drawing from a strategy that repeats itself


def made_cases(task: FunctionTask, box: Box, pool: Executor, rng: random.Random) -> list[Case]:
    """The generated cases of one grading, [] when the task has none.

    Raises `UserError` when the inputs cannot be made, or the reference gives no answer to one.
    """
    if task.generated is None:
        return []
    if task.reference is None:
        raise UserError(
            f"The task {task.name} generates cases but has no reference.",
            "Give reference, a file with a right solution.",
        )
    reference = task.reference
    inputs = made_inputs(task.generated.make, task.generated.count, rng)

    def case(numbered: tuple[int, tuple[Any, ...]]) -> Case:
        number, args = numbered
        answer = call_once(box, reference, task.entry, args, {}, task.limits, task.packages)
        if answer.kind != "value":
            said = f"{answer.what} {answer.quoted}".strip()
            raise UserError(
                f"The reference {reference.name} fails on a generated input: {said}.",
                "Mend the reference, the inputs or the limits: nothing can be graded by it.",
            )
        return Case(f"generated-{number}", args, answer.value)

    return list(pool.map(case, enumerate(inputs, start=1)))


def made_inputs(make: Any, count: int, rng: random.Random) -> list[tuple[Any, ...]]:
    """`count` tuples of arguments, from a function of a `random.Random` or a hypothesis strategy.

    A strategy that has fewer different values gives fewer. Raises `UserError` when what is made is
    not a tuple or list of plain data.
    """
    drawn = _drawn(make, count, rng) if _is_strategy(make) else _called(make, count, rng)
    return [_checked(args) for args in drawn]


def _is_strategy(make: Any) -> bool:
    """Whether it is a strategy: then hypothesis has been imported by what made it."""
    strategies = sys.modules.get("hypothesis.strategies")
    return strategies is not None and isinstance(make, strategies.SearchStrategy)


def _called(make: Any, count: int, rng: random.Random) -> list[Any]:
    if not callable(make):
        raise UserError(
            f"What makes the inputs must be a function or a strategy, got {type(make).__name__}.",
            "Write `def inputs(rng): return (rng.randrange(100),)`.",
        )
    maker: Callable[[random.Random], Any] = make
    try:
        # Copied, so that a maker that hands out one list again and again hands out several.
        return [copy.deepcopy(maker(rng)) for _ in range(count)]
    except Exception as error:
        raise UserError(
            f"Making inputs failed: {type(error).__name__}: {error}", "Mend the task's function."
        ) from error


def _drawn(strategy: Any, count: int, rng: random.Random) -> list[Any]:
    """Different values of a strategy; hypothesis is run as it would run a test."""
    import hypothesis

    found: dict[str, Any] = {}

    def keep(value: Any) -> None:
        found.setdefault(repr(value), copy.deepcopy(value))

    for _ in range(_ROUNDS):
        test = hypothesis.given(strategy)(keep)
        test = hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )(hypothesis.seed(rng.getrandbits(64))(test))
        before = len(found)
        test()
        if len(found) >= count or len(found) == before:
            break
    values = list(found.values())
    rng.shuffle(values)
    return values[:count]


def _checked(args: Any) -> tuple[Any, ...]:
    if not isinstance(args, tuple | list):
        raise UserError(
            f"A generated input must be a tuple of arguments, got {type(args).__name__}.",
            "One argument x is (x,).",
        )
    try:
        plain.encode(list(args), _MOST_INPUT)
    except plain.NotPlain as error:
        raise UserError(
            f"A generated input is not plain data: {error}.",
            "Use numbers, strings, bytes, None, and containers of them.",
        ) from error
    return tuple(args)
