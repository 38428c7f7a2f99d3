"""One key at a time from a terminal, or one line at a time from anything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

__all__ = ["END", "Keys", "key_reader"]

END = ""  # the input has ended
_CONTROL_D = "\x04"
_ESCAPE = b"\x1b"


class Keys:
    """Reads keys; `single` tells whether a key press is enough or a line is awaited."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    @property
    def single(self) -> bool:
        return self._descriptor is not None

    def read(self, words: Mapping[str, str]) -> str:
        """The next key, in lower case; END when the input has ended.

        `words` gives the key for each word that may be typed instead in line mode. A line that is
        neither is returned as it is.
        """
        if self._descriptor is not None:
            return _press(self._descriptor)
        line = sys.stdin.readline()
        if not line:
            return END
        word = line.strip().lower()
        return words.get(word, word or "\n")


@contextmanager
def key_reader() -> Iterator[Keys]:
    """Keys from standard input; a terminal is put back as it was, whatever happens."""
    descriptor = _terminal()
    if descriptor is None:
        yield Keys(None)
        return
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)  # Ctrl-C still interrupts
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _terminal() -> int | None:
    """Descriptor of standard input when single key presses can be read from it."""
    try:
        import termios  # noqa: F401

        if sys.stdin.isatty() and sys.stdout.isatty():
            return sys.stdin.fileno()
    except (ImportError, ValueError, OSError):  # not POSIX, or standard input is closed
        pass
    return None


def _press(descriptor: int) -> str:
    while True:
        try:
            data = os.read(descriptor, 1)
        except OSError:  # the terminal has gone
            return END
        if not data or data.decode("latin-1") == _CONTROL_D:
            return END
        if data == _ESCAPE:
            _swallow(descriptor)
        elif data < b"\x80":
            return data.decode().lower()


def _swallow(descriptor: int) -> None:
    """Read away the rest of an escape sequence, such as that of an arrow key."""
    import select

    with suppress(OSError):
        while select.select([descriptor], [], [], 0.02)[0]:
            last = os.read(descriptor, 1)
            if not last or last.isalpha() or last == b"~":
                return
