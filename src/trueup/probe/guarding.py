"""What a version's guard stack says of prompts and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from trueup.guards.engine import Engine, Record, Result
from trueup.guards.events import Row, blocked_by, events_of
from trueup.guards.model import Stack
from trueup.probe.suite import Prompt
from trueup.schema import LAYER_EVENTS

__all__ = ["Guard", "Ruling"]

_EVENT = tuple(name for name in LAYER_EVENTS.names if name not in ("id", "interaction_id"))


@dataclass(frozen=True)
class Ruling:
    """What the layers of one stage, or of both, said of one exchange.

    results: one for each layer, None where it had nothing to look at. blocked: why, or None.
    """

    results: tuple[Result, ...]
    events: tuple[Row, ...]
    blocked: str | None

    def json(self) -> str:
        listed = [{name: event[name] for name in _EVENT} for event in self.events]
        return orjson.dumps(listed).decode()


class Guard:
    """A stack ready to run. Use as a context manager, from one thread.

    Opening it finds the stack's mistakes. Raises `UserError`.
    """

    def __init__(self, stack: Stack, cache_dir: Path) -> None:
        self._stack = stack
        self._engine = Engine(stack, cache_dir)

    def __enter__(self) -> Guard:
        self._engine.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._engine.__exit__(None, None, None)

    def on_prompts(self, prompts: Sequence[Prompt]) -> dict[str, Ruling]:
        """What the input layers say before anything is asked, by the prompt's id."""
        records = [_record(prompt, prompt.prompt, None) for prompt in prompts]
        results = self._engine.score(records)
        return {
            record.id: self._ruling(record, found)
            for record, found in zip(records, results, strict=True)
        }

    def on_answers(
        self, prompts: Sequence[Prompt], answers: Sequence[str], before: Sequence[Ruling]
    ) -> list[Ruling]:
        """What the output layers say of answers, and what the input layers had said."""
        records = [
            _record(prompt, None, answer) for prompt, answer in zip(prompts, answers, strict=True)
        ]
        rulings = []
        for record, after, ruling in zip(records, self._engine.score(records), before, strict=True):
            both = [
                said if said is not None else later
                for said, later in zip(ruling.results, after, strict=True)
            ]
            rulings.append(self._ruling(record, both))
        return rulings

    def _ruling(self, record: Record, results: Sequence[Result]) -> Ruling:
        events = events_of(self._stack, record, results)
        name = blocked_by(events)
        reason = None
        if name is not None:
            failure = next(
                (e["failure"] for e in events if e["layer"] == name and e["failure"]), None
            )
            reason = f"guard {name}" + (f": no verdict ({failure})" if failure else "")
        return Ruling(tuple(results), tuple(events), reason)


def _record(prompt: Prompt, asked: str | None, answer: str | None) -> Record:
    slices = {"domain": prompt.domain, "trigger_type": prompt.trigger_type}
    return Record(
        prompt.id, asked, answer, {name: value for name, value in slices.items() if value}
    )
