"""The prompts that versions were asked, computed once: who they are, and what each row adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.compare.answers import Answers

__all__ = ["cluster_codes", "legitimacy", "mean_per_prompt", "prompt_codes", "share"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def prompt_codes(versions: Sequence[Answers]) -> tuple[NDArray[np.object_], list[Ints]]:
    """Every prompt once, in the order in which they come; and the prompt of each version's rows."""
    keys = np.concatenate([version.key for version in versions])
    _, first, inverse = np.unique(keys.astype(str), return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first, kind="stable")] = np.arange(len(first))
    ends = np.cumsum([len(version) for version in versions])[:-1]
    return keys[np.sort(first)], np.split(place[inverse], ends)


def legitimacy(
    versions: Sequence[Answers], codes: Sequence[Ints], size: int
) -> tuple[NDArray[np.int8], int]:
    """1, 0 or −1 for each prompt; −1 also where rows contradict each other, and how many do."""
    yes, no = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for version, code in zip(versions, codes, strict=True):
        yes[code[version.legitimate == 1]] = True
        no[code[version.legitimate == 0]] = True
    out = np.full(size, -1, dtype=np.int8)
    out[yes & ~no] = 1
    out[no & ~yes] = 0
    return out, int((yes & no).sum())


def cluster_codes(versions: Sequence[Answers], codes: Sequence[Ints], size: int) -> Ints | None:
    """The cluster of each prompt, by its first row; None unless every version has clusters."""
    named = [version.cluster for version in versions if version.cluster is not None]
    if len(named) < len(versions):
        return None
    inverse = np.unique(np.concatenate(named).astype(str), return_inverse=True)[1]
    out = np.empty(size, dtype=np.int64)
    out[np.concatenate(codes)[::-1]] = inverse[::-1]
    return out


def mean_per_prompt(code: Ints, values: NDArray[Any], size: int) -> Floats:
    """Mean of the finite values of each prompt's rows; NaN where there is none."""
    there = np.isfinite(values)
    total = np.bincount(code[there], values[there].astype(np.float64), minlength=size)
    return share(total, np.bincount(code[there], minlength=size))


def share(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """part / whole; NaN where `whole` is 0."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
