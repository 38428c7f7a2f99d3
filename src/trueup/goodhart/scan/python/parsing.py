"""Text to a syntax tree, or the reason why not."""

from __future__ import annotations

import ast
import warnings

from trueup.goodhart import parsing

__all__ = ["Unreadable", "parsed"]


class Unreadable(Exception):
    """The text is no Python that this Python reads; the message says why."""


def parsed(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parsing.parsed(text)
    except SyntaxError as error:
        old = "print" in (error.msg or "") or "exec" in (error.msg or "")
        what = "Python 2, or not Python" if old else "not Python that this version reads"
        raise Unreadable(f"{what}: {error.msg} in line {error.lineno}") from None
    except ValueError as error:
        raise Unreadable(f"not Python: {error}") from None
    except (RecursionError, MemoryError):
        raise Unreadable("expressions are nested deeper than Python's parser goes") from None
