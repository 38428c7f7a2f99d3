"""Telling texts that say the same: exactly, or nearly."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEAR", "Distinct", "shingles"]

NEAR = 0.7  # Jaccard similarity from which two texts are one
_SIZE = 4  # characters of a shingle
_LENGTH = 4_000  # characters that are compared
_BANDS, _ROWS = 16, 4  # two texts of similarity s meet with chance 1 - (1 - s^4)^16: 0.99 at NEAR
_DIGITS = re.compile(r"\d+")
_BETWEEN = re.compile(r"[\W_]+")


class Distinct:
    """A growing set of texts of which no two are nearly the same.

    Near ones are found by MinHash over shingles (Broder 1997), cut into bands, and then compared
    by their exact Jaccard similarity; so of those at the limit about one in a hundred is missed,
    and none is found that is not there.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._kept: list[frozenset[int]] = []
        self._buckets: dict[tuple[int, bytes], list[int]] = {}
        draw = np.random.default_rng(0)  # any fixed draw will do
        self._times = draw.integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)
        self._plus = draw.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64)

    def add(self, text: str) -> bool:
        """Add a text; False when it, or one that is nearly it, is there already."""
        plain = _plain(text)
        if plain in self._seen:
            return False
        self._seen.add(plain)
        parts = _shingles(plain)
        keys = self._keys(parts)
        near = {other for key in keys for other in self._buckets.get(key, ())}
        if any(_jaccard(parts, self._kept[other]) >= NEAR for other in near):
            return False
        for key in keys:
            self._buckets.setdefault(key, []).append(len(self._kept))
        self._kept.append(parts)
        return True

    def _keys(self, parts: frozenset[int]) -> list[tuple[int, bytes]]:
        values = np.fromiter(parts, np.uint64, len(parts))
        least: NDArray[np.uint64] = (
            (values[:, None] * self._times + self._plus) >> np.uint64(20)
        ).min(axis=0)
        return [(band, row.tobytes()) for band, row in enumerate(least.reshape(_BANDS, _ROWS))]


def shingles(text: str) -> frozenset[int]:
    """Hashes of all runs of four characters of a text, after case, digits, marks are levelled."""
    return _shingles(_plain(text))


def _plain(text: str) -> str:
    """The text in lower case, with one space between words and a 0 for every number."""
    folded = unicodedata.normalize("NFKC", text[:_LENGTH]).casefold()
    return _BETWEEN.sub(" ", _DIGITS.sub("0", folded)).strip() or folded.strip()


def _shingles(plain: str) -> frozenset[int]:
    import zlib

    runs = {plain[i : i + _SIZE] for i in range(max(1, len(plain) - _SIZE + 1))}
    return frozenset(zlib.crc32(run.encode("utf-8", "replace")) for run in runs)


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
