"""What every format converts its records to, and the exception for a record that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["BadRecordError", "Event", "Exchange", "Label", "Outcome"]


class BadRecordError(ValueError):
    """One record cannot be imported; the message is the sentence shown in the quarantine."""


class Event(NamedTuple):
    """What one guard said, as logged; `trueup.sources.batch` checks and converts the values.

    fired: the log's own flag; it is used only when score and threshold are not both known.
    failure: why it said nothing; then `action` is what was done about that.
    """

    layer: Any
    position: Any = None
    stage: Any = None
    category: Any = None
    score: Any = None
    threshold: Any = None
    fired: Any = None
    action: Any = None
    latency_ms: Any = None
    config_version: Any = None
    failure: Any = None


class Outcome(NamedTuple):
    """What the user did next, as logged."""

    kind: Any
    value: Any = None
    at: Any = None
    simulated: Any = None


class Label(NamedTuple):
    """A label that came as a column of the log."""

    question: str
    value: Any


class Exchange:
    """One exchange as a format understood it: values as logged, messages already normalised.

    A plain class with defaults on the class: one is made per record, and most columns stay unset.

    messages: dicts of role and content (text), up to and without the response.
    prompt: text of the last user message; taken from `messages` when None.
    """

    messages: list[dict[str, Any]] | None = None
    response: Any = None
    id: Any = None
    at: Any = None
    conversation_id: Any = None
    user: Any = None
    prompt: str | None = None
    finish_reason: Any = None
    model: Any = None
    prompt_version: Any = None
    policy_version: Any = None
    sampling: Any = None
    arm: Any = None
    propensity: Any = None
    latency_ms: Any = None
    segments: dict[str, str] | None = None
    events: Sequence[Event] = ()
    outcomes: Sequence[Outcome] = ()
    labels: Sequence[Label] = ()
