"""What an attack on a grader found: made in `attack.run`, displayed by `report`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["AttackReport", "Called", "Outcome", "Role", "Row"]

Role = Literal["exploit", "null", "wrong", "stop", "right"]
Called = Literal["", "attempted", "succeeded", "honest stop"]
Outcome = Literal["fooled", "held", "void", "accepted", "refused", "timeout", "unread"]


@dataclass(frozen=True, slots=True)
class Row:
    """One submission, on one task, given to the grader.

    role: "exploit"; "null" (it says nothing, or everything); "wrong" (an honest mistake); "stop"
    (says that it cannot); "right" (a control, which must pass).
    outcome: "fooled" (it passed, and must not); "held" (it did not pass); "void" (it did not pass,
    but neither did any right solution of this task); "accepted" and "refused" for a right one;
    "timeout"; "unread" (the grader ended without a verdict that can be read).
    detail: one line, what the grader said last; hostile text. seen: techniques that the grader
    itself reported, where it does; None where it cannot. called: what the grader called it, "" for
    an ordinary submission; None where it cannot.
    """

    id: str
    role: Role
    task: str
    kind: str
    techniques: tuple[str, ...]
    title: str
    outcome: Outcome
    detail: str
    seconds: float
    seen: tuple[str, ...] | None = None
    called: Called | None = None


@dataclass(frozen=True, slots=True)
class AttackReport:
    """All rows for one grader.

    grader: its name or its command. absent: techniques that were not tried, with the reason.
    """

    grader: str
    rows: tuple[Row, ...]
    seconds: float
    absent: dict[str, str]
    notes: tuple[str, ...] = ()

    def of(self, *roles: Role) -> Iterator[Row]:
        """The rows of these roles."""
        return (row for row in self.rows if row.role in roles)

    @property
    def fooled(self) -> tuple[Row, ...]:
        """Every submission that passed and must not have."""
        return tuple(row for row in self.rows if row.outcome == "fooled")

    @property
    def tried(self) -> tuple[str, ...]:
        """The techniques that were tried, each once, in the order of the battery."""
        return tuple(dict.fromkeys(t for row in self.of("exploit") for t in row.techniques))

    @property
    def fell_for(self) -> tuple[str, ...]:
        """The techniques of which at least one variant passed."""
        return tuple(
            dict.fromkeys(
                t for row in self.of("exploit") if row.outcome == "fooled" for t in row.techniques
            )
        )

    @property
    def undecided(self) -> tuple[str, ...]:
        """The techniques that never passed, and of which no variant is known to have been held."""
        held = {t for row in self.of("exploit") if row.outcome == "held" for t in row.techniques}
        return tuple(t for t in self.tried if t not in held and t not in self.fell_for)

    @property
    def failed_controls(self) -> tuple[Row, ...]:
        """Right solutions that did not pass."""
        return tuple(row for row in self.of("right") if row.outcome != "accepted")

    @property
    def void_tasks(self) -> tuple[str, ...]:
        """Tasks of which no right solution passed, so that nothing is known of them."""
        tasks = dict.fromkeys(row.task for row in self.rows)
        passed = {row.task for row in self.of("right") if row.outcome == "accepted"}
        return tuple(task for task in tasks if task not in passed)

    @property
    def holds(self) -> bool:
        """Nothing fooled it, and every right solution passed."""
        return not self.fooled and not self.failed_controls and not self.void_tasks
