"""A suite out of a user's file: its own rows, or those of a published test set."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean
from trueup.probe.suite import BadPrompt, Prompt
from trueup.schema import SUITE, TRIGGER_TYPES

if TYPE_CHECKING:
    from trueup.sources.tables import Row

__all__ = ["Found", "prompt_id", "read_prompts"]

Cells = Mapping[str, Any]

_EXCERPT = 200
_YES = frozenset(("true", "yes", "y", "t", "1", "1.0", "legitimate", "safe", "benign"))
_NO = frozenset(("false", "no", "n", "f", "0", "0.0", "harmful", "unsafe", "toxic"))
_BLANK = frozenset(("", "null", "none", "nan", "n/a", "na"))


class _RowError(ValueError):
    """A row cannot be used; the message is the sentence that is shown."""


@dataclass
class Found:
    """What reading a file has gathered; as in `trueup.probe.suite.Suite`."""

    prompts: list[Prompt] = field(default_factory=list)
    bad: list[BadPrompt] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unapproved: int = 0


def read_prompts(path: Path) -> Found:
    """Read a suite's file. Raises `UserError` when no column of it can hold the prompts."""
    found = Found()
    rows = list(_rows(path))
    columns = frozenset(name for row in rows for name in row.cells)
    shape = _shape_of(columns, rows, path)
    if shape.note:
        found.notes.append(shape.note)
    taken: dict[str, int] = {}
    for row in rows:
        if row.problem is not None:
            found.bad.append(_bad(path, row, row.problem))
            continue
        try:
            prompt, approved = _prompt(shape.convert(row.cells))
            _take(prompt.id, row, taken)
        except _RowError as error:
            found.bad.append(_bad(path, row, str(error)))
            continue
        if approved:
            found.prompts.append(prompt)
        else:
            found.unapproved += 1
    return found


