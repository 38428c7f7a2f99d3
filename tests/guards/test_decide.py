"""Which threshold counts, and what is done at which score."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trueup.guards.stack import Decision, Stack, decide

STACK = """
layers:
  - name: a
    words: [x]
    threshold: 0.5
    categories:
      hate: {threshold: 0.4}
      harm: {bands: {warn: 0.1, block: 0.9}}
    segments:
      "domain=legal":
        threshold: 0.7
        categories: {hate: {threshold: 0.8}}
      "tier=free":
        categories: {harm: {threshold: 0.2}}
      "tier=paid":
        threshold: null
"""


@pytest.mark.parametrize(
    ("category", "segments", "threshold"),
    [
        (None, {}, 0.5),
        ("other", {"domain": "medical"}, 0.5),
        ("hate", {}, 0.4),
        ("harm", {}, 0.1),
        (None, {"domain": "legal"}, 0.7),
        ("harm", {"domain": "legal"}, 0.7),  # the segment before the category
        ("hate", {"domain": "legal"}, 0.8),
        ("harm", {"domain": "legal", "tier": "free"}, 0.2),  # both named beats either
        ("hate", {"tier": "free"}, 0.4),  # the segment says nothing of hate, nor of all
        (None, {"domain": "legal", "tier": "paid"}, 0.7),  # the first that fits
        ("hate", {"tier": "paid"}, None),
    ],
)
def test_the_most_specific_threshold_wins(
    stack_of: Callable[[str], Stack],
    category: str | None,
    segments: dict[str, str],
    threshold: float | None,
) -> None:
    layer = stack_of(STACK).layers[0]
    assert decide(layer, category, 0.0, segments).threshold == threshold


@pytest.mark.parametrize(
    ("score", "action"),
    [
        (0.29, "allow"),
        (0.3, "warn"),
        (0.5, "escalate"),
        (0.69, "escalate"),
        (0.7, "block"),
        (9.0, "block"),
    ],
)
def test_the_strictest_band_reached_wins(
    stack_of: Callable[[str], Stack], score: float, action: str
) -> None:
    bands = "{warn: 0.3, rewrite: null, escalate: 0.5, block: 0.7}"
    layer = stack_of(f"layers: [{{name: a, words: [x], bands: {bands}}}]").layers[0]
    assert decide(layer, None, score, {}) == Decision(action, 0.3)


def test_a_layer_that_is_off_allows_everything(stack_of: Callable[[str], Stack]) -> None:
    layer = stack_of("layers: [{name: a, words: [x], threshold: null}]").layers[0]
    assert decide(layer, None, 1e9, {}) == Decision("allow", None)
