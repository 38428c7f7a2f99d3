"""New thresholds in an old text: only what must change does."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.guards.reading import layer_sections
from trueup.guards.rules import read_rules
from trueup.guards.stack import Bands, Change, Rules, with_thresholds
from trueup.guards.yaml_text import load

TEXT = """\
# Our stack
fail: open   # while we tune
layers:
  - name: topic          # since May
    python: guards:topic
    threshold: 0.50      # as shipped

    # the lawyers complained
    segments:
      "domain=legal": {threshold: 0.7}
      'domain=medical':
          bands:
              warn: 0.3
              block:   # off
  # the old one
  - {name: toxic, http: "https://guard.example", bands: {warn: 0.2, block: 0.6}, retries: 1}
  - name: words
    threshold:
    words: |
      one
      two

# the end
"""


def rules_of(text: str) -> dict[str, Rules]:
    return {s.values["name"]: read_rules(s) for s in layer_sections(load(text, "stack.yaml"))}


def changed_lines(before: str, after: str) -> list[str]:
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in diff if line[0] in "+-" and line[:3] not in ("+++", "---")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            Change("topic", None, None, 0.61),
            [
                "-    threshold: 0.50      # as shipped",
                "+    threshold: 0.61      # as shipped",
            ],
        ),
        (Change("topic", None, None, 0.5), []),
        (
            Change("topic", "domain=legal", None, None),
            [
                '-      "domain=legal": {threshold: 0.7}',
                '+      "domain=legal": {threshold: null}',
            ],
        ),
        (
            Change("topic", "domain=medical", None, 0.9),
            ["-              block:   # off", "+              block: 0.9   # off"],
        ),
        (
            Change("topic", "domain=hr", None, 0.4),
            ["+      domain=hr: {threshold: 0.4}"],
        ),
        (
            Change("topic", "domain=medical", "self harm", 0.4),
            [
                "+          categories:",
                '+            "self harm":',
                "+              bands: {warn: 0.3, block: 0.4}",
            ],
        ),
        (
            Change("toxic", None, None, 0.65),
            [
                '-  - {name: toxic, http: "https://guard.example", '
                "bands: {warn: 0.2, block: 0.6}, retries: 1}",
                '+  - {name: toxic, http: "https://guard.example", '
                "bands: {warn: 0.2, block: 0.65}, retries: 1}",
            ],
        ),
        (Change("words", None, None, 1e-7), ["-    threshold:", "+    threshold: 1.0e-07"]),
        (Change("words", None, "a", 1.0), ["+    categories:", "+      a: {threshold: 1.0}"]),
    ],
)
def test_the_diff_is_minimal(change: Change, expected: list[str]) -> None:
    assert changed_lines(TEXT, with_thresholds(TEXT, [change])) == expected


def test_the_other_bands_stay_in_force() -> None:
    after = with_thresholds(TEXT, [Change("toxic", "tier=free", "hate", 0.9)])
    bands = rules_of(after)["toxic"].bands_for("hate", {"tier": "free"})
    assert bands == Bands(warn=0.2, block=0.9)


def test_windows_line_ends_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    after = with_thresholds(text, [Change("words", "a=b", None, 0.4)])
    assert after.count("\n") == after.count("\r\n") == text.count("\n") + 2


def test_an_unknown_layer_is_a_user_error() -> None:
    with pytest.raises(UserError, match=r"no layer 'topics'.*'topic'"):
        with_thresholds(TEXT, [Change("topics", None, None, 0.5)])


def test_a_threshold_must_be_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        with_thresholds(TEXT, [Change("topic", None, None, float("nan"))])


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8
)
segments = st.builds(lambda a, b: f"{a.replace('=', '')}k={b}", names, names)
thresholds = st.none() | st.floats(allow_nan=False, allow_infinity=False)
changes = st.lists(
    st.builds(
        Change,
        st.sampled_from(["topic", "toxic", "words"]),
        st.none() | st.sampled_from(["domain=legal", "domain=medical"]) | segments,
        st.none() | names,
        thresholds,
    ),
    max_size=5,
)


@given(changes, st.sampled_from(["\n", "\r\n"]))
@example([Change("words", "k=\u2028", "\x85:#{[", -1e300)], "\n")
@example([Change("topic", "k=true", "null", 5e-324), Change("topic", None, "😀", 1.0)], "\n")
def test_what_is_written_is_read_again(made: list[Change], newline: str) -> None:
    """Each change holds afterwards unless a later one overrode it; all else is as before."""
    text = TEXT.replace("\n", newline)
    after = with_thresholds(text, made)
    before, found = rules_of(text), rules_of(after)
    last = {(c.layer, c.segment, c.category): c.threshold for c in made}
    for (layer, segment, category), threshold in last.items():
        column, _, value = (segment or "").partition("=")
        bands = found[layer].bands_for(category, {column: value} if segment else {})
        assert bands.block == threshold
    for layer, rules in before.items():
        if not any(change.layer == layer for change in made):
            assert found[layer] == rules
        assert set(found[layer].segments) >= set(rules.segments)
    kept = [line for line in changed_lines(text, after) if line.startswith("-")]
    assert len(kept) <= len(made)
    for comment in ("# Our stack", "# while we tune", "# as shipped", "# off", "# the end"):
        assert comment in after


@given(changes)
def test_doing_it_again_changes_nothing(made: list[Change]) -> None:
    unique = list({(c.layer, c.segment, c.category): c for c in made}.values())
    once = with_thresholds(TEXT, unique)
    assert with_thresholds(once, unique) == once
