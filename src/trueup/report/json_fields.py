"""Keys of a JSON contract, and values as JSON can hold them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

__all__ = ["Field", "plain"]

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Field:
    """One key: its JSON type, what it says, and how it is read off the report."""

    name: str
    type: str
    doc: str
    read: Callable[[Any], Any]


def plain(value: Any) -> Any:
    """The value in JSON's own types: NaN and infinities are None, halves of characters replaced."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value]
