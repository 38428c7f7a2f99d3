"""Published figures compared: each version against a baseline and the one before, and the trade."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from trueup.compare.summary_columns import Figures, Reading, read_columns
from trueup.compare.summary_result import (
    Metric,
    SummaryCell,
    SummaryChange,
    SummaryReport,
    SummaryRow,
    Tradeoff,
)
from trueup.errors import UserError, did_you_mean
from trueup.stats import (
    Interval,
    difference,
    holm,
    pareto_set,
    ratio,
    spearman,
    two_proportion_n,
    wilson,
)

__all__ = ["Table", "summarise"]


class Table(Protocol):
    """A summary table as it was read (`trueup.sources.summary_table.SummaryTable`)."""

    @property
    def source(self) -> str: ...
    @property
    def keys(self) -> Sequence[str]: ...
    @property
    def names(self) -> Sequence[tuple[str, ...]]: ...
    @property
    def ordered(self) -> bool: ...
    @property
    def columns(self) -> Sequence[Figures]: ...
    @property
    def left_out(self) -> Sequence[str]: ...


def summarise(
    table: Table,
    *,
    baseline: str | None = None,
    lower: Sequence[str] = (),
    higher: Sequence[str] = (),
    level: float = 0.95,
) -> SummaryReport:
    """Compare the rows of a table of figures.

    Parameters
    ----------
    table
        At least two rows.
    baseline
        Name of the row that the others are compared with: of the last key, within each group, or
        the whole name of one row. None: the first row (of each group).
    lower, higher
        Columns of which less, or more, is better. Of others this is guessed from their names.
    level
        Confidence level in (0, 1).

    Returns
    -------
    SummaryReport
        Differences with Newcombe's (1998, method 10) interval where counts are known, two-sided
        Fisher exact p-values against the baseline, Holm-adjusted over all tests of the table.

    Raises
    ------
    UserError
        Fewer than two rows, no such baseline or column, a level outside (0, 1).

    Notes
    -----
    Voided by runs that are not independent (repeats of one prompt are not), by rows that were
    measured on the same prompts (then there is a paired test, which needs the answers), and by a
    baseline that was picked for its figures.
    """
    if not 0.0 < level < 1.0:
        raise UserError(f"level must be in the open interval (0, 1), got {level!r}.")
    if len(table.names) < 2:
        raise UserError(
            f"{table.source} has {len(table.names)} usable rows.", "A comparison needs two."
        )
    readings, count = read_columns(table.columns, lower, higher)
    places = _places(table, baseline)
    p_values = _tests(readings, places)
    adjusted = dict(zip(p_values, holm(list(p_values.values())).tolist(), strict=True))
    tests = {key: (p, adjusted[key]) for key, p in p_values.items()}
    cells = [_cells(reading, places, tests, level) for reading in readings]
    rows = _row_results(readings, places, list(zip(*cells, strict=True)))
    return SummaryReport(
        source=table.source,
        keys=tuple(table.keys),
        ordered=table.ordered,
        baseline=_baseline_name(places),
        count=count,
        metrics=tuple(reading.metric for reading in readings),
        rows=rows,
        tradeoffs=_tradeoffs(readings, places),
        n_tests=len(p_values),
        level=level,
        notes=_notes(table, readings, places),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A row: its names, and the numbers of the rows that it is compared with."""

    name: str
    group: str
    base: int | None
    previous: int | None

    @property
    def label(self) -> str:
        return f"{self.group} / {self.name}" if self.group else self.name


def _places(table: Table, baseline: str | None) -> list[_Place]:
    rows = [_Place(name[-1], " / ".join(name[:-1]), None, None) for name in table.names]
    groups: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(row.group, []).append(number)
    bases = _bases(rows, groups, baseline)
    above = {
        one: before for members in groups.values() for before, one in itertools.pairwise(members)
    }
    return [
        replace(row, base=bases[number], previous=above.get(number) if table.ordered else None)
        for number, row in enumerate(rows)
    ]


def _bases(
    rows: Sequence[_Place], groups: dict[str, list[int]], baseline: str | None
) -> list[int | None]:
    """For each row the row that it is compared with; None where its group lacks the baseline."""
    if baseline is None:
        return [groups[row.group][0] for row in rows]
    found = {
        group: next((one for one in members if rows[one].name == baseline), None)
        for group, members in groups.items()
    }
    if any(one is not None for one in found.values()):
        return [found[row.group] for row in rows]
    whole = next((number for number, row in enumerate(rows) if row.label == baseline), None)
    if whole is None:
        known = {row.name for row in rows} | {row.label for row in rows}
        raise UserError(f"No row is called {baseline!r}.", did_you_mean(baseline, known))
    return [whole] * len(rows)


def _baseline_name(places: Sequence[_Place]) -> str:
    """The baseline as one name, when it is one everywhere; else "the first row"."""
    bases = {place.base for place in places if place.base is not None}
    if len(bases) == 1:
        return places[bases.pop()].label
    names = {places[base].name for base in bases}
    return names.pop() if len(names) == 1 else "the first row"


def _tests(readings: Sequence[Reading], places: Sequence[_Place]) -> dict[tuple[str, int], float]:
    """Fisher's exact p-values against the baseline, by column and row."""
    found = {}
    for reading in readings:
        for row, place in enumerate(places):
            if place.base is None or place.base == row:
                continue
            k, n = (reading.k[row], reading.k[place.base]), (reading.n[row], reading.n[place.base])
            if k[0] is not None and k[1] is not None and n[0] and n[1]:
                found[reading.metric.name, row] = _fisher(k[0], n[0], k[1], n[1])
    return found


