"""YAML as plain data with line numbers: no tags, no aliases, and every mistake names its place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trueup.errors import UserError, did_you_mean

__all__ = ["Section", "load", "plain"]


def load(text: str, file: str) -> Section:
    """The document as a section. Raises `UserError` when it is not a mapping of plain values."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        _refuse_tricks(text, file)
        values = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem or error.context).split(" (original value")[0]
        raise UserError(
            f"{file}:{line}: it is not valid YAML: {problem}.", "Correct that line."
        ) from error
    except (YAMLError, RecursionError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{file} is not valid YAML: {reason}.", "Correct the file.") from error
    if not isinstance(values, dict):
        raise UserError(
            f"{file} must hold a mapping with the key 'layers'.",
            "See docs/guards.md for an example.",
        )
    return Section(file, "", values)


def _refuse_tricks(text: str, file: str) -> None:
    """No tags, which could build objects; no aliases, whose value could not be changed alone."""
    from ruamel.yaml import YAML
    from ruamel.yaml.events import AliasEvent

    for event in YAML(typ="rt").parse(text):
        shared = isinstance(event, AliasEvent)
        if shared or getattr(event, "tag", None) is not None:
            what = "an alias" if shared else "a tag"
            raise UserError(
                f"{file}:{event.start_mark.line + 1}: {what} has no place in a guard stack.",
                "Write the value out.",
            )


def plain(value: Any) -> Any:
    """The value in plain Python types: dict, list, str, int, float, bool, None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


@dataclass(frozen=True)
class Section:
    """One mapping of the file. path: where it is, for messages, such as "layer 'topic'"."""

    file: str
    path: str
    values: Any

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def error(self, key: str | None, message: str, fix: str) -> UserError:
        """A mistake at a key: the message follows the key's name, or the section's."""
        line = self.line(key)
        name = ": ".join(filter(None, (self.path, key)))
        return UserError(f"{self.file}:{line}: {name} {message}.", fix)

    def line(self, key: str | None = None) -> int:
        """Line of a key, from 1, or of the section itself."""
        place = self.values.lc
        found = place.data.get(key) if key is not None and place.data else None
        return int(found[0] if found else place.line) + 1

    def check_keys(self, known: Iterable[str]) -> None:
        for key in self.values:
            if key not in known:
                raise self.error(str(key), "is not known here", did_you_mean(str(key), known))

    def section(self, key: str, path: str | None = None) -> Section:
        """The mapping under a key; an empty one when it is missing or left blank."""
        from ruamel.yaml.comments import CommentedMap

        value = self.values.get(key)
        if value is None:
            value = CommentedMap()
            value.lc.line = self.line(key) - 1
        if not isinstance(value, dict):
            raise self.error(key, f"must be a mapping, got {shown(value)}", "Write `key: value`.")
        return Section(self.file, path or ": ".join(filter(None, (self.path, key))), value)

    def sections(self, key: str) -> Iterator[tuple[str, Section]]:
        """The mappings under a key by their names."""
        named = self.section(key)
        for name in named.values:
            yield str(name), named.section(name, f"{named.path}: {name}")

    def text(self, key: str, default: str | None = None) -> str | None:
        """Text under a key; the default when it is missing."""
        value = self.values.get(key, default)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"must be text, got {shown(value)}", "Put it in quotes.")
        return str(value)

    def choice(self, key: str, options: tuple[str, ...], default: str | None = None) -> str | None:
        value = self.values.get(key, default)
        if value is not None and value not in options:
            raise self.error(
                key,
                f"must be {' or '.join(options)}, got {shown(value)}",
                did_you_mean(str(value), options),
            )
        return value

    def number(self, key: str) -> float | None:
        """A finite number under a key; None when it is null."""
        value = self.values.get(key)
        if value is None:
            return None
        wrong = isinstance(value, bool) or not isinstance(value, int | float)
        if wrong or not math.isfinite(value):
            raise self.error(
                key,
                f"must be a number or null, got {shown(value)}",
                "For example 0.5; null turns it off.",
            )
        return float(value)

    def whole(self, key: str, default: int, low: int) -> int:
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise self.error(
                key, f"must be a whole number from {low}, got {shown(value)}", "Such as 2."
            )
        return int(value)


def shown(value: Any) -> str:
    """A value as it is quoted in a message."""
    text = repr(plain(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
