"""Which task each row of a dataset belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from trueup.errors import UserError
from trueup.goodhart.grade.task import Task
from trueup.goodhart.grade.task_file import read_task, task_from

__all__ = ["TaskLike", "Tasks", "TasksLike", "read_tasks"]

TaskLike = Task | str | PathLike[str]
TasksLike = TaskLike | Mapping[str, TaskLike] | None


class Tasks:
    """One task for every row, or one for each value of a column.

    known: the tasks that are known before any row is.
    """

    def __init__(self, one: Task | None, named: Mapping[str, Task] | None, column: str) -> None:
        self._one, self._named, self._column = one, named, column
        self._read: dict[str, Task] = {}
        self.known = (one,) if one else tuple((named or {}).values())

    def of_rows(self, columns: Mapping[str, Sequence[Any]], count: int) -> list[Task | None]:
        """The task of each of `count` rows; None where it is not one of these."""
        values = columns.get(self._column)
        if values is None:
            if self._one is None:
                raise UserError(
                    f"The dataset has no column {self._column}.",
                    "Name the column that holds each row's task with column=, or give one task.",
                )
            return [self._one] * count
        return [self._of(value) for value in values]

    def _of(self, value: Any) -> Task | None:
        if value is None:
            return None
        if self._one is not None:
            return self._one if value == self._one.name else None
        if self._named is not None:
            return self._named.get(value)
        key = value if isinstance(value, str) else json.dumps(value, default=repr)
        if key not in self._read:
            self._read[key] = as_task(value)
        return self._read[key]


def read_tasks(task: TasksLike, column: str) -> Tasks:
    """Read every task that is named; raise `UserError` for the first that cannot be."""
    if isinstance(task, Mapping):
        if not task:
            raise UserError("There is no task in the mapping.", "Name at least one.")
        return Tasks(None, {name: as_task(one) for name, one in task.items()}, column)
    return Tasks(None if task is None else as_task(task), None, column)


def as_task(value: Any) -> Task:
    """A task, the path of one, or the content of a task.yaml as a mapping, as a task.

    A table of rows gives every row all keys: those without a value are left out.
    """
    if isinstance(value, Task):
        return value
    if isinstance(value, Mapping):
        return task_from(_with_values(value), Path.cwd())
    if isinstance(value, str | PathLike):
        return read_task(Path(value))
    raise UserError(
        f"A task is a Task, a path or a mapping, got {type(value).__name__}.",
        "Read it with trueup.goodhart.read_task.",
    )


def _with_values(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_values(item) for key, item in value.items() if item is not None}
    return [_with_values(item) for item in value] if isinstance(value, list) else value
