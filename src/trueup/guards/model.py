"""What a guard stack is: its layers, where each looks, and what it does at which score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trueup.schema import ACTIONS

__all__ = [
    "Bands",
    "Decision",
    "Http",
    "Kind",
    "Layer",
    "Moderation",
    "Python",
    "Regex",
    "Rules",
    "Stack",
    "Words",
    "decide",
]


@dataclass(frozen=True, slots=True)
class Bands:
    """The scores from which each action is taken; None is a band that is off."""

    warn: float | None = None
    rewrite: float | None = None
    escalate: float | None = None
    block: float | None = None

    def action(self, score: float) -> str:
        """The strictest action whose band the score reaches; allow when it reaches none."""
        for name in reversed(ACTIONS[1:]):
            limit = getattr(self, name)
            if limit is not None and score >= limit:
                return name
        return ACTIONS[0]

    @property
    def threshold(self) -> float | None:
        """The lowest score at which anything is done; None when every band is off."""
        limits = (self.warn, self.rewrite, self.escalate, self.block)
        return min((limit for limit in limits if limit is not None), default=None)


OFF = Bands()


@dataclass(frozen=True)
class Rules:
    """Bands for everything (None: not stated), by category, and by segment as "column=value"."""

    bands: Bands | None = None
    categories: Mapping[str, Bands] = field(default_factory=dict)
    segments: Mapping[str, Rules] = field(default_factory=dict)

    def bands_for(self, category: str | None, segments: Mapping[str, str]) -> Bands:
        """The most specific bands: segment and category, segment, category, layer.

        Of several segments that fit, the one listed first wins.
        """
        fitting = [rules for name, rules in self.segments.items() if _fits(name, segments)]
        for rules in fitting:
            if category is not None and category in rules.categories:
                return rules.categories[category]
        for rules in fitting:
            if rules.bands is not None:
                return rules.bands
        if category is not None and category in self.categories:
            return self.categories[category]
        return self.bands or OFF


def _fits(name: str, segments: Mapping[str, str]) -> bool:
    column, _, value = name.partition("=")
    return segments.get(column) == value


@dataclass(frozen=True, slots=True)
class Python:
    """A callable, as "package.module:function"."""

    target: str


@dataclass(frozen=True)
class Http:
    """An endpoint that answers JSON. Environment variables in url and headers are not filled in.

    score, category: dotted paths into the answer. body: JSON to send, "{text}" standing for the
    text.
    """

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, object]
    score: str
    category: str | None


@dataclass(frozen=True, slots=True)
class Moderation:
    """An OpenAI-compatible moderation endpoint; api_key_env names the variable with the key."""

    model: str
    api_base: str | None
    api_key_env: str | None


@dataclass(frozen=True, slots=True)
class Regex:
    """A pattern; it scores 1 where it is found and 0 elsewhere."""

    pattern: str


@dataclass(frozen=True)
class Words:
    """Word lists by category, or under None a list without categories; scores 1 or 0."""

    lists: Mapping[str | None, tuple[str, ...]]


Kind = Python | Http | Moderation | Regex | Words


@dataclass(frozen=True)
class Layer:
    """One layer of a stack.

    Attributes
    ----------
    name, stage
        Its name, unique in the stack; ``input`` reads the prompt, ``output`` the response.
    kind
        What is asked for the score.
    rules
        What is done at which score.
    timeout_s, retries, concurrency
        Limit of one attempt in seconds, attempts after the first, calls at the same time.
    fail
        ``open`` (allow) or ``closed`` (block): what is done when the layer gives no verdict.
    version
        Version of the configuration: the file's own word, else a hash of the layer as configured.
    stated_version
        The file's own word, or None.
    trained_on
        File with the texts that the layer was trained on, as written: relative to the stack's
        folder. None when not stated.
    """

    name: str
    stage: str
    kind: Kind
    rules: Rules
    timeout_s: float
    retries: int
    concurrency: int
    fail: str
    version: str
    stated_version: str | None = None
    trained_on: str | None = None


@dataclass(frozen=True)
class Stack:
    """The layers in their order, and the file that they were read from."""

    path: Path
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a layer does about a score.

    threshold: the lowest score at which it would have done anything but allow; None when it is off.
    """

    action: str
    threshold: float | None


def decide(
    layer: Layer, category: str | None, score: float, segments: Mapping[str, str]
) -> Decision:
    """What `layer` does about `score` in `category`, for an interaction of these segments."""
    bands = layer.rules.bands_for(category, segments)
    return Decision(bands.action(score), bands.threshold)
