"""A model in a GGUF file, through llama.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

from trueup.errors import UserError
from trueup.guards.verdict import AttemptError, one_line
from trueup.probe.model import Question, Reply
from trueup.probe.reading import reply_of_completion

__all__ = ["Gguf"]

_CONTEXT = 4096  # tokens, prompt and answer together


class Gguf:
    """One prompt at a time. No state is kept between prompts, so that their order does not matter.

    Raises `UserError` when the file cannot be loaded.
    """

    batch = 1

    def __init__(self, path: Path) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = _CONTEXT
        params.n_parallel = 1
        params.verbosity = 0
        try:
            self._server: Any = xllamacpp.Server(params)
        except Exception as error:
            raise UserError(
                f"{path.name} cannot be loaded: {one_line(str(error))}.", "Name a GGUF model."
            ) from error

    def generate(self, questions: Sequence[Question], stop: Event) -> list[Reply]:
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> Reply:
        answer = self._server.handle_chat_completions(
            {
                "messages": list(question.messages),
                "seed": question.own_seed(),
                "cache_prompt": False,
                **question.sampling,
            }
        )
        if isinstance(answer, dict) and "error" in answer:
            error = answer["error"]
            raise AttemptError(str(error.get("message") if isinstance(error, dict) else error))
        return reply_of_completion(answer)

    def close(self) -> None:
        self._server = None
