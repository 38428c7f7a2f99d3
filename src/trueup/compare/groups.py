"""Refusal on one group of prompts, before against after: rates, flips, difference."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trueup.compare.estimates import (
    Measured,
    annotated,
    corrected,
    labelled,
    labels_suffice,
)
from trueup.compare.pairs import Pairs, newly_refused, refused_most
from trueup.compare.result import GroupChange
from trueup.compare.settings import Settings
from trueup.stats import equivalence_n, paired_n

__all__ = ["GROUPS", "Truth", "group_change", "group_masks", "truth_of"]

Mask = NDArray[np.bool_]
Truth = Literal["labels", "corrected", "annotator"]

MIN_LABELLED = 10  # prompts labelled on both sides, below which nothing is corrected by them
GROUPS = ("legitimate", "harmful", "all")


def truth_of(pairs: Pairs) -> Truth:
    """What the verdicts rest on: people's labels on all of them, on some, or on none."""
    one, two = pairs.one, pairs.two
    if not (one.labelled.sum() + two.labelled.sum()):
        return "annotator"
    both = pairs.both
    whole = (one.labelled >= one.known) & (two.labelled >= two.known)
    if whole[both].all():
        return "labels"
    on_both = (one.labelled > 0) & (two.labelled > 0)
    return "corrected" if on_both.sum() >= MIN_LABELLED else "annotator"


def group_masks(pairs: Pairs) -> dict[str, Mask]:
    """The prompts of each group that has any; all in one when nobody said which is which."""
    known = {"legitimate": pairs.legitimate == 1, "harmful": pairs.legitimate == 0}
    found = {name: mask for name, mask in known.items() if mask.any()}
    return found or {"all": np.ones(len(pairs.key), dtype=bool)}


def group_change(
    pairs: Pairs, mask: Mask, group: str, truth: Truth, settings: Settings
) -> GroupChange | None:
    """Refusal on the prompts of a mask; None when none of them has a verdict on both sides."""
    here = mask & pairs.both
    if not here.any():
        return None
    before, after = pairs.one.share[here], pairs.two.share[here]
    refused_before, refused_after = refused_most(before), refused_most(after)
    newly = int(newly_refused(before, after).sum())
    fixed = int((refused_before & ~refused_after).sum())
    measured = _measured(pairs, here, group, truth, settings)
    difference = measured.difference
    n = int(here.sum())
    firm = difference.low > 0 or difference.high < 0 or measured.equivalent
    return GroupChange(
        group=group,
        n=n,
        refused_before=int(refused_before.sum()),
        refused_after=int(refused_after.sum()),
        newly_refused=newly,
        newly_answered=fixed,
        before=measured.before,
        after=measured.after,
        difference=difference,
        p_value=measured.p_value,
        equivalent=measured.equivalent,
        margin=settings.margin,
        n_needed=None if firm or truth == "annotator" else _needed(newly, fixed, n, settings),
        unpaired=int((mask & ((pairs.one.known > 0) ^ (pairs.two.known > 0))).sum()),
        new_refusals=measured.new_refusals,
        annotator_error=measured.error,
    )


def _measured(pairs: Pairs, here: Mask, group: str, truth: Truth, settings: Settings) -> Measured:
    if truth == "labels":
        return labelled(pairs, here, settings)
    if truth == "corrected":
        on_both = (pairs.one.labelled > 0) & (pairs.two.labelled > 0) & here
        n = int(on_both.sum())
        if n >= MIN_LABELLED and labels_suffice(pairs, here, n):
            return labelled(pairs, on_both, settings, drawn=True)
        if n >= MIN_LABELLED:
            return corrected(pairs, here, on_both, settings)
    return annotated(pairs, here, group, settings)


def _needed(newly: int, fixed: int, n: int, settings: Settings) -> int | None:
    """Prompts for a firm answer at 80 % power, if the flips go on as they are."""
    if newly != fixed:
        enough = paired_n(newly / n, fixed / n, level=settings.level)
    else:
        discordance = max(newly + fixed, 1) / n
        enough = equivalence_n(discordance, settings.margin, level=settings.level)
    return None if enough is None else max(enough, n + 1)
