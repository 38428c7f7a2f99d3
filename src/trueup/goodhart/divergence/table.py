"""Rows of a training log as arrays: proxy and truth by step, and by held-out example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.errors import UserError
from trueup.stats.series_noise import LEAST_READINGS

__all__ = ["Held", "Run", "tabulate"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MIN_UNITS = 20  # at a typical checkpoint: with fewer, the checkpoints' means are the observations
_COMMON = 0.5  # of the units of two checkpoints in a row, from which on they count as the same


@dataclass(frozen=True)
class Held:
    """A quantity measured on independent units at some of the steps.

    Attributes
    ----------
    at
        Shape (M,): places of the steps, rising.
    values
        Shape (C, M): mean over the rows of each unit; NaN where it was not measured.
    paired
        Whether the units are the same at each of them.
    """

    at: IntArray
    values: FloatArray
    paired: bool

    def before_after(self, start: int, now: int) -> FloatArray:
        """Differences between two of the steps, before minus after, one per independent pair.

        Where the units are other ones each time, they are put together at random.
        """
        x, y = self.values[:, start], self.values[:, now]
        if self.paired:
            return x - y
        x, y = x[np.isfinite(x)], y[np.isfinite(y)]
        n = min(len(x), len(y))
        return x[:n] - y[:n]


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes
    ----------
    name
        As the table says; None when it has one run.
    steps, position
        Shape (K,): names of the steps in order, and where they stand on an axis.
    proxy, truth
        Shape (K,): means over the units; NaN where not measured.
    units
        The truth by example, when there are enough of them; else None.
    proxy_units
        The proxy by example, when it differs among them; else None.
    n_units
        Units at a typical measured step.
    """

    name: str | None
    steps: tuple[str, ...]
    position: FloatArray
    proxy: FloatArray
    truth: FloatArray
    units: Held | None
    proxy_units: Held | None
    n_units: int

    @property
    def measured(self) -> IntArray:
        """Places of the steps at which the truth is known."""
        return np.flatnonzero(np.isfinite(self.truth))

    def enough_proxy(self) -> bool:
        """Whether the proxy has readings enough to test its rise as a series."""
        return int(np.isfinite(self.proxy).sum()) >= LEAST_READINGS

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of the truth, where its values suggest one: shares and 0/1."""
        return _unit_range(self.truth if self.units is None else self.units.values)

    @property
    def proxy_bounds(self) -> tuple[float, float] | None:
        """The same of the proxy."""
        return _unit_range(self.proxy if self.proxy_units is None else self.proxy_units.values)


def tabulate(
    proxy: ArrayLike,
    truth: ArrayLike | None = None,
    *,
    step: Sequence[object] | None = None,
    example: Sequence[object] | None = None,
    cluster: Sequence[object] | None = None,
    name: str | None = None,
) -> Run:
    """Gather the rows of one run by step.

    Parameters
    ----------
    proxy, truth
        Shape (n,): NaN where a row does not measure it. `truth` None: never measured.
    step
        Shape (n,): numbers, which are sorted, or names, which keep the order of the rows. None:
        each row is a step.
    example
        Shape (n,): the held-out example that a row is about. Several rows of one example at one
        step are averaged. None: each row is another example.
    cluster
        Shape (n,): examples that share one (a user, a prompt) count as one unit.
    """
    x = np.asarray(proxy, dtype=np.float64)
    y = np.full(len(x), np.nan) if truth is None else np.asarray(truth, dtype=np.float64)
    if len(y) != len(x):
        raise ValueError(f"truth must be as long as proxy ({len(x)}), got {len(y)}")
    if len(x) == 0:
        raise UserError("The table has no usable row.", "Give a row per step or per example.")
    place, names, position = _steps(step, len(x))
    unit = _units(example, cluster, len(x))
    held, known = _held(place, unit, y, len(names))
    proxy_held, _ = _held(place, unit, x, len(names))
    sizes = [int(np.isfinite(held.values[:, m]).sum()) for m in range(len(held.at))]
    typical = int(np.median(sizes)) if sizes else 0
    apart = proxy_held if _differs(proxy_held) else None
    return Run(
        name=name,
        steps=names,
        position=position,
        proxy=_means(proxy_held, len(names)),
        truth=known,
        units=held if typical >= MIN_UNITS else None,
        proxy_units=apart if typical >= MIN_UNITS else None,
        n_units=typical,
    )


def _unit_range(values: FloatArray) -> tuple[float, float] | None:
    known = values[np.isfinite(values)]
    return (0.0, 1.0) if len(known) and known.min() >= 0 and known.max() <= 1 else None


def _steps(step: Sequence[object] | None, n: int) -> tuple[IntArray, tuple[str, ...], FloatArray]:
    """Place of each row's step, the names of the steps, and their positions."""
    if step is None:
        return np.arange(n), tuple(str(i + 1) for i in range(n)), np.arange(1.0, n + 1)
    if len(step) != n:
        raise ValueError(f"step must be as long as proxy ({n}), got {len(step)}")
    try:
        numbers = np.array([float(one) for one in step])  # type: ignore[arg-type]
        if not np.isfinite(numbers).all():
            raise ValueError
    except (TypeError, ValueError):
        order = list(dict.fromkeys(map(str, step)))
        where = {one: i for i, one in enumerate(order)}
        place = np.array([where[str(one)] for one in step], dtype=np.int64)
        return place, tuple(order), np.arange(1.0, len(order) + 1)
    position, place = np.unique(numbers, return_inverse=True)
    return place.astype(np.int64), tuple(f"{one:.15g}" for one in position), position


