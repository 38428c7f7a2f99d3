"""What a table of published figures says, as frozen values.

Shares and their differences are fractions: 0.30 is 30 %, or 30 percentage points. Scores stay on
their own scale, on which a difference is never called points.
"""

from __future__ import annotations

from dataclasses import dataclass

from trueup.stats import Interval

__all__ = [
    "Metric",
    "SummaryCell",
    "SummaryChange",
    "SummaryReport",
    "SummaryRow",
    "Tradeoff",
]


@dataclass(frozen=True, slots=True)
class Metric:
    """One column of figures.

    unit: "share" or "score". decimals: digits behind the point as published, of a percentage for a
    share. better: "lower" or "higher". guessed: whether `better` rests on the column's name alone.
    counted: whether some of its rows are known as so many of so many.
    """

    name: str
    unit: str
    decimals: int
    better: str
    guessed: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class SummaryChange:
    """One row's figure against another's.

    against: the row that it is compared with. difference: this minus that; its limits are NaN
    without counts. relative: the difference as a share of that row's figure; NaN when that is not
    above 0. ratio: this by that, both at least 0. p_value: Fisher's exact test, two-sided;
    p_adjusted: Holm over all tests of the table; both NaN without counts. n_needed: per row, to see
    such a difference with 80 % power; None without counts or without a difference. better: None
    when nothing changed or it is unknown.
    """

    against: str
    difference: Interval
    relative: float
    ratio: Interval
    p_value: float
    p_adjusted: float
    n_needed: int | None
    better: bool | None


@dataclass(frozen=True, slots=True)
class SummaryCell:
    """One figure. value: Wilson's limits with counts, NaN limits without. k, n: None unknown."""

    metric: str
    value: Interval
    k: int | None
    n: int | None
    from_baseline: SummaryChange | None
    from_previous: SummaryChange | None


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One version.

    group: what the row shares with those it is compared with, such as the model; "" when there is
    one key only. relation: against its baseline, over all figures: "better" (no worse anywhere,
    better somewhere), "worse", "mixed", "same"; None for a baseline or when a figure is unknown.
    pareto: no row of its group is better in that sense; None when a figure is unknown.
    """

    name: str
    group: str
    baseline: bool
    relation: str | None
    pareto: bool | None
    cells: tuple[SummaryCell, ...]

    @property
    def label(self) -> str:
        """Its whole name."""
        return f"{self.group} / {self.name}" if self.group else self.name


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """Two figures over n rows.

    spearman: rank correlation of being good on the first and bad on the second, ties at their mean
    rank. Above 0: what is better on one tends to be worse on the other. NaN when undefined.
    """

    first: str
    second: str
    spearman: float
    n: int


@dataclass(frozen=True, slots=True)
class SummaryReport:
    """The whole table.

    keys: the columns that name a row. ordered: rows follow one another, and are compared with the
    row above, too. count: the column that says out of how many, None without one. n_tests: over how
    many p-values Holm's correction ran. notes: what was assumed or left out, in sentences.
    """

    source: str
    keys: tuple[str, ...]
    ordered: bool
    baseline: str
    count: str | None
    metrics: tuple[Metric, ...]
    rows: tuple[SummaryRow, ...]
    tradeoffs: tuple[Tradeoff, ...]
    n_tests: int
    level: float
    notes: tuple[str, ...]
