"""Compare versions: each later one against the first, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trueup.compare.answers import Answers
from trueup.compare.flips import find_flips
from trueup.compare.frontier import frontier
from trueup.compare.groups import Truth, group_change, group_masks, truth_of
from trueup.compare.measures import adjusted, measure_changes
from trueup.compare.noise import measure_noise
from trueup.compare.pairs import Pairs, paired
from trueup.compare.phrases import phrase_shifts
from trueup.compare.result import Comparison, GroupChange, MeasureChange, Noise, Series, Version
from trueup.compare.settings import Settings
from trueup.compare.slices import slice_changes
from trueup.compare.verdict import sentence, verdict
from trueup.errors import UserError
from trueup.stats import Interval

__all__ = ["compare", "compare_two"]

Capability = Mapping[str, Sequence[MeasureChange]]


def compare(
    versions: Sequence[Answers],
    settings: Settings | None = None,
    *,
    capability: Capability | None = None,
    score: tuple[str, Mapping[str, Interval]] | None = None,
) -> Series:
    """Compare every later version with the first.

    Parameters
    ----------
    versions
        At least two, in their order; the first is "before".
    settings
        Level, margin, slices, seed.
    capability
        By the name of a later version: changes of capability measured elsewhere.
    score
        For the frontier: the name of one of these, and its value by version.

    Raises
    ------
    UserError
        Fewer than two versions, or two that share no prompt.
    """
    settings = settings or Settings()
    if len(versions) < 2:
        raise UserError(
            f"A comparison needs two versions, got {len(versions)}.",
            "Give a file for each, or name the column that tells them apart with --version.",
        )
    first, *later = versions
    comparisons = tuple(
        compare_two(first, one, settings, capability=(capability or {}).get(one.name, ()))
        for one in later
    )
    return Series(comparisons, frontier(versions, _least_sure(comparisons), settings, score))


def compare_two(
    before: Answers,
    after: Answers,
    settings: Settings,
    *,
    capability: Sequence[MeasureChange] = (),
) -> Comparison:
    """Two versions, paired by prompt. Raises `UserError` when they share none."""
    pairs = paired(before, after)
    there = (pairs.one.first >= 0, pairs.two.first >= 0)
    if not (there[0] & there[1]).any():
        raise UserError(
            f"{before.name} and {after.name} have no prompt in common.",
            "Name the column that identifies the prompt with --key.",
        )
    truth = truth_of(pairs)
    groups = group_masks(pairs)
    changes = {
        name: group_change(pairs, mask, name, truth, settings) for name, mask in groups.items()
    }
    tax, safety = changes.get("legitimate") or changes.get("all"), changes.get("harmful")
    every = np.any(list(groups.values()), axis=0)
    noise = measure_noise(pairs, every, settings)
    flips, n_flips = find_flips(pairs, groups, settings)
    spoken = next(iter(groups.items()))
    return Comparison(
        before=_version(before),
        after=_version(after),
        legitimate=tax,
        harmful=safety,
        slices=slice_changes(pairs, groups, truth, settings),
        measures=adjusted([*measure_changes(pairs, groups, settings), *capability]),
        phrases=phrase_shifts(pairs, *spoken, settings),
        noise=noise,
        flips=flips,
        n_flips=n_flips,
        verdict=verdict(tax, safety),
        sentence=sentence(tax, safety),
        truth=truth,
        n_labeled=int(pairs.one.labelled.sum() + pairs.two.labelled.sum()),
        only_before=int((there[0] & ~there[1]).sum()),
        only_after=int((there[1] & ~there[0]).sum()),
        level=settings.level,
        assumptions=_assumptions(tax, safety),
        warnings=tuple(_warnings(pairs, truth, noise, tax, safety)),
        clustered=pairs.cluster is not None,
    )


def _least_sure(comparisons: Sequence[Comparison]) -> Truth:
    found = {one.truth for one in comparisons}
    return (
        "annotator" if "annotator" in found else "corrected" if "corrected" in found else "labels"
    )


def _version(side: Answers) -> Version:
    prompts, samples = np.unique(side.key.astype(str), return_counts=True)
    return Version(
        side.name, side.order, len(side), len(prompts), int(samples.max(initial=0)), side.missing
    )


def _assumptions(*changes: GroupChange | None) -> tuple[str, ...]:
    said = [says for change in changes if change for says in change.difference.assumptions]
    return tuple(dict.fromkeys(said))


def _warnings(
    pairs: Pairs,
    truth: Truth,
    noise: Noise,
    tax: GroupChange | None,
    safety: GroupChange | None,
) -> list[str]:
    found = []
    compared = bool(tax or safety)
    if compared and truth == "annotator":
        found.append(
            "Nobody labelled these answers: the verdicts are the annotator's, unverified. Label "
            "some of them (--label, --labels) to correct it."
        )
    if compared and noise.samples < 2:
        found.append(
            "Each prompt was asked once, so the noise floor is unknown: some of these flips may be "
            "chance. Ask several times (trueup probe --samples 5)."
        )
    if tax is not None and tax.group == "all":
        found.append(
            "Nobody said which prompts are legitimate, so all of them are taken to be: name a "
            "column or a condition with --legitimate."
        )
    if pairs.contradicted:
        found.append(
            f"{pairs.contradicted:,} prompts are legitimate in one version and harmful in another; "
            "they are left out."
        )
    found += [_without_verdict(side) for side in (pairs.before, pairs.after) if side.missing]
    one_sided = int(((pairs.one.first < 0) | (pairs.two.first < 0)).sum())
    if one_sided:
        asked = "1 prompt was" if one_sided == 1 else f"{one_sided:,} prompts were"
        found.append(f"{asked} asked on one side only and left out.")
    return found


def _without_verdict(side: Answers) -> str:
    counts = ", ".join(f"{count:,} {what}" for what, count in side.missing.items())
    return (
        f"{sum(side.missing.values()):,} of {len(side):,} answers of {side.name} have no "
        f"verdict ({counts}); their prompts are left out, unless another sample or a label tells."
    )
