"""Layers behind HTTP: any JSON endpoint, and OpenAI-compatible moderation."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from trueup.errors import UserError
from trueup.guards.model import Http, Layer, Moderation
from trueup.guards.verdict import AttemptError
from trueup.remote import FATAL_STATUS, is_passing, retry_after

if TYPE_CHECKING:
    import httpx

__all__ = ["http_answer", "moderation_answer", "with_environment"]

_MAX_ANSWER = 10_000_000  # bytes
_OPENAI = "https://api.openai.com/v1"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def http_answer(layer: Layer, kind: Http) -> Callable[[str], Any]:
    """What an endpoint says of a text: what lies at its score path, with a category if stated."""
    post = _poster(
        layer,
        with_environment(kind.url, layer.name),
        {name: with_environment(value, layer.name) for name, value in kind.headers.items()},
    )

    def ask(text: str) -> Any:
        answer = post(_filled(kind.body, text))
        score = _at(answer, kind.score)
        if kind.category is None:
            return score
        category = _at(answer, kind.category)
        return score, None if category is None else str(category)

    return ask


def moderation_answer(layer: Layer, kind: Moderation) -> Callable[[str], Any]:
    """The category scores that a moderation endpoint gives a text."""
    base = with_environment(kind.api_base or _OPENAI, layer.name).rstrip("/")
    variable = kind.api_key_env or "OPENAI_API_KEY"
    key = os.environ.get(variable, "").strip()
    if not key and (kind.api_key_env or not kind.api_base):
        raise UserError(
            f"Layer '{layer.name}' needs a key, but {variable} is not set.", f"Set {variable}."
        )
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    post = _poster(layer, f"{base}/moderations", headers)

    def ask(text: str) -> Any:
        scores = _at(post({"model": kind.model, "input": text}), "results.0.category_scores")
        if not isinstance(scores, dict):
            raise AttemptError("the answer holds no category scores")
        return {name: score for name, score in scores.items() if score is not None}

    return ask


def with_environment(text: str, layer: str) -> str:
    """`${NAME}` filled in from the environment. Raises `UserError` when one is not set."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise UserError(
                f"Layer '{layer}' needs the environment variable {match[1]}, which is not set.",
                f"Set {match[1]}.",
            )
        return found.strip()

    return _VARIABLE.sub(value, text)


def _filled(body: Any, text: str) -> Any:
    if isinstance(body, Mapping):
        return {name: _filled(value, text) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, text) for value in body]
    return body.replace("{text}", text) if isinstance(body, str) else body


def _at(answer: Any, path: str) -> Any:
    """What lies at a dotted path of keys and list positions."""
    found = answer
    for step in path.split("."):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise AttemptError(f"the answer has no {path}")
    return found


def _poster(layer: Layer, url: str, headers: dict[str, str]) -> Callable[[Any], Any]:
    """A function that posts JSON and returns the JSON of the answer; one client for all threads."""
    import httpx

    try:
        client = httpx.Client(
            headers=headers,
            timeout=layer.timeout_s,
            limits=httpx.Limits(max_connections=layer.concurrency),
        )
        request = client.build_request("POST", url)
        sendable = all(value.isprintable() for value in headers.values())
        if request.url.scheme not in ("http", "https") or not (request.url.host and sendable):
            raise ValueError
    except (httpx.InvalidURL, ValueError, TypeError):  # the message might hold a secret
        raise UserError(
            f"Layer '{layer.name}' has a URL or a header that cannot be sent.",
            "A URL begins with http:// or https://; a header is one line of ASCII.",
        ) from None
    host = request.url.host

    def post(body: Any) -> Any:
        late = AttemptError(f"timed out after {layer.timeout_s:g} s")
        deadline = time.monotonic() + layer.timeout_s
        try:
            with client.stream(
                "POST",
                url,
                content=orjson.dumps(body),
                headers={"Content-Type": "application/json"},
            ) as response:
                _check_status(response, layer, host)
                return _json(response, deadline, late)
        except httpx.TimeoutException:
            raise late from None
        except httpx.ConnectError as error:
            raise AttemptError(f"cannot connect to {host}: {error}") from None
        except httpx.HTTPError as error:  # its message might hold a secret
            raise AttemptError(f"no answer ({type(error).__name__})") from None

    return post


def _check_status(response: httpx.Response, layer: Layer, host: str) -> None:
    status = response.status_code
    if status in FATAL_STATUS:
        raise UserError(
            f"Layer '{layer.name}': {host} answered {status}, as it would for every text.",
            "Check the address." if status == 404 else "Check the key.",
        )
    if not response.is_success:
        wait_s = retry_after(response.headers)
        raise AttemptError(f"HTTP {status}", again=is_passing(status), wait_s=wait_s)


def _json(response: httpx.Response, deadline: float, late: AttemptError) -> Any:
    """The answer, unless it trickles in for too long or never ends."""
    body = b""
    for part in response.iter_bytes():
        body += part
        if time.monotonic() > deadline:
            raise late
        if len(body) > _MAX_ANSWER:
            raise AttemptError(f"the answer is longer than {_MAX_ANSWER:,} bytes", again=False)
    try:
        return json.loads(body)  # orjson refuses NaN, and a NaN score is to be called that
    except (ValueError, RecursionError):
        raise AttemptError("the answer is not JSON") from None
