"""What is asked of whom, and what came of it, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from trueup.guards.model import Stack

__all__ = ["Message", "Progress", "Question", "Reply", "Settings", "System", "Version"]

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """How everything is asked.

    Attributes
    ----------
    temperature, max_tokens
        None: not sent, so that the provider's default holds. A model in a local folder or file
        then takes its likeliest words, and at most 512 tokens.
    api_base
        An OpenAI-compatible server, or None.
    concurrency
        Requests in flight at most.
    rate
        Requests per minute at most, attempts included; None for no limit.
    timeout_s, attempts
        Limit of one request in seconds, and requests per question at most.
    backoff_s
        First wait after a failure; doubled each time, with jitter, at most a minute. A Retry-After
        of the server wins.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    api_base: str | None = None
    concurrency: int = 8
    rate: float | None = None
    timeout_s: float = 60.0
    attempts: int = 5
    backoff_s: float = 1.0


@dataclass(frozen=True, slots=True)
class System:
    """A system prompt under its name."""

    name: str
    text: str


@dataclass(frozen=True)
class Version:
    """One cell of the matrix; model is the place of its model in the list of models."""

    name: str
    model: int
    system: System | None
    policy: str | None
    stack: Stack | None


@dataclass(frozen=True)
class Question:
    """One request, however many versions its answer serves.

    key: hash of all that the answer depends on. seed: what is sent, None when nothing is.
    """

    key: str
    model: int
    messages: tuple[Message, ...]
    seed: int | None
    sampling: Mapping[str, float | int]

    def own_seed(self) -> int:
        """A 32-bit seed made of the seed and the prompt, for models in this process.

        Prompts under one seed must not share their luck: it would not average out over a suite.
        Versions do share it, prompt by prompt, which makes their difference less noisy.
        """
        words = f"{self.seed or 0}\n{self.messages[-1]['content']}".encode()
        return int.from_bytes(blake2b(words, digest_size=4).digest())


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question.

    status: answered, empty, blocked (by the provider) or error, as in the responses table. Texts
    are valid Unicode. cost: US dollars, None when not known.
    """

    status: str
    text: str | None = None
    reason: str | None = None
    finish_reason: str | None = None
    latency_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in questions; each is asked once, whatever the number of versions.

    done: settled, of which `cached` were known before and `errors` failed. seconds_left: None
    before anything was asked. cost, projected: US dollars spent by this run and expected at its
    end, over what has a price; `unpriced` of the answers have none.
    """

    done: int
    total: int
    cached: int
    errors: int
    seconds_left: float | None
    cost: float
    projected: float | None
    unpriced: int
