"""Is the number real? Scan what was submitted, grade it out of its reach, watch the proxy.

What stands here is imported when it is first used, so that importing this costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError

if TYPE_CHECKING:
    from trueup.goodhart.grade.grading import grade_submission
    from trueup.goodhart.grade.result import Verdict
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
    from trueup.goodhart.grade.task_file import read_task
    from trueup.goodhart.inspect_scorer import goodhart as scorer
    from trueup.goodhart.rewards import reward
    from trueup.goodhart.scan.engine import scan_paths

__all__ = [
    "Case",
    "Compare",
    "FunctionTask",
    "Generated",
    "ProgramCase",
    "ProgramTask",
    "SuiteTask",
    "Task",
    "TimedTask",
    "Verdict",
    "grade_submission",
    "read_task",
    "reward",
    "scan_paths",
    "scorer",
]

_TASK = "trueup.goodhart.grade.task"
_FROM = {
    "Verdict": "trueup.goodhart.grade.result",
    "grade_submission": "trueup.goodhart.grade.grading",
    "read_task": "trueup.goodhart.grade.task_file",
    "reward": "trueup.goodhart.rewards",
    "scan_paths": "trueup.goodhart.scan.engine",
    "scorer": "trueup.goodhart.inspect_scorer",
}
_NAMED = {"scorer": "goodhart"}  # its name in an Inspect log


def __getattr__(name: str) -> Any:
    """Import what is asked for; `UserError` when that needs a package that is not installed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_FROM.get(name, _TASK))
    except ModuleNotFoundError as error:
        if not f"{error.name}.".startswith("inspect_ai."):
            raise
        raise UserError(
            f"trueup.goodhart.{name} needs inspect_ai, which is not installed.",
            "Install it: pip install inspect-ai",
        ) from error
    return getattr(module, _NAMED.get(name, name))


def __dir__() -> list[str]:
    return __all__