def _fisher(k1: int, n1: int, k2: int, n2: int) -> float:
    """Fisher's exact test of two independent proportions, two-sided."""
    from scipy.stats import fisher_exact  # slow to import, and only needed here

    return float(fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue)


def _cells(
    reading: Reading,
    places: Sequence[_Place],
    tests: dict[tuple[str, int], tuple[float, float]],
    level: float,
) -> list[SummaryCell]:
    intervals = [_interval(reading, row, level) for row in range(len(places))]

    def change(row: int, other: int | None) -> SummaryChange | None:
        if other is None or other == row:
            return None
        tested = tests.get((reading.metric.name, row)) if other == places[row].base else None
        moved = _change(reading.metric, intervals[row], intervals[other], tested)
        return replace(moved, against=places[other].label)

    return [
        SummaryCell(
            metric=reading.metric.name,
            value=intervals[row],
            k=reading.k[row],
            n=reading.n[row],
            from_baseline=change(row, place.base),
            from_previous=change(row, place.previous),
        )
        for row, place in enumerate(places)
    ]


def _interval(reading: Reading, row: int, level: float) -> Interval:
    k, n = reading.k[row], reading.n[row]
    if k is None or n is None:
        return Interval(reading.values[row], math.nan, math.nan, level, 0)
    return wilson(k, n, level)


def _change(
    metric: Metric, now: Interval, then: Interval, tested: tuple[float, float] | None
) -> SummaryChange:
    counted = now.n > 0 and then.n > 0
    if counted:
        moved, factor = difference(now, then), ratio(now, then)
    else:
        moved = Interval(now.value - then.value, math.nan, math.nan, now.level, 0)
        by = now.value / then.value if now.value >= 0 and then.value > 0 else math.nan
        factor = Interval(by, math.nan, math.nan, now.level, 0)
    changed = not math.isnan(moved.value) and now.value != then.value
    p_value, p_adjusted = tested or (math.nan, math.nan)
    return SummaryChange(
        against="",
        difference=moved,
        relative=moved.value / then.value if then.value > 0 else math.nan,
        ratio=factor,
        p_value=p_value,
        p_adjusted=p_adjusted,
        n_needed=two_proportion_n(now.value, then.value, level=now.level)
        if counted and changed
        else None,
        better=(moved.value > 0) == (metric.better == "higher") if changed else None,
    )


def _row_results(
    readings: Sequence[Reading],
    places: Sequence[_Place],
    cells: Sequence[tuple[SummaryCell, ...]],
) -> tuple[SummaryRow, ...]:
    costs = np.array([_costs(reading.metric, reading.values) for reading in readings]).T
    known = np.isfinite(costs).all(axis=1)
    best = _pareto(costs, known, [place.group for place in places])
    return tuple(
        SummaryRow(
            name=place.name,
            group=place.group,
            baseline=place.base == row,
            relation=_relation(costs, known, row, place.base),
            pareto=best[row],
            cells=cells[row],
        )
        for row, place in enumerate(places)
    )


def _costs(metric: Metric, values: Sequence[float]) -> list[float]:
    """The figures turned so that less is better."""
    sign = 1.0 if metric.better == "lower" else -1.0
    return [sign * value for value in values]


def _pareto(costs: np.ndarray, known: np.ndarray, groups: Sequence[str]) -> list[bool | None]:
    best: list[bool | None] = [None] * len(groups)
    for group in dict.fromkeys(groups):
        members = [row for row, its in enumerate(groups) if its == group and known[row]]
        for row, kept in zip(members, pareto_set(costs[members]), strict=True):
            best[row] = bool(kept)
    return best


def _relation(costs: np.ndarray, known: np.ndarray, row: int, base: int | None) -> str | None:
    if base is None or base == row or not (known[row] and known[base]):
        return None
    moved = costs[row] - costs[base]
    if not moved.any():
        return "same"
    if (moved <= 0).all():
        return "better"
    return "worse" if (moved >= 0).all() else "mixed"


def _tradeoffs(readings: Sequence[Reading], places: Sequence[_Place]) -> tuple[Tradeoff, ...]:
    """Every pair of columns, over at least three rows that have both; not across groups."""
    if len({place.group for place in places}) > 1:
        return ()
    found = []
    for first, second in itertools.combinations(readings, 2):
        a = np.array(_costs(first.metric, first.values))
        b = np.array(_costs(second.metric, second.values))
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() >= 3:
            value = -spearman(a[both], b[both])
            found.append(Tradeoff(first.metric.name, second.metric.name, value, int(both.sum())))
    return tuple(found)


def _notes(table: Table, readings: Sequence[Reading], places: Sequence[_Place]) -> tuple[str, ...]:
    notes = [note for reading in readings for note in reading.notes]
    if not any(reading.metric.counted for reading in readings):
        notes.append(
            "No column says out of how many (runs, n, total), so there is no interval and no test: "
            "nothing here tells a change from chance."
        )
    else:
        notes.append(
            "The tests take every run as independent, and the rows as measured on different runs."
        )
    lacking = {place.group for place in places if place.base is None}
    if lacking:
        notes.append(f"The baseline is missing for {', '.join(sorted(lacking))}: not compared.")
    if table.left_out:
        notes.append(f"Left out: {', '.join(table.left_out)}.")
    return tuple(notes)
