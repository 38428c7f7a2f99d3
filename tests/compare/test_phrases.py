"""Phrases that came and went, found where they were planted and nowhere else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from versions import version

from trueup.compare.pairs import paired
from trueup.compare.phrases import phrase_shifts
from trueup.compare.result import PhraseShift
from trueup.compare.settings import Settings

WORDS = ["river", "stone", "maple", "lantern", "copper", "violet", "anchor", "saddle", "harbor"]


def chatter(rng: np.random.Generator, n: int) -> list[str]:
    return [" ".join(rng.choice(WORDS, 30)) for _ in range(n)]


def shifts(before: list[str], after: list[str], domains: list[str]) -> tuple[PhraseShift, ...]:
    n = len(before)
    slices = {"domain": np.array(domains, dtype=object)}
    pairs = paired(
        version("b", "f" * n, texts=before, slices=slices),
        version("a", "f" * n, texts=after, slices=slices),
    )
    return phrase_shifts(pairs, "all", np.ones(n, dtype=bool), Settings())


def test_a_planted_phrase_is_found_once_whole_and_where_it_is() -> None:
    rng = np.random.default_rng(1)
    before, after = chatter(rng, 200), chatter(rng, 200)
    domains = ["medical" if i < 100 else "legal" for i in range(200)]
    after = [f"{t} Please CONSULT a qualified professional." if i < 60 else t
             for i, t in enumerate(after)]  # fmt: skip
    found = shifts(before, after, domains)
    assert [one.phrase for one in found] == ["please consult a qualified professional"]
    (one,) = found
    assert (one.before, one.after, one.n) == (0, 60, 200)
    assert one.where == (("domain=medical", 60),)
    assert len(one.keys) == 5


def test_a_column_with_one_value_tells_nothing() -> None:
    rng = np.random.default_rng(4)
    after = [f"{t} please consult a qualified professional" for t in chatter(rng, 60)]
    (found,) = shifts(chatter(rng, 60), after, ["medical"] * 60)
    assert found.where == ()


def test_a_dropped_phrase_is_found_too() -> None:
    rng = np.random.default_rng(2)
    before = [f"It is worth noting that {t}" for t in chatter(rng, 80)]
    found = shifts(before, chatter(rng, 80), ["x"] * 80)
    assert any("worth noting that" in one.phrase and one.after < one.before for one in found)


def test_chatter_that_only_differs_by_chance_yields_nothing() -> None:
    for seed in range(5):
        rng = np.random.default_rng(100 + seed)
        assert shifts(chatter(rng, 150), chatter(rng, 150), ["x"] * 150) == ()


def test_words_that_say_nothing_are_no_phrase() -> None:
    rng = np.random.default_rng(3)
    after = [f"as it is to be {t}" for t in chatter(rng, 60)]
    assert all(
        one.phrase != "as it is to be" for one in shifts(chatter(rng, 60), after, ["x"] * 60)
    )


@given(st.lists(st.text(max_size=60), min_size=1, max_size=20))
def test_any_text_is_read(texts: list[str]) -> None:
    assert shifts(texts, texts, ["x"] * len(texts)) == ()
