"""Column mappings: which column of a table file is which column of the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from trueup.errors import UserError, did_you_mean
from trueup.schema import ANSWERS, OUTCOME_KINDS
from trueup.sources.values import KIND_WORDS, words

__all__ = ["ColumnMap", "LayerColumns", "parse_mapping"]

_INTERACTION = words(
    "id at conversation_id user messages prompt response finish_reason model prompt_version "
    "policy_version sampling arm propensity latency_ms"
)
_ALIASES = {"user_id": "user", "created_at": "at", "timestamp": "at"}
_GROUPS = ("segment.", "layer.", "outcome.", "label.")
_LAYER_PARTS = ("score", "threshold", "latency_ms", "action", "category", "stage")


@dataclass(frozen=True)
class LayerColumns:
    """Columns that describe one guard.

    flag: column with its verdict. equals: with it, the guard fired where the flag has this text.
    """

    flag: str | None = None
    equals: str | None = None
    score: str | None = None
    threshold: str | None = None
    latency_ms: str | None = None
    action: str | None = None
    category: str | None = None
    stage: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        parts = (self.flag, self.score, self.threshold, self.latency_ms, self.action)
        return tuple(name for name in (*parts, self.category, self.stage) if name)


@dataclass(frozen=True)
class ColumnMap:
    """A parsed mapping; values are columns of the file.

    fields: by column of `interactions` (`user` for `user_id`); "" means: leave it empty.
    """

    fields: dict[str, str] = field(default_factory=dict)
    segments: dict[str, str] = field(default_factory=dict)
    layers: dict[str, LayerColumns] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the file that is named."""
        plain = (self.fields, self.segments, self.outcomes, self.labels)
        names = [name for group in plain for name in group.values() if name]
        names += [name for layer in self.layers.values() for name in layer.columns]
        return tuple(dict.fromkeys(names))


def parse_mapping(text: str) -> ColumnMap:
    """Parse `prompt=question,response=completion,segment.type=type,layer.topic=topic_flag`.

    On the left a column of `interactions`, `segment.NAME`, `layer.NAME` (the verdict; also
    `.score`, `.threshold`, `.latency_ms`, `.action`, `.category`, `.stage`), `outcome.KIND` or
    `label.QUESTION`; on the right a column of the file. `layer.NAME=column==text` means that the
    guard fired where the column holds that text; `id=` that the column is not to be used.

    Raises
    ------
    UserError
        For an entry without `=`, an unknown name on the left, or one given twice.
    """
    result = ColumnMap()
    layers: dict[str, dict[str, str]] = {}
    for entry in _entries(text):
        left, sign, right = (part.strip() for part in entry.partition("="))
        if not sign or not left:
            raise UserError(
                f"--map must hold NAME=COLUMN pairs, got '{entry.strip()}'.",
                "Write, for example, --map prompt=question,response=completion.",
            )
        _place(result, layers, left, right)
    for name, parts in layers.items():
        if not parts.keys() & {"flag", "score", "action"}:
            raise UserError(
                f"--map names layer.{name}.{next(iter(parts))} but not what the guard decided.",
                f"Add layer.{name}=COLUMN or layer.{name}.score=COLUMN.",
            )
        result.layers[name] = LayerColumns(**parts)
    return result


def _entries(text: str) -> Iterable[str]:
    import csv

    return [entry for entry in next(csv.reader([text]), []) if entry.strip()]


def _place(result: ColumnMap, layers: dict[str, dict[str, str]], left: str, right: str) -> None:
    group, _, name = left.partition(".")
    if not name:
        column = _ALIASES.get(left, left)
        if column not in _INTERACTION:
            known = [*_INTERACTION, *_ALIASES, *(f"{prefix}NAME" for prefix in _GROUPS)]
            raise UserError(f"--map has the unknown name '{left}'.", did_you_mean(left, known))
        _put(result.fields, column, right, left)
        return
    if not right:
        raise UserError(f"--map names no column for '{left}'.", f"Write {left}=COLUMN.")
    if group == "segment":
        _put(result.segments, name, right, left)
    elif group == "layer":
        _put_layer(layers, name, right, left)
    elif group == "outcome":
        if name not in KIND_WORDS:
            raise UserError(
                f"--map has the unknown outcome '{name}'.", did_you_mean(name, OUTCOME_KINDS)
            )
        _put(result.outcomes, name, right, left)
    elif group == "label":
        if name not in ANSWERS:
            raise UserError(f"--map has the unknown label '{name}'.", did_you_mean(name, ANSWERS))
        _put(result.labels, name, right, left)
    else:
        groups = [prefix[:-1] for prefix in _GROUPS]
        raise UserError(f"--map has the unknown name '{left}'.", did_you_mean(group, groups))


def _put_layer(layers: dict[str, dict[str, str]], name: str, right: str, left: str) -> None:
    part = "flag"
    base, _, last = name.rpartition(".")
    if base and last in _LAYER_PARTS:
        name, part = base, last
    if part == "flag" and "==" in right:
        right, _, equals = (text.strip() for text in right.partition("=="))
        _put(layers.setdefault(name, {}), "equals", equals, left)
    _put(layers.setdefault(name, {}), part, right, left)


def _put(group: dict[str, str], name: str, column: str, left: str) -> None:
    if name in group:
        raise UserError(f"--map names '{left}' twice.", "Keep one of them.")
    group[name] = column
