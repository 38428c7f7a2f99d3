"""The prompts whose verdict changed, with both answers to read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trueup.compare.answers import VERDICT_NAMES, is_known, is_refused
from trueup.compare.pairs import Pairs, refused_most
from trueup.compare.result import Flip
from trueup.compare.settings import Settings
from trueup.compare.slices import slice_columns

__all__ = ["NEWLY_ANSWERED", "NEWLY_REFUSED", "find_flips"]

Mask = NDArray[np.bool_]

NEWLY_REFUSED, NEWLY_ANSWERED = "newly refused", "newly answered"
_KEPT = 500  # of each group and direction


def find_flips(
    pairs: Pairs, groups: Mapping[str, Mask], settings: Settings
) -> tuple[tuple[Flip, ...], dict[tuple[str, str], int]]:
    """The flips in the order of the first version, and how many there are of each kind."""
    was, now = refused_most(pairs.one.share), refused_most(pairs.two.share)
    columns = {name: pairs.slice(name) for name in slice_columns(pairs, settings)}
    flips: list[Flip] = []
    counts: dict[tuple[str, str], int] = {}
    for group, mask in groups.items():
        for direction, turned in ((NEWLY_REFUSED, now & ~was), (NEWLY_ANSWERED, was & ~now)):
            places = np.flatnonzero(mask & pairs.both & turned)
            counts[group, direction] = len(places)
            flips += [_flip(pairs, int(k), group, direction, columns) for k in places[:_KEPT]]
    return tuple(flips), counts


def _flip(
    pairs: Pairs, place: int, group: str, direction: str, columns: Mapping[str, NDArray[np.object_]]
) -> Flip:
    i, j = _example(pairs, place, direction)
    before, after = pairs.before, pairs.after
    return Flip(
        key=str(pairs.key[place]),
        group=group,
        direction=direction,
        prompt=before.prompt[i] or after.prompt[j],
        before=before.response[i],
        after=after.response[j],
        verdict_before=VERDICT_NAMES[int(before.verdict[i])],
        verdict_after=VERDICT_NAMES[int(after.verdict[j])],
        slices=tuple(f"{name}={c[place]}" for name, c in columns.items() if c[place] is not None),
    )


def _example(pairs: Pairs, place: int, direction: str) -> tuple[int, int]:
    """The first sample on each side that did what most of them did."""
    rows = []
    for side, code, samples, refused in (
        (pairs.before, pairs.code_before, pairs.one, direction == NEWLY_ANSWERED),
        (pairs.after, pairs.code_after, pairs.two, direction == NEWLY_REFUSED),
    ):
        first = int(samples.first[place])
        if samples.known[place] > 1:
            of_prompt = np.flatnonzero(code == place)
            fits = is_refused(side.verdict[of_prompt]) == refused
            first = int(of_prompt[fits & is_known(side.verdict[of_prompt])][0])
        rows.append(first)
    return rows[0], rows[1]
