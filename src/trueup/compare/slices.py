"""For whom: the same comparison on every value of a column, adjusted for how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trueup.compare.groups import Truth, group_change
from trueup.compare.pairs import Pairs
from trueup.compare.result import SliceChange
from trueup.compare.settings import Settings
from trueup.stats import holm

__all__ = ["slice_changes", "slice_columns"]

_MOST = 40  # values of one column; the rest are too rare to say anything of


def slice_columns(pairs: Pairs, settings: Settings) -> list[str]:
    """The columns to slice by, of those asked for or else brought: with two values or more."""
    there = list(dict.fromkeys([*pairs.before.slices, *pairs.after.slices]))
    wanted = there if settings.slices is None else [c for c in settings.slices if c in there]
    return [name for name in wanted if len(set(pairs.slice(name)) - {None}) > 1]


def slice_changes(
    pairs: Pairs, groups: Mapping[str, NDArray[np.bool_]], truth: Truth, settings: Settings
) -> tuple[SliceChange, ...]:
    """Every slice of every group in which a prompt has a verdict on both sides."""
    found: list[SliceChange] = []
    for column in slice_columns(pairs, settings):
        values = pairs.slice(column)
        for group, mask in groups.items():
            for value, _ in Counter(values[mask & pairs.both].tolist()).most_common(_MOST):
                if value is None:
                    continue
                here = mask & np.asarray(values == value, dtype=bool)
                change = group_change(pairs, here, group, truth, settings)
                if change is not None:
                    found.append(SliceChange(column, str(value), change, float("nan")))
    p = holm([one.change.p_value for one in found])
    return tuple(replace(one, p_adjusted=float(q)) for one, q in zip(found, p, strict=True))
