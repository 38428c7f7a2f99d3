"""A model behind an OpenAI-compatible URL."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import orjson

from trueup.errors import UserError
from trueup.guards.verdict import AttemptError
from trueup.probe.attempts import failure_of_status
from trueup.probe.model import Question, Reply, Settings
from trueup.probe.reading import block_reason, reply_of_completion
from trueup.remote import retry_after

if TYPE_CHECKING:
    import httpx

__all__ = ["Endpoint"]

_MAX_ANSWER = 20_000_000  # bytes


class Endpoint:
    """POSTs to `api_base`/chat/completions; the key is read from OPENAI_API_KEY.

    Raises `UserError` when the address or the key cannot be sent.
    """

    def __init__(self, model: str, settings: Settings) -> None:
        import httpx

        assert settings.api_base is not None
        self.name = model
        self.where = settings.api_base
        key = os.environ.get("OPENAI_API_KEY", "").strip() or "none"
        try:
            url = httpx.URL(f"{settings.api_base.rstrip('/')}/chat/completions")
            if url.scheme not in ("http", "https") or not url.host or not key.isprintable():
                raise ValueError
            self._headers = httpx.Headers(
                {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            )
        except (httpx.InvalidURL, ValueError):  # the message might hold the key
            raise UserError(
                f"--api-base {settings.api_base!r} or the key cannot be sent.",
                "A URL begins with http:// or https://; a key is one line of ASCII.",
            ) from None
        self._url = url
        self._secure = httpx.create_ssl_context()
        self._idle: list[httpx.AsyncClient] = []

    async def ask(self, question: Question) -> Reply:
        import httpx

        client = self._idle.pop() if self._idle else self._client()
        try:
            async with client.stream(
                "POST", self._url, content=self._body(question), headers=self._headers
            ) as response:
                body = await _read(response)
        except httpx.ConnectError as error:
            raise AttemptError(f"cannot connect to {self._url.host}: {error}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # its message might hold the key
            raise AttemptError(f"no answer ({type(error).__name__})") from None
        finally:
            self._idle.append(client)
        if response.status_code == 200:
            return reply_of_completion(_json(body))
        return _failed(response.status_code, response.headers, body)

    def _client(self) -> httpx.AsyncClient:
        """A client with one connection.

        One for each request in flight: httpx looks through all connections of a client for every
        request, which at 64 of them takes several times as long as the request itself. The asker
        limits the time of a whole request; httpx would limit each step of it.
        """
        import httpx

        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.AsyncClient(timeout=None, limits=limits, verify=self._secure)

    def _body(self, question: Question) -> bytes:
        body: dict[str, Any] = {"model": self.name, "messages": question.messages}
        body |= question.sampling
        if question.seed is not None:
            body["seed"] = question.seed
        return orjson.dumps(body)

    async def close(self) -> None:
        for client in self._idle:
            await client.aclose()


async def _read(response: Any) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > _MAX_ANSWER:
            raise AttemptError(f"the answer is longer than {_MAX_ANSWER:,} bytes", again=False)
    return b"".join(parts)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    try:
        return json.loads(body)  # it bears with NaN and with halves of characters
    except (ValueError, RecursionError):
        raise AttemptError("the answer is not JSON") from None


def _failed(status: int, headers: Any, body: bytes) -> Reply:
    """A provider's block is an answer; everything else is raised."""
    try:
        said = _json(body)
    except AttemptError:
        said = None
    blocked = block_reason(said) if 400 <= status < 500 else None
    if blocked:
        return Reply("blocked", reason=blocked, finish_reason="content_filter")
    error = said.get("error", said) if isinstance(said, dict) else said
    message = error.get("message") if isinstance(error, dict) else error
    words = f": {message}" if isinstance(message, str) and message.strip() else ""
    raise failure_of_status(status, f"HTTP {status}{words}", retry_after(headers))
