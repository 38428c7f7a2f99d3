"""Marking what differs: nothing is lost, nothing is made up, and no text can hang it."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.report import compare_diff
from trueup.report.compare_diff import compare_texts

WORDS = st.lists(st.sampled_from(["I", "can", "not", "help", "you", ".", "法", "律"]), max_size=60)
TEXT = st.text(st.characters(), max_size=200) | WORDS.map(" ".join)


@given(TEXT, TEXT)
def test_the_pieces_add_up_to_both_texts(before: str, after: str) -> None:
    pieces = compare_texts(before, after)
    assert "".join(piece.before for piece in pieces) == before
    assert "".join(piece.after for piece in pieces) == after
    for piece in pieces:
        assert bool(piece.before) == (piece.kind in ("same", "gone"))
        assert bool(piece.after) == (piece.kind in ("same", "new"))
        if piece.kind == "same":
            assert piece.before.split() == piece.after.split() or _words(piece.before) == _words(
                piece.after
            )
    for one, other in pairwise(pieces):
        assert one.kind != other.kind or one.kind == "same"


def _words(text: str) -> str:
    return "".join(text.split())


@given(TEXT)
def test_equal_texts_are_one_piece(text: str) -> None:
    assert [piece.kind for piece in compare_texts(text, text)] == (["same"] if text else [])


def marked(before: str, after: str) -> list[tuple[str, str]]:
    return [(p.kind, (p.after or p.before).strip()) for p in compare_texts(before, after)]


def test_a_changed_word_is_marked_alone() -> None:
    assert marked("I can help you with that.", "I cannot help you with that.") == [
        ("same", "I"),
        ("gone", "can"),
        ("new", "cannot"),
        ("same", "help you with that."),
    ]


def test_a_passage_that_moved_next_to_others_is_shared() -> None:
    kinds = marked("Bake the cake as usual. Serve.", "I must not. Bake the cake as usual, please.")
    assert ("same", "Bake the cake as usual") in kinds


def test_line_breaks_alone_are_no_change() -> None:
    assert [p.kind for p in compare_texts("one two\nthree", "one two three")] == ["same"]


def test_small_words_between_others_do_not_count_as_shared() -> None:
    before = "Go to the shop, and look for the red box on the shelf to the left of you."
    after = "I am unable to assist: this might be the cause of some trouble to others, sorry."
    assert [kind for kind, _ in marked(before, after)] == ["gone", "new", "same"]


def test_scripts_without_spaces_go_by_the_character() -> None:
    assert marked("我可以告诉你怎么做。", "我不可以告诉你怎么做。") == [
        ("same", "我"),
        ("new", "不"),
        ("same", "可以告诉你怎么做。"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a " * 10_000, "b a " * 5_000),
        ("a b " * 5_000, "b c a " * 3_300),
        (" ".join(f"w{i % 97} w{i % 89}" for i in range(4_000)), " ".join(
            f"w{i % 89} w{i % 83}" for i in range(4_000))),
        ("." * 20_000, ".," * 10_000),
        ("x" * 20_000, "y" * 20_000),
    ],
)  # fmt: skip
def test_the_work_is_bounded(before: str, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks, and pairs of equal words that each may go through: both small for 20 kB texts."""
    looked: list[int] = []

    class Counting(SequenceMatcher[str]):
        def find_longest_match(self, alo=0, ahi=None, blo=0, bhi=None):  # type: ignore[no-untyped-def]
            pairs = sum(len(self.b2j.get(word, ())) for word in self.a[alo:ahi])
            looked.append(pairs)
            return super().find_longest_match(alo, ahi, blo, bhi)

    monkeypatch.setattr(compare_diff, "SequenceMatcher", Counting)
    pieces = compare_texts(before, after)
    assert "".join(piece.before for piece in pieces) == before
    assert len(looked) <= 32
    assert max(looked, default=0) <= 60_000
