"""Layers that run in this process: patterns, word lists and the user's own callables."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import threading
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from trueup.errors import UserError, did_you_mean
from trueup.guards.model import Regex, Words
from trueup.guards.verdict import AttemptError

__all__ = ["TimeLimited", "load_callable", "regex_answer", "source_hash", "words_answer"]

_WORD = re.compile(r"\w+")


def regex_answer(kind: Regex) -> Callable[[str], float]:
    pattern = re.compile(kind.pattern)
    return lambda text: float(pattern.search(text) is not None)


def words_answer(kind: Words) -> Callable[[str], Any]:
    """1 where a word of the list is in the text as a whole word, whatever its case; else 0."""
    matchers = {name: _matcher(words) for name, words in kind.lists.items()}
    if None in matchers:
        return lambda text: float(matchers[None](text))
    return lambda text: {name: float(matches(text)) for name, matches in matchers.items()}


def _matcher(words: Sequence[str]) -> Callable[[str], bool]:
    folded = {word.casefold() for word in words}
    single = {word for word in folded if _WORD.fullmatch(word)}  # looked up: lists may be long
    phrases = [r"\s+".join(map(re.escape, word.split())) for word in sorted(folded - single)]
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)") if phrases else None

    def matches(text: str) -> bool:
        text = text.casefold()
        found = not single.isdisjoint(_WORD.findall(text))
        return found or (pattern is not None and pattern.search(text) is not None)

    return matches


def load_callable(target: str, who: str) -> Callable[..., Any]:
    """Import "module:function", also from the current folder.

    who: begins the message of the `UserError` raised when it cannot be had: "Layer 'topic' needs".
    """
    module_name, _, name = target.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        missing = error.name or module_name
        raise UserError(
            f"{who} {target}, but {missing!r} cannot be imported ({error}).",
            "Run in the folder of the module, or install what is missing.",
        ) from error
    except Exception as error:  # the module is the user's
        raise UserError(
            f"{who} {target}, but importing {module_name} raised {type(error).__name__}: {error}.",
            "Correct the module.",
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise UserError(
            f"{who} {target}, but {module_name} has no callable {name!r}.",
            did_you_mean(name, known) if known else "Define it there.",
        )
    return function


def source_hash(function: Callable[[str], Any]) -> str:
    """Hash of the file that defines a callable, so that an edited one is asked anew; "" if none."""
    try:
        path = inspect.getsourcefile(inspect.unwrap(function))
        return blake2b(Path(path or "").read_bytes(), digest_size=8).hexdigest()
    except (OSError, TypeError):
        return ""


class TimeLimited:
    """Calls a function in a daemon thread and gives up after a while.

    Python cannot end a thread: one that hangs is abandoned, and does not keep the process alive.
    Code that holds the interpreter's lock all the while cannot be given up on. One per caller.
    """

    def __init__(self, function: Callable[[str], Any], timeout_s: float) -> None:
        self._function = function
        self._timeout_s = timeout_s
        self._start()

    def _start(self) -> None:
        self._inbox: SimpleQueue[str | None] = SimpleQueue()
        self._outbox: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        threading.Thread(
            target=_serve, args=(self._function, self._inbox, self._outbox), daemon=True
        ).start()

    def __call__(self, text: str) -> Any:
        self._inbox.put(text)
        try:
            answer, error = self._outbox.get(timeout=self._timeout_s)
        except Empty:
            self.close()
            self._start()
            raise AttemptError(f"timed out after {self._timeout_s:g} s") from None
        if error is not None:
            raise AttemptError(f"{type(error).__name__}: {error}") from error
        return answer

    def close(self) -> None:
        """Let the thread end after what it is doing."""
        self._inbox.put(None)


def _serve(
    function: Callable[[str], Any],
    inbox: SimpleQueue[str | None],
    outbox: SimpleQueue[tuple[Any, BaseException | None]],
) -> None:
    while (text := inbox.get()) is not None:
        try:
            outbox.put((function(text), None))
        except BaseException as error:  # also SystemExit: it fails this text, not the run
            outbox.put((None, error))
