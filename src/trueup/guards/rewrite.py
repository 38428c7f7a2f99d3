"""Write new thresholds into the text of a stack, and leave every other character as it is."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trueup.errors import UserError, did_you_mean
from trueup.guards.model import Bands
from trueup.guards.reading import layer_sections
from trueup.guards.rules import read_rules
from trueup.guards.yaml_text import load

__all__ = ["Change", "with_thresholds"]

_WHERE = "the stack"
_PLAIN = re.compile(r"[A-Za-z_]\w*(=[A-Za-z_]\w*)?", re.ASCII)
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


@dataclass(frozen=True, slots=True)
class Change:
    """A new block threshold for a layer.

    segment: "column=value", or None for all. category: or None for all. threshold: a finite number,
    or None for off.
    """

    layer: str
    segment: str | None
    category: str | None
    threshold: float | None


def with_thresholds(text: str, changes: Sequence[Change]) -> str:
    """The text of a stack.yaml with new block thresholds.

    Comments, order and layout stay. A place that states no threshold of its own yet gets one, and
    keeps the other bands that were in force there. A change is more specific than one without its
    segment or category and less specific than what the file already states below it.

    Raises
    ------
    UserError
        A change names a layer that the stack does not have, or the text is not a stack.
    """
    for change in changes:
        if change.threshold is not None and not math.isfinite(change.threshold):
            raise ValueError(f"threshold must be finite or None, got {change.threshold}")
        text = _changed(text, change)
    return text


def _changed(text: str, change: Change) -> str:
    from ruamel.yaml import YAML

    layers = {str(s.values["name"]).strip(): s for s in layer_sections(load(text, _WHERE))}
    if change.layer not in layers:
        raise UserError(
            f"The stack has no layer {change.layer!r}.", did_you_mean(change.layer, layers)
        )
    column, _, value = (change.segment or "").partition("=")
    now = read_rules(layers[change.layer]).bands_for(change.category, {column: value})
    place = list(layers).index(change.layer)
    node = _value(YAML(typ="rt").compose(text), "layers").value[place]
    path = ["segments", change.segment] if change.segment else []
    path += ["categories", change.category] if change.category else []
    while path and (inner := _value(node, path[0])) is not None and inner.id == "mapping":
        node = inner
        path.pop(0)
    if not path:
        return _set_here(text, node, now, change.threshold)
    entry: Any = _entry(now, change.threshold)
    for name in reversed(path[1:]):
        entry = {name: entry}
    return _put(text, node, path[0], entry)


def _entry(now: Bands, threshold: float | None) -> dict[str, Any]:
    """What states these bands with another block threshold."""
    others = {
        name: limit
        for name in ("warn", "rewrite", "escalate")
        if (limit := getattr(now, name)) is not None
    }
    return {"bands": {**others, "block": threshold}} if others else {"threshold": threshold}


def _set_here(text: str, node: Any, now: Bands, threshold: float | None) -> str:
    """Set the threshold in the mapping to which it belongs."""
    bands = _value(node, "bands")
    if bands is not None and bands.id == "mapping":
        return _put(text, bands, "block", threshold)
    if bands is not None or _value(node, "threshold") is not None:
        key = "threshold" if bands is None else "bands"
        return _put(text, node, key, threshold if bands is None else {"block": threshold})
    for key, entry in _entry(now, threshold).items():
        text = _put(text, node, key, entry)
    return text


def _entry_of(node: Any, key: str) -> tuple[Any, Any] | None:
    """The nodes of a key and of its value in a mapping node; None when the key is not there."""
    return next(((name, value) for name, value in node.value if name.value == key), None)


def _value(node: Any, key: str) -> Any:
    found = _entry_of(node, key)
    return found and found[1]


def _put(text: str, node: Any, key: str, value: Any) -> str:
    """Replace the scalar under a key, or add the key at the end of the mapping."""
    found = _entry_of(node, key)
    if found is not None:
        start, end = found[1].start_mark.index, found[1].end_mark.index
        if start == end:  # left blank: the mark lies on whatever comes next
            end = _after_colon(text, found[0])
            colon = "" if text[end - 1] == ":" else ":"
            return f"{text[:end]}{colon} {_flow(value)}{text[end:]}"
        if _same(text[start:end], value):
            return text
        return f"{text[:start]}{_flow(value)}{text[end:]}"
    if node.flow_style:
        end = _end(text, node.value[-1]) if node.value else node.start_mark.index + 1
        comma = ", " if node.value else ""
        return f"{text[:end]}{comma}{_key(key)}: {_flow(value)}{text[end:]}"
    return _add_line(text, node, key, value)


def _add_line(text: str, node: Any, key: str, value: Any) -> str:
    """Add an entry under the last one of a block mapping."""
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = node.value[0][0].start_mark.column
    lines = _block(key, value, indent)
    end = _end(text, node.value[-1])
    if text[end - 1] == "\n":  # behind a block of text
        return text[:end] + "".join(f"{line}{newline}" for line in lines) + text[end:]
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop - (text[stop - 1] == "\r")
    return text[:stop] + "".join(f"{newline}{line}" for line in lines) + text[stop:]


def _end(text: str, entry: tuple[Any, Any]) -> int:
    """Where the text of an entry ends; the end of a block is the end of its last entry."""
    key, value = entry
    if value.start_mark.index == value.end_mark.index:
        return _after_colon(text, key)
    if value.id == "scalar" or value.flow_style:
        return int(value.end_mark.index)
    last = value.value[-1]
    return _end(text, last if value.id == "mapping" else (key, last))


def _after_colon(text: str, key: Any) -> int:
    """The end of a key that has no value, and of its colon; inside braces it may have none."""
    end = int(key.end_mark.index)
    colon = re.compile(r"\s*:").match(text, end)
    return colon.end() if colon else end


def _same(written: str, value: Any) -> bool:
    try:
        return isinstance(value, float | int) and float(written) == value
    except ValueError:
        return False


def _block(key: str, value: Any, indent: int) -> list[str]:
    """Lines of an entry: what nests goes on lines of its own, thresholds stay on one."""
    head = f"{' ' * indent}{_key(key)}:"
    if isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values()):
        return [
            head,
            *(line for name, inner in value.items() for line in _block(name, inner, indent + 2)),
        ]
    return [f"{head} {_flow(value)}"]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(name)}: {_flow(item)}" for name, item in value.items())
        return f"{{{inner}}}"
    if value is None:
        return "null"
    number = repr(float(value))
    return number.replace("e", ".0e") if "e" in number and "." not in number else number


def _key(name: str) -> str:
    """The key as YAML text: quoted where it would not be read as itself."""
    if _PLAIN.fullmatch(name) and name.lower() not in _WORDS:
        return name
    return '"' + "".join(_quoted(letter) for letter in name) + '"'


def _quoted(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
