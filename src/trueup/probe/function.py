"""A model that is a Python callable."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from trueup.errors import UserError
from trueup.guards.local import load_callable, source_hash
from trueup.guards.verdict import AttemptError
from trueup.probe.model import Question, Reply
from trueup.probe.reading import reply_of_completion, reply_of_text
from trueup.probe.threads import in_thread

__all__ = ["Function", "load_function"]

_OPTIONS = ("seed", "temperature", "max_tokens")
_KEYS = ("response", "finish_reason", "input_tokens", "output_tokens", "cost")


class Function:
    """Calls `function` in a thread, or awaits it when it is async.

    It gets the prompt, or the messages if its first parameter is called so; and `seed`,
    `temperature` and `max_tokens` when they are set and it has parameters of these names. It
    returns a text, None, a dict with `response` (and `finish_reason`, `input_tokens`,
    `output_tokens`, `cost`), or an answer in the shape of OpenAI's chat completions.
    """

    where = "the callable"

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.name = name
        self._function = function
        self._async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004  (the method, not whether there is one)
        )
        self.takes_messages, self._options = _parameters(function)

    @property
    def takes_seed(self) -> bool:
        return "seed" in self._options

    async def ask(self, question: Question) -> Reply:
        asked: Any = question.messages[-1]["content"]
        if self.takes_messages:
            asked = [dict(message) for message in question.messages]
        values = {"seed": question.seed, **question.sampling}
        options = {name: values[name] for name in self._options if values.get(name) is not None}
        try:
            if self._async:
                answer = await self._function(asked, **options)
            else:
                answer = await in_thread(self._function, asked, **options)
                if inspect.isawaitable(answer):
                    answer = await answer
        except AttemptError:
            raise
        except Exception as error:  # the callable is the user's
            raise AttemptError(f"{type(error).__name__}: {error}") from error
        return _reply(answer)

    async def close(self) -> None:
        pass


def load_function(target: str) -> tuple[Callable[..., Any], str]:
    """The callable of "module:function", and a hash of its file. Raises `UserError`."""
    module, colon, name = target.partition(":")
    if not (module and colon and name):
        raise UserError(
            f"--model python:{target} names no callable.", "Write python:module:function."
        )
    function = load_callable(target, "--model names")
    return function, source_hash(function)


def _parameters(function: Callable[..., Any]) -> tuple[bool, tuple[str, ...]]:
    """Whether the callable takes messages, and which options."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin
        return False, ()
    named = {parameter.name for parameter in parameters}
    rest = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    options = tuple(name for name in _OPTIONS if rest or name in named)
    return bool(parameters) and parameters[0].name == "messages", options


def _reply(answer: Any) -> Reply:
    if answer is None or isinstance(answer, str):
        return reply_of_text(answer)
    if hasattr(answer, "model_dump"):
        answer = answer.model_dump()
    if not isinstance(answer, Mapping):
        raise AttemptError(f"it returned {type(answer).__name__}, not a text", again=False)
    if "choices" in answer:
        return reply_of_completion(answer)
    unknown = sorted(str(key) for key in answer if key not in _KEYS)
    text = answer.get("response")
    if unknown or not (text is None or isinstance(text, str)):
        wrong = f"the key {unknown[0]!r}" if unknown else f"a response of {type(text).__name__}"
        raise AttemptError(f"it returned a dict with {wrong}", again=False)
    return reply_of_text(
        text,
        answer.get("finish_reason"),
        input_tokens=answer.get("input_tokens"),
        output_tokens=answer.get("output_tokens"),
        cost=answer.get("cost"),
    )
