"""Proxy and truth of a training run so far, in rows that `trueup goodhart watch` reads."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.divergence.table import Run, tabulate

__all__ = ["DivergenceLog", "Row"]

_HEADER = ("step", "example", "proxy", "truth")


@dataclass(frozen=True, slots=True)
class Row:
    """One reading. example: the held-out example, None for a number of a whole step. proxy, truth:
    NaN where the row does not measure it."""

    step: int
    example: int | None
    proxy: float = math.nan
    truth: float = math.nan


@dataclass
class DivergenceLog:
    """Rows in memory, and as CSV in a file when there is one.

    Parameters
    ----------
    path
        Written as the run goes; None: nowhere.
    """

    path: Path | None = None
    rows: list[Row] = field(default_factory=list)

    def begin(self, step: int) -> None:
        """Start the file; of a run that goes on at a step > 0, keep the rows up to it."""
        self.rows = [row for row in self._read() if row.step <= step] if step else []
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerow(_HEADER)
            self._write(self.rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows, in order of step."""
        self.rows.extend(rows)
        self._write(rows)

    def run(self) -> Run | None:
        """All of it as one run; None before the first row."""
        if not self.rows:
            return None
        return tabulate(
            [row.proxy for row in self.rows],
            [row.truth for row in self.rows],
            step=[row.step for row in self.rows],
            example=[
                f"row {place}" if row.example is None else row.example
                for place, row in enumerate(self.rows)
            ],
        )

    def _write(self, rows: Sequence[Row]) -> None:
        if self.path is None or not rows:
            return
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                (
                    row.step,
                    "" if row.example is None else row.example,
                    *map(_cell, (row.proxy, row.truth)),
                )
                for row in rows
            )

    def _read(self) -> list[Row]:
        if self.path is None or not self.path.is_file():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            try:
                return [
                    Row(
                        int(cells["step"]),
                        int(cells["example"]) if cells["example"] else None,
                        float(cells["proxy"] or math.nan),
                        float(cells["truth"] or math.nan),
                    )
                    for cells in csv.DictReader(file)
                ]
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(
                    f"{self.path} is not a log of this callback.", "Name another file."
                ) from error


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(value)
