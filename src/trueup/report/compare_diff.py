"""Which passages of two texts differ, word by word, in time that no text can draw out."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

__all__ = ["Piece", "compare_texts"]

_MOST = 2_000  # words of each text that are looked at, beside what both begin and end with
_LOOKS = 32  # for a shared passage, each over at most _MOST words
_LEAST = 4  # a shared passage is kept if it has as many words,
_PART = 4  # or is one in so many of the words around it: "to" and "the" alone say nothing

# A word or a mark with the white space before it. Scripts without spaces go by the character.
_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"\s*(?:[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s])|\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of two texts.

    kind: "same" (in both, white space apart), "gone" (only before) or "new" (only after). before,
    after: how it stands in either text, "" where it does not.
    """

    kind: str
    before: str
    after: str


def compare_texts(before: str, after: str) -> tuple[Piece, ...]:
    """Cut two texts into what they share and what only one of them has, in reading order.

    What the pieces hold of each text adds up to it. The longest shared passage is found first, then
    those on either side of it; a few shared words that stand alone between others do not count.
    Where the texts differ for more than 2,000 words, what follows is called different.
    """
    one, two = _Text(before), _Text(after)
    head = _alike(one.words, two.words)
    tail = _alike(one.words[head:][::-1], two.words[head:][::-1])
    a, b = (text.words[head : len(text.words) - tail] for text in (one, two))
    shared = [(i + head, j + head, size) for i, j, size in _shared(a[:_MOST], b[:_MOST])]
    ends = len(one.words), len(two.words)
    return tuple(_pieces(one, two, [(0, 0, head), *shared, (ends[0] - tail, ends[1] - tail, tail)]))


class _Text:
    """A text in tokens, and the words that are compared."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.words = [token.strip() for token in self.tokens]

    def __getitem__(self, part: slice) -> str:
        return "".join(self.tokens[part])


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    """How many words both begin with."""
    count = 0
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        count += 1
    return count


def _pieces(one: _Text, two: _Text, shared: Sequence[tuple[int, int, int]]) -> Iterator[Piece]:
    i = j = 0
    for here, there, size in shared:
        if i < here:
            yield Piece("gone", one[i:here], "")
        if j < there:
            yield Piece("new", "", two[j:there])
        i, j = here + size, there + size
        if size:
            yield Piece("same", one[here:i], two[there:j])


def _shared(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int, int]]:
    """Shared passages, (start in a, start in b, words) each, in order and apart."""
    if len(a) > len(b):  # difflib passes over words that are frequent in the second, if it is long
        return [(i, j, size) for j, i, size in _shared(b, a)]
    matcher = SequenceMatcher(None, a, b)
    todo = [(0, 0, len(a), 0, len(b))]
    found = []
    for _ in range(_LOOKS):
        if not todo:
            break
        _, a_from, a_to, b_from, b_to = heapq.heappop(todo)
        i, j, size = matcher.find_longest_match(a_from, a_to, b_from, b_to)
        around = max(_count(a[a_from:a_to]), _count(b[b_from:b_to]))
        if not size or not _worth(_count(a[i : i + size]), around):
            continue
        found.append((i, j, size))
        for part in ((a_from, i, b_from, j), (i + size, a_to, j + size, b_to)):
            if part[0] < part[1] and part[2] < part[3]:  # the widest gap comes first
                heapq.heappush(todo, (part[0] - part[1] + part[2] - part[3], *part))
    return sorted(found)


def _worth(count: int, around: int) -> bool:
    return count >= _LEAST or count * _PART >= around


def _count(words: Sequence[str]) -> int:
    """How many of them are words, not marks."""
    return sum(word[:1].isalnum() for word in words)