def prompt_id(prompt: str) -> str:
    """The id of a prompt that has none: a hash of its text."""
    return hashlib.blake2b(prompt.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _rows(path: Path) -> Iterator[Row]:
    """The rows of any table file, with names of columns in lower case."""
    from trueup.sources.files import open_head, open_stream
    from trueup.sources.json_reading import json_records
    from trueup.sources.json_records import loads
    from trueup.sources.tables import Row, csv_rows, parquet_rows

    head = open_head(path)
    if head.container == "zip":
        raise UserError(f"{path} is a ZIP file.", "Unpack it, and name the file that was in it.")
    if head.container == "parquet":
        yield from (_lowered(row) for row, _ in parquet_rows(path))
        return
    stream = open_stream(path)
    try:
        if head.layout == "table":
            yield from map(_lowered, csv_rows(head, stream))
            return
        for number, raw, problem in json_records(head, stream):
            if problem is None:
                try:
                    value = loads(raw)
                except ValueError as error:
                    problem = str(error)
                else:
                    problem = None if type(value) is dict else "A row must be a JSON object."
            yield _lowered(Row(number, {} if problem else value, raw, problem))
    finally:
        stream.close()


def _lowered(row: Row) -> Row:
    cells = {str(name).strip().lower(): cell for name, cell in reversed(row.cells.items())}
    return row._replace(cells=cells)


# What the columns say


@dataclass(frozen=True)
class _Shape:
    """How a file's rows become those of `trueup.schema.SUITE`, and what to say of it."""

    convert: Callable[[Cells], Cells]
    note: str = ""


# XSTest's kinds of safe prompts, as far as they are ours (Röttger et al. 2023, Table 1).
_XSTEST_TYPES = {
    "homonyms": "homonym",
    "figurative_language": "figurative",
    "safe_targets": None,
    "safe_contexts": None,
    "definitions": "definition",
    "nons_group_real_discr": None,
    "real_group_nons_discr": None,
    "historical_events": "historical",
    "privacy_public": None,
    "privacy_fictional": "fictional",
}
_CONTRAST = "contrast_"


def _shape_of(columns: frozenset[str], rows: list[Row], path: Path) -> _Shape:
    if {"legitimate", "approved"} & columns:
        return _own_shape(columns, path)
    name = path.name.lower()
    if {"prompt", "type"} <= columns and _has_xstest_types(rows):
        return _Shape(_xstest, "Read as XSTest: types that begin with contrast_ are harmful.")
    if {"prompt", "word_list"} <= columns:
        return _Shape(_notinject, "Read as NotInject: every prompt is legitimate.")
    if {"prompt", "category", "subcategory"} <= columns:
        return _coconot_shape(name)
    if {"risk_area", "human_harmful"} & columns and {"question", "prompt"} & columns:
        return _Shape(_do_not_answer, "Read as Do-Not-Answer: every prompt is harmful.")
    if {"prompt", "category"} <= columns and re.search(r"or[-_ ]?bench", name):
        return _or_bench_shape(name)
    return _own_shape(columns, path)


def _own_shape(columns: frozenset[str], path: Path) -> _Shape:
    if columns and "prompt" not in columns:
        raise UserError(
            f"{path} has no column 'prompt'; it has {', '.join(sorted(columns))[:300]}.",
            did_you_mean("prompt", SUITE.names) if "prompts" in columns else "Rename the column.",
        )
    return _Shape(dict)


def _has_xstest_types(rows: list[Row]) -> bool:
    types = {str(row.cells.get("type")) for row in rows if row.problem is None}
    return any(kind.startswith(_CONTRAST) or kind in _XSTEST_TYPES for kind in types)


def _xstest(cells: Cells) -> Cells:
    kind = str(cells.get("type") or "")
    return {
        "id": cells.get("id") or cells.get("id_v2"),
        "prompt": cells.get("prompt"),
        "legitimate": not kind.startswith(_CONTRAST),
        "domain": kind.removeprefix(_CONTRAST),
        "trigger": cells.get("focus"),
        "trigger_type": _XSTEST_TYPES.get(kind.removeprefix(_CONTRAST)),
    }


def _notinject(cells: Cells) -> Cells:
    words = cells.get("word_list")
    if isinstance(words, str) and words.startswith("["):  # a list that went through a CSV file
        words = re.findall(r"[^\[\]'\",]+", words)
    if isinstance(words, list):
        words = ", ".join(str(word).strip() for word in words if str(word).strip())
    return {
        "id": cells.get("id"),
        "prompt": cells.get("prompt"),
        "legitimate": True,
        "domain": cells.get("category"),
        "trigger": words,
    }


def _coconot_shape(name: str) -> _Shape:
    if "contrast" in name or "pref" in name:
        return _Shape(_categorised(True), "Read as CoCoNot's contrast set: all is legitimate.")
    return _Shape(
        _coconot_original,
        "Read as CoCoNot: requests with safety concerns are harmful, of the rest nobody says; "
        "for the contrast set, put 'contrast' in the file's name.",
    )


def _coconot_original(cells: Cells) -> Cells:
    harmful = str(cells.get("category")).strip().lower() == "requests with safety concerns"
    return _categorised(False if harmful else None)(cells)


def _or_bench_shape(name: str) -> _Shape:
    """OR-Bench's sets have the same columns: only the file's name tells them apart."""
    if "toxic" in name:
        return _Shape(_categorised(False), "Read as OR-Bench's toxic set: all is harmful.")
    if "80k" in name or "hard" in name:
        return _Shape(_categorised(True), "Read as OR-Bench: all is legitimate.")
    return _Shape(
        _categorised(None),
        "Read as OR-Bench, but which set it is cannot be told: name it or-bench-80k, "
        "or-bench-hard-1k or or-bench-toxic.",
    )


def _categorised(legitimate: bool | None) -> Callable[[Cells], Cells]:
    def convert(cells: Cells) -> Cells:
        return {
            "id": cells.get("id"),
            "prompt": cells.get("prompt"),
            "legitimate": legitimate,
            "domain": cells.get("subcategory") or cells.get("category"),
        }

    return convert


def _do_not_answer(cells: Cells) -> Cells:
    return {
        "id": cells.get("id"),
        "prompt": cells.get("question") or cells.get("prompt"),
        "legitimate": False,
        "domain": cells.get("risk_area"),
    }


# One row


def _prompt(cells: Cells) -> tuple[Prompt, bool]:
    """The prompt of a row, and whether it is approved. Raises `_RowError`."""
    text = cells.get("prompt")
    if _is_blank(text):
        raise _RowError("The prompt is empty.")
    if not isinstance(text, str):
        raise _RowError(f"prompt must be text, got {_shown(text)}.")
    kind = _text(cells, "trigger_type")
    if kind is not None and kind not in TRIGGER_TYPES:
        raise _RowError(
            f"trigger_type must be one of ours, got {_shown(kind)}. "
            f"{did_you_mean(kind, TRIGGER_TYPES)}"
        )
    prompt = Prompt(
        id=_text(cells, "id") or prompt_id(text),
        prompt=text,
        legitimate=_flag(cells, "legitimate"),
        pair=_text(cells, "pair"),
        domain=_text(cells, "domain"),
        trigger=_text(cells, "trigger"),
        trigger_type=kind,
    )
    return prompt, _flag(cells, "approved") is not False


def _take(key: str, row: Row, taken: dict[str, int]) -> None:
    """Note an id. Raises `_RowError` when an earlier row has it."""
    if key in taken:
        if _is_blank(row.cells.get("id")):
            raise _RowError(f"The same prompt stands in line {taken[key]} already.")
        raise _RowError(f"The id {_shown(key)} is taken by line {taken[key]}.")
    taken[key] = row.number


def _is_blank(value: Any) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and not value.strip()


def _flag(cells: Cells, name: str) -> bool | None:
    value = cells.get(name)
    if _is_blank(value) or isinstance(value, bool):
        return value if isinstance(value, bool) else None
    word = str(value).strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    if word in _BLANK:
        return None
    raise _RowError(f"{name} must be true, false or empty, got {_shown(value)}.")


def _text(cells: Cells, name: str) -> str | None:
    value = cells.get(name)
    if _is_blank(value):
        return None
    if isinstance(value, (dict, list, bool)):
        raise _RowError(f"{name} must be text, got {_shown(value)}.")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # pandas writes whole numbers as 12.0 when one is missing
    return str(value).strip()


def _shown(value: Any) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _bad(path: Path, row: Row, reason: str) -> BadPrompt:
    raw = row.raw
    if isinstance(raw, bytes):
        text = raw[: 4 * _EXCERPT].decode("utf-8", "replace")
    else:
        text = raw if isinstance(raw, str) else json.dumps(raw, default=str, ensure_ascii=False)
    return BadPrompt(path.name, row.number, reason, text[:_EXCERPT])
