"""Read the table of a run for `trueup goodhart watch`: columns by name, bad rows named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from trueup.goodhart.divergence.table import Run

__all__ = ["Columns", "WatchTable", "read_watch_table"]

_USUAL = {  # names that a column may have for its role to be guessed
    "step": ("step", "global_step", "checkpoint", "iteration"),
    "example": ("example", "example_id"),
    "run": ("run", "seed"),
}
_NOTHING = {"", "nan", "null", "none", "na", "n/a", "-"}
_SHOWN = 40  # characters of a cell


@dataclass(frozen=True, slots=True)
class Columns:
    """Role to column: `proxy` must be there, the others where they are named or usual."""

    proxy: str
    truth: str | None = None
    step: str | None = None
    example: str | None = None
    run: str | None = None
    cluster: str | None = None
    n: str | None = None
    prompt: str | None = None
    kl: str | None = None

    def named(self) -> dict[str, str]:
        """The roles that have a column."""
        return {role: name for role in self.__slots__ if (name := getattr(self, role)) is not None}


@dataclass(frozen=True)
class WatchTable:
    """The usable rows by role: numbers for proxy, truth, n and kl (NaN: empty), text for others."""

    columns: dict[str, str]
    numbers: dict[str, list[float]]
    words: dict[str, list[str]]
    bad: tuple[tuple[int, str], ...] = field(default=())

    def __len__(self) -> int:
        return len(self.numbers["proxy"])

    def runs(self) -> tuple[list[Run], Run | None]:
        """Each run, and all of them as one where there are several."""
        from trueup.goodhart.divergence.table import tabulate

        names = list(dict.fromkeys(self.words.get("run", [])))
        if len(names) < 2:
            return [self._run(range(len(self)), None)], None
        rows = {
            name: [i for i, run in enumerate(self.words["run"]) if run == name] for name in names
        }
        steps = self._steps(rows)
        apart = [self._run(places, name) for name, places in rows.items()]
        proxy = self._of_all("proxy", steps, rows)
        assert proxy is not None
        truth = self._of_all("truth", steps, rows)
        together = tabulate(
            proxy,
            truth,
            step=steps,
            example=self.words.get("example"),
            cluster=self.words.get("cluster"),
            name="together",
        )
        return apart, together

    def _run(self, rows: Sequence[int], name: str | None) -> Run:
        from trueup.goodhart.divergence.table import tabulate

        def chosen(values: Mapping[str, list[Any]], role: str) -> list[Any] | None:
            return [values[role][i] for i in rows] if role in values else None

        proxy = chosen(self.numbers, "proxy")
        assert proxy is not None
        return tabulate(
            proxy,
            chosen(self.numbers, "truth"),
            step=chosen(self.words, "step"),
            example=chosen(self.words, "example"),
            cluster=chosen(self.words, "cluster"),
            name=name,
        )

    def _steps(self, rows: Mapping[str, Sequence[int]]) -> list[str]:
        """The step of each row; without such a column its place in its run."""
        if "step" in self.words:
            return self.words["step"]
        steps = [""] * len(self)
        for places in rows.values():
            for order, i in enumerate(places, 1):
                steps[i] = str(order)
        return steps

    def _of_all(
        self, role: str, steps: Sequence[str], rows: Mapping[str, Sequence[int]]
    ) -> list[float] | None:
        """The values of the steps at which every run has one: another mix of runs is no change."""
        if role not in self.numbers:
            return None
        values = self.numbers[role]
        known = [
            {steps[i] for i in places if not math.isnan(values[i])} for places in rows.values()
        ]
        common = set.intersection(*known)
        return [
            value if step in common else math.nan for value, step in zip(values, steps, strict=True)
        ]


def read_watch_table(path: Path, columns: Columns) -> WatchTable:
    """Read the columns; rows without a usable number or step are left out.

    Raises
    ------
    UserError
        No such file, no such column, or one named for two roles.
    """
    from trueup.sources.score_files import read_table, readable

    with readable(path):
        table, broken = read_table(path, None)
    there = table.column_names
    wanted = _with_usual(columns.named(), there)
    for role, name in wanted.items():
        if name not in there:
            raise UserError(
                f"{path.name} has no column {name!r} (--{role}).", did_you_mean(name, there)
            )
    bad: dict[int, str] = dict(broken)
    numbers, words = {}, {}
    for role, name in wanted.items():
        cells = table.column(name).to_pylist()
        if role in ("proxy", "truth", "n", "kl"):
            numbers[role] = [_number(cell, name, row, bad) for row, cell in enumerate(cells)]
        else:
            words[role] = [_word(cell, role, name, row, bad) for row, cell in enumerate(cells)]
    _check_counts(numbers, wanted, bad)
    keep = [row for row in range(table.num_rows) if row not in bad]
    if not keep:
        raise UserError(
            f"{path.name} has no usable row.",
            f"First problem, row {min(bad) + 1}: {bad[min(bad)]}" if bad else "It is empty.",
        )
    return WatchTable(
        wanted,
        {role: [values[i] for i in keep] for role, values in numbers.items()},
        {role: [values[i] for i in keep] for role, values in words.items()},
        tuple((row + 1, reason) for row, reason in sorted(bad.items())),
    )


def _with_usual(named: dict[str, str], there: Sequence[str]) -> dict[str, str]:
    """The roles with a column, and those whose usual name is there and not taken."""
    found = dict(named)
    for role, names in _USUAL.items():
        usual = next((name for name in names if name in there), None)
        if role not in found and usual is not None and usual not in found.values():
            found[role] = usual
    return found


def _number(cell: Any, name: str, row: int, bad: dict[int, str]) -> float:
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in _NOTHING):
        return math.nan
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = math.inf
    if math.isinf(value):
        bad.setdefault(row, f"{name} must be a finite number, got {str(cell)[:_SHOWN]!r}.")
        return math.nan
    return value


def _word(cell: Any, role: str, name: str, row: int, bad: dict[int, str]) -> str:
    """The cell as text. Without an example, or without a cluster, a row is its own."""
    word = (
        "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell).strip()
    )
    if not word and role in ("example", "cluster"):
        return f"\0row {row}"
    if not word:
        bad.setdefault(row, f"{name} is empty.")
    return word


def _check_counts(
    numbers: Mapping[str, list[float]], wanted: Mapping[str, str], bad: dict[int, str]
) -> None:
    for role, least in (("n", 1.0), ("kl", 0.0)):
        for row, value in enumerate(numbers.get(role, ())):
            if not value >= least:
                bad.setdefault(row, f"{wanted[role]} must be at least {least:g}, got {value:g}.")
