"""Which phrases the new version added or dropped, and where: "consult a professional"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.compare.pairs import Pairs
from trueup.compare.result import PhraseShift
from trueup.compare.settings import Settings
from trueup.compare.slices import slice_columns
from trueup.stats import holm, mcnemar

__all__ = ["phrase_shifts"]

Mask = NDArray[np.bool_]
Phrase = tuple[str, ...]

_PAIRS = 2_000  # prompts looked at, drawn at random when there are more
_WORDS = 150  # of an answer, from its beginning: where it refuses, hedges or warns
_SHORTEST, _LONGEST = 3, 6  # words of a phrase
_FEWEST = 5  # prompts that must differ on a phrase for it to be tested
_SHOWN = 12
_WEIGHED = 400  # of the largest changes, before those within each other are dropped
_LEVEL = 0.05  # of the adjusted p-value
_SAME = 0.8  # a longer phrase that has this part of a shorter one's change says more
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# Words that say nothing by themselves: a phrase holds at least one other.
_PLAIN = frozenset(
    """
    a about after all also an and any are as at be been but by can could do does for from had has
    have he her his how i i'm if in into is it it's its me more most my no not of on one or other
    our out she should so some such than that the their them then there these they this to up us
    use was we were what when which while who will with would you your
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class _Change:
    """A phrase, and how many prompts' answers gained and lost it."""

    phrase: Phrase
    gained: int
    lost: int

    @property
    def net(self) -> int:
        return self.gained - self.lost


def phrase_shifts(
    pairs: Pairs, group: str, mask: Mask, settings: Settings
) -> tuple[PhraseShift, ...]:
    """The phrases of three to six words whose share of answers changed beyond chance.

    The first sample of each prompt is read. Each phrase on which at least five prompts differ is
    tested by McNemar, with Holm's adjustment over all that were tested.
    """
    places = _drawn(np.flatnonzero(mask & pairs.both), settings.rng)
    texts = [_texts(pairs, int(k)) for k in places]
    before = [_phrases(one) for one, _ in texts]
    after = [_phrases(two) for _, two in texts]
    tried = _changes(before, after)
    p = holm([mcnemar(c.gained, c.lost) for c in tried])
    significant = [(c, float(q)) for c, q in zip(tried, p, strict=True) if q <= _LEVEL]
    columns = {name: pairs.slice(name) for name in slice_columns(pairs, settings)}
    return tuple(
        _shift(change, q, group, places, before, after, pairs, columns)
        for change, q in _telling(significant)
    )


def _drawn(places: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    if len(places) <= _PAIRS:
        return places
    return np.sort(rng.choice(places, _PAIRS, replace=False))


def _texts(pairs: Pairs, place: int) -> tuple[str, str]:
    i, j = int(pairs.one.first[place]), int(pairs.two.first[place])
    return pairs.before.response[i], pairs.after.response[j]


def _phrases(text: str) -> set[Phrase]:
    words = _WORD.findall(text[: 12 * _WORDS].lower().replace("’", "'"))[:_WORDS]
    return {
        tuple(words[start : start + length])
        for length in range(_SHORTEST, _LONGEST + 1)
        for start in range(len(words) - length + 1)
    }


def _changes(before: Sequence[set[Phrase]], after: Sequence[set[Phrase]]) -> list[_Change]:
    gained: Counter[Phrase] = Counter()
    lost: Counter[Phrase] = Counter()
    for one, two in zip(before, after, strict=True):
        gained.update(two - one)
        lost.update(one - two)
    found = []
    for phrase in gained.keys() | lost.keys():
        if gained[phrase] + lost[phrase] >= _FEWEST and not _PLAIN.issuperset(phrase):
            found.append(_Change(phrase, gained[phrase], lost[phrase]))
    return sorted(found, key=lambda c: (-abs(c.net), c.phrase))


def _telling(found: Sequence[tuple[_Change, float]]) -> list[tuple[_Change, float]]:
    """The largest changes, each once: of phrases in one another the longest that says as much."""
    kept: list[tuple[_Change, float]] = []
    largest = sorted(found, key=lambda pair: (-abs(pair[0].net), pair[0].phrase))[:_WEIGHED]
    for change, q in largest:
        longest = change, q
        for other, other_q in largest:
            longer = len(other.phrase) > len(longest[0].phrase)
            if (
                longer
                and _holds(other.phrase, change.phrase)
                and other.net * change.net > 0
                and abs(other.net) >= _SAME * abs(change.net)
            ):
                longest = other, other_q
        if not any(_overlap(longest[0].phrase, other.phrase) for other, _ in kept):
            kept.append(longest)
        if len(kept) == _SHOWN:
            break
    return kept


def _holds(whole: Phrase, part: Phrase) -> bool:
    size = len(part)
    return any(whole[i : i + size] == part for i in range(len(whole) - size + 1))


def _overlap(one: Phrase, two: Phrase) -> bool:
    """Whether they share a run of two words: then they are mostly the same change."""
    return any(_holds(two, one[i : i + 2]) for i in range(len(one) - 1))


def _shift(
    change: _Change,
    q: float,
    group: str,
    places: NDArray[np.int64],
    before: Sequence[set[Phrase]],
    after: Sequence[set[Phrase]],
    pairs: Pairs,
    columns: Mapping[str, NDArray[np.object_]],
) -> PhraseShift:
    had = np.array([change.phrase in one for one in before])
    has = np.array([change.phrase in two for two in after])
    turned = places[(has & ~had) if change.net > 0 else (had & ~has)]
    return PhraseShift(
        phrase=" ".join(change.phrase),
        group=group,
        n=len(places),
        before=int(had.sum()),
        after=int(has.sum()),
        p_adjusted=q,
        where=_where(turned, columns),
        keys=tuple(str(key) for key in pairs.key[turned[:5]]),
    )


def _where(
    places: Iterable[int], columns: Mapping[str, NDArray[np.object_]]
) -> tuple[tuple[str, int], ...]:
    listed = list(places)
    found: Counter[str] = Counter()
    for name, values in columns.items():
        found.update(f"{name}={values[k]}" for k in listed if values[k] is not None)
    return tuple(found.most_common(3))
