"""Checks on arguments: each error names the argument, the rule and the value got."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def open_unit(name: str, value: float) -> float:
    """Return `value` if it lies in the open interval (0, 1), else raise ValueError."""
    number = float(value)
    if not 0.0 < number < 1.0:
        raise ValueError(f"{name} must be in the open interval (0, 1), got {value!r}")
    return number


def positive(name: str, value: float) -> float:
    """Return `value` if it is finite and greater than 0, else raise ValueError."""
    number = float(value)
    if not (np.isfinite(number) and number > 0.0):
        raise ValueError(f"{name} must be finite and greater than 0, got {value!r}")
    return number


def whole(name: str, value: float, *, least: int = 0) -> int:
    """Return `value` as an int if it is a whole number ≥ `least`, else raise ValueError."""
    if value != int(value) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def vector(name: str, values: ArrayLike) -> FloatArray:
    """Return a one-dimensional float array of finite values."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    if not np.isfinite(array).all():
        bad = array[~np.isfinite(array)][0]
        raise ValueError(f"{name} must hold finite numbers only, got {bad}")
    return array


def within(name: str, values: ArrayLike, low: float, high: float) -> FloatArray:
    """Return a one-dimensional float array whose values lie in [low, high]."""
    array = vector(name, values)
    outside = (array < low) | (array > high)
    if outside.any():
        got = array[outside][0]
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {got:g}")
    return array


def codes(name: str, values: ArrayLike) -> IntArray:
    """Return a one-dimensional array of whole numbers."""
    raw = np.asarray(values)
    if raw.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {raw.shape}")
    if raw.size and raw.dtype.kind not in "iub":
        raise ValueError(f"{name} must hold whole numbers, got dtype {raw.dtype}")
    return raw.astype(np.int64)


def same_length(**arrays: NDArray[Any]) -> int:
    """Return the common length of the arrays, or raise naming the one that differs."""
    first_name, first = next(iter(arrays.items()))
    for name, array in arrays.items():
        if len(array) != len(first):
            raise ValueError(
                f"{name} must be as long as {first_name} ({len(first)}), got {len(array)}"
            )
    return len(first)


def cluster_codes(clusters: ArrayLike | None, n: int) -> IntArray:
    """Return 0-based cluster indices of length `n`; None means that every row is its own."""
    if clusters is None:
        return np.arange(n, dtype=np.int64)
    given = np.asarray(clusters)
    if given.ndim != 1 or len(given) != n:
        raise ValueError(f"clusters must be one-dimensional of length {n}, got {given.shape}")
    return np.unique(given, return_inverse=True)[1].astype(np.int64)
