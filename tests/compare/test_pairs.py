"""Pairing by prompt: order, samples, what one side lacks, slices."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from versions import version

from trueup.compare.pairs import paired

ROWS = st.lists(st.tuples(st.sampled_from("abcdé😀"), st.sampled_from("fpr?")), max_size=12)


def test_prompts_are_paired_whatever_their_order() -> None:
    before = version("b", "frp", keys=["x", "y", "z"])
    after = version("a", "rfr", keys=["z", "y", "x"])
    pairs = paired(before, after)
    assert pairs.key.tolist() == ["x", "y", "z"]
    assert pairs.one.share.tolist() == [0, 1, 1]
    assert pairs.two.share.tolist() == [1, 0, 1]
    assert pairs.difference.tolist() == [1, -1, 0]


def test_samples_of_a_prompt_are_averaged_and_unknown_ones_left_out() -> None:
    before = version("b", "frr?", keys=["x"] * 4)
    after = version("a", "??", keys=["x", "x"])
    pairs = paired(before, after)
    assert pairs.one.known.tolist() == [3]
    assert pairs.one.share.tolist() == [2 / 3]
    assert np.isnan(pairs.two.share).all()
    assert not pairs.both.any()
    assert pairs.two.first.tolist() == [0]  # there is an answer, if none with a verdict


def test_a_prompt_of_one_side_has_no_row_on_the_other() -> None:
    pairs = paired(version("b", "ff", keys=["x", "y"]), version("a", "f", keys=["y"]))
    assert pairs.two.first.tolist() == [-1, 0]
    assert pairs.both.tolist() == [False, True]


def test_legitimacy_comes_from_whichever_side_says_it() -> None:
    before = version("b", "fff", legitimate="l?l")
    after = version("a", "fff", legitimate="?hh")
    pairs = paired(before, after)
    assert pairs.legitimate.tolist() == [1, 0, -1]
    assert pairs.contradicted == 1


def test_the_first_row_of_a_prompt_names_its_slice() -> None:
    domains = np.array([None, "law", "medicine"], dtype=object)
    before = version("b", "fff", keys=["x", "x", "y"], slices={"domain": domains})
    after = version("a", "ff", keys=["x", "z"], slices={"domain": np.array(["tax", "z"], object)})
    assert paired(before, after).slice("domain").tolist() == ["law", "medicine", "z"]
    assert paired(before, after).slice("absent").tolist() == [None, None, None]


def test_labels_go_before_readings() -> None:
    before = version("b", "ff", labels="r?")
    pairs = paired(before, version("a", "ff"))
    assert pairs.one.share.tolist() == [1, 0]
    assert pairs.one.read_share.tolist() == [0, 0]
    assert pairs.one.label_share[0] == 1
    assert np.isnan(pairs.one.label_share[1])


@given(ROWS, ROWS)
def test_counts_are_those_of_a_plain_loop(
    one: list[tuple[str, str]], two: list[tuple[str, str]]
) -> None:
    before = version("b", "".join(v for _, v in one), keys=[k for k, _ in one])
    after = version("a", "".join(v for _, v in two), keys=[k for k, _ in two])
    pairs = paired(before, after)
    assert sorted(pairs.key) == sorted({k for k, _ in one + two})
    for side, rows in ((pairs.one, one), (pairs.two, two)):
        for place, key in enumerate(pairs.key):
            known = [v for k, v in rows if k == key and v != "?"]
            assert side.known[place] == len(known)
            assert side.refused[place] == sum(v in "pr" for v in known)
