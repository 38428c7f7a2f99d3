"""The fields of a task file, read one by one: every mistake names the key and what it should be."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trueup.errors import UserError, did_you_mean

__all__ = ["Fields"]


class Fields:
    """A mapping of a task file. where: what it is, for messages: "task.yaml", "cases[2]"."""

    def __init__(self, values: Any, where: str, root: Path) -> None:
        if not isinstance(values, Mapping):
            raise UserError(
                f"{where} must be a mapping of keys to values, got {_shown(values)}.",
                "Write `key: value`.",
            )
        self.values = dict(values)
        self.where = where
        self.root = root

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def only(self, known: Iterable[str]) -> None:
        """Raise `UserError` for a key that is not known."""
        known = tuple(known)
        for key in self.values:
            if key not in known:
                raise UserError(
                    f"{self.where}: unknown key {key!r}.", did_you_mean(str(key), known)
                )

    def wrong(self, key: str, must: str, fix: str = "") -> UserError:
        """The error for a key whose value is not what it must be."""
        got = f", got {_shown(self.values[key])}" if key in self.values else ""
        return UserError(f"{self.where}: {key} must be {must}{got}.", fix)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str) or (key in self.values and not value.strip()):
            raise self.wrong(key, "a text", f"Write `{key}: …`.")
        return value

    def choice(self, key: str, options: tuple[str, ...], default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value not in options:
            fix = did_you_mean(value, options) if isinstance(value, str) else ""
            raise self.wrong(key, f"one of {', '.join(options)}", fix)
        return str(value)

    def truth(self, key: str, default: bool = False) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def number(self, key: str, default: float, *, above: float = -math.inf) -> float:
        """A finite number greater than `above`."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, "a number")
        if not math.isfinite(value) or (key in self.values and value <= above):
            raise self.wrong(key, f"a number greater than {above:g}")
        return float(value)

    def whole(self, key: str, default: int, *, least: int = 1) -> int:
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(key, f"a whole number of at least {least}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; () when it is not there."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "a list of texts", f"Write `{key}: [a, b]`; quote numbers.")
        return tuple(value)

    def sections(self, key: str) -> list[Fields]:
        """A list of mappings; [] when it is not there."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "a list", f"Write `{key}:` and items that begin with a dash.")
        return [
            Fields(item, f"{self.where}: {key}[{place}]", self.root)
            for place, item in enumerate(value, start=1)
        ]

    def section(self, key: str) -> Fields:
        """A mapping; an empty one when it is not there."""
        return Fields(self.values.get(key, {}), f"{self.where}: {key}", self.root)

    def file(self, key: str) -> Path:
        """A file that exists, relative to the task."""
        path = self.root / self.text(key)
        if not path.is_file():
            raise self.wrong(key, f"a file that exists below {self.root}")
        return path

    def folder(self, key: str) -> Path:
        """A folder that exists, relative to the task."""
        path = self.root / self.text(key)
        if not path.is_dir():
            raise self.wrong(key, f"a folder that exists below {self.root}")
        return path

    def value(self, key: str) -> Any:
        """Data under `key`, or a Python literal under `key_literal`: exactly one of the two."""
        written = f"{key}_literal"
        if (key in self) == (written in self):
            raise UserError(
                f"{self.where} must have {key} or {written}, and not both.",
                f"{written} takes Python literals, for tuples, sets and bytes.",
            )
        if key in self:
            return self._data(self.values[key], key)
        return self._literal(written)

    def _literal(self, key: str) -> Any:
        """The value of a Python literal."""
        text = self.text(key)
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise self.wrong(
                key,
                "a Python literal",
                "Numbers, strings, bytes, (), [], {}, True, False and None.",
            ) from error

    def data(self, key: str, default: Any) -> Any:
        return self._data(self.values[key], key) if key in self else default

    def _data(self, value: Any, key: str) -> Any:
        """A copy in plain types; dates and what else YAML may make are refused."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, str):
            return str(value)
        if isinstance(value, list):
            return [self._data(item, key) for item in value]
        if isinstance(value, Mapping):
            return {self._data(k, key): self._data(v, key) for k, v in value.items()}
        raise UserError(
            f"{self.where}: {key} holds {_shown(value)}, which YAML reads as a "
            f"{type(value).__name__}.",
            f"Quote it to make it a text, or write {key}_literal.",
        )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
