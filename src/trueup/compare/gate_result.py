"""What a gate says, as frozen values: computed in `compare.gate`, displayed by `report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trueup.compare.result import Comparison

__all__ = ["Check", "GateReport", "Outcome"]

Outcome = Literal["passed", "failed", "not shown"]


@dataclass(frozen=True, slots=True)
class Check:
    """One limit against what was found.

    limit: its name, as the flag without dashes in front. subject: the capability score that it is
    about, else None. group: "legitimate", "harmful", "all" or "capability". outcome: "passed" when
    the limits of the value lie within what is allowed, "failed" when they lie beyond it, else "not
    shown". at_least: whether `allowed` is the least instead of the most. unit: "points" (a share of
    prompts or a difference of shares), "percent" (a share) or "score" (the score's own scale); all
    numbers are fractions or on that scale. value, low, high: NaN when unknown; each of low and high
    is a one-sided limit at the report's level. count: prompts behind the value, None when it is no
    count. n: prompts. before, after: the two rates or means, NaN where there are none. misread: how
    far the limits were widened because the annotator misreads, None when they were not, NaN when
    they were by more than one figure says. needed: prompts that would show that the limit holds, if
    the rate stays; None when no number would, or when nothing is needed. reason: why nothing can be
    said, a clause without a full stop; "" when something can. advice: a sentence on what would show
    it where no number of prompts does, else "". method: how the limits were obtained.
    """

    limit: str
    subject: str | None
    group: str
    outcome: Outcome
    at_least: bool
    allowed: float
    unit: str
    value: float
    low: float
    high: float
    count: int | None
    n: int
    before: float
    after: float
    misread: float | None
    needed: int | None
    reason: str
    advice: str
    method: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """Every check of a gate: what failed first, then what was not shown, then what passed.

    level: confidence of each limit, one-sided. unproven: "fail" or "warn". alone: there was no
    version before, and `comparison` compares the one with itself. notes: what to know before one
    trusts the outcome.
    """

    comparison: Comparison
    checks: tuple[Check, ...]
    level: float
    unproven: str
    alone: bool
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """That of the worst check."""
        return self.checks[0].outcome

    @property
    def lets_through(self) -> bool:
        """Whether the exit code is 0."""
        return all(not self.stops(check) for check in self.checks)

    def stops(self, check: Check) -> bool:
        """Whether this check alone makes the exit code 1."""
        return check.outcome == "failed" or (
            check.outcome == "not shown" and self.unproven == "fail"
        )