def _units(example: Sequence[object] | None, cluster: Sequence[object] | None, n: int) -> IntArray:
    """The independent unit of each row: its cluster, else its example, else itself."""
    given = cluster if cluster is not None else example
    if given is None:
        return np.arange(n)
    if len(given) != n:
        raise ValueError(f"examples and clusters must be as long as proxy ({n}), got {len(given)}")
    codes: dict[object, int] = {}
    return np.array([codes.setdefault(one, len(codes)) for one in given], dtype=np.int64)


def _held(
    place: IntArray, unit: IntArray, value: FloatArray, n_steps: int
) -> tuple[Held, FloatArray]:
    """Means by unit and step, and by step."""
    there = np.isfinite(value)
    place, value = place[there], value[there]
    unit = unit[there]
    at, column = np.unique(place, return_inverse=True)
    many, row = np.unique(unit, return_inverse=True)
    if len(many) == len(unit) and len(at) < len(unit):  # no unit comes twice: stack them densely
        row = _order_within(column)
        return _filled(at, row, column, value, n_steps, paired=False)
    return _filled(at, row, column, value, n_steps, paired=None)


def _order_within(column: IntArray) -> IntArray:
    """Where each row stands among those of its step, shuffled: a file may be sorted by the truth.

    The shuffle of a step depends on nothing but the step, so that later rows leave it as it is.
    """
    rank = np.empty(len(column), dtype=np.int64)
    order = np.argsort(column, kind="stable")
    for step, rows in enumerate(np.split(order, np.flatnonzero(np.diff(column[order])) + 1)):
        rank[rows] = np.random.default_rng(step).permutation(len(rows))
    return rank


def _filled(
    at: IntArray,
    row: IntArray,
    column: IntArray,
    value: FloatArray,
    n_steps: int,
    *,
    paired: bool | None,
) -> tuple[Held, FloatArray]:
    height = int(row.max()) + 1 if len(row) else 0
    shape = (height, len(at))
    flat = row * max(len(at), 1) + column
    count = np.bincount(flat, minlength=height * len(at)).reshape(shape)
    total = np.bincount(flat, value, minlength=height * len(at)).reshape(shape)
    values = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    same = _are_the_same(count > 0) if paired is None else paired
    held = Held(at.astype(np.int64), values, same)
    return held, _means(held, n_steps)


def _are_the_same(there: NDArray[np.bool_]) -> bool:
    if there.shape[1] < 2:
        return True
    common = (there[:, 1:] & there[:, :-1]).sum(axis=0)
    smaller = np.minimum(there[:, 1:].sum(axis=0), there[:, :-1].sum(axis=0))
    return bool(np.median(common / np.maximum(smaller, 1)) >= _COMMON)


def _means(held: Held, n_steps: int) -> FloatArray:
    found = np.full(n_steps, np.nan)
    if len(held.at):
        found[held.at] = np.nanmean(held.values, axis=0)
    return found


def _differs(held: Held) -> bool:
    """Whether a quantity differs among the units of a step, and is not one number for all."""
    if not held.values.size:
        return False
    return bool((np.nanmax(held.values, axis=0) > np.nanmin(held.values, axis=0)).any())
