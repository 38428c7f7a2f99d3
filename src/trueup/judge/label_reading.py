"""Read labels from any tool's file: which columns there are, what each record answers.

A file may be long (target_id, question, value: one answer per record) or wide (id, legitimate,
compliance: one interaction per record). Blank answers are passed over and counted; what cannot be
understood is set aside with file, line and reason; the rest is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean
from trueup.judge.label_files import BadLabel, Record, read_records
from trueup.judge.label_values import (
    LabelError,
    answer_of,
    is_blank,
    label_id,
    probability_of,
    question_of,
    text_of,
    time_of,
)
from trueup.schema import ANSWERS, LABELS

if TYPE_CHECKING:
    import pyarrow as pa

    from trueup.store import Workspace

__all__ = ["LabelRead", "read_labels", "time_key"]

SOURCES = LABELS.column("source").choices

# Canonical name -> the column names that are taken for it, first match first.
_ALIASES: dict[str, tuple[str, ...]] = {
    "target_id": ("target_id", "interaction_id", "id"),
    "question": ("question",),
    "value": ("value", "answer", "label"),
    "legitimate": ("legitimate", "is_legitimate", "label.legitimate"),
    "compliance": ("compliance", "label.compliance", "final_label", "response_label", "label"),
    "refused": ("refused", "is_refusal", "is_refused"),
    "source": ("source",),
    "rater": ("rater", "annotator", "labeler", "labeller"),
    "guideline_version": ("guideline_version", "guideline"),
    "at": ("at", "labeled_at", "labelled_at", "timestamp"),
    "probability": ("probability", "sampling_probability", "inclusion_probability"),
    "draw_size": ("draw_size",),
}


@dataclass(frozen=True, slots=True)
class LabelRead:
    """What label files hold.

    labels: Arrow table of `trueup.schema.LABELS`, one row per target, question, source and rater.
    bad: records set aside. records: records read. blank: answers left empty.
    drawn: targets answered in an exported queue.
    """

    labels: pa.Table
    bad: tuple[BadLabel, ...]
    records: int
    blank: int
    drawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    record: Record
    target: str
    question: str
    value: str
    source: str
    rater: str | None
    guideline: str | None
    at: datetime | None
    probability: float | None
    draw_size: float | None


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What holds for a record that does not say otherwise."""

    source: str | None
    rater: str | None
    guideline: str | None
    mapping: Mapping[str, str]


@dataclass
class _Found:
    """What reading has gathered so far."""

    answers: list[_Answer]
    bad: list[BadLabel]
    records: int = 0
    blank: int = 0


def read_labels(
    paths: Iterable[str | Path],
    *,
    rater: str | None = None,
    source: str | None = None,
    guideline: str | None = None,
    mapping: Mapping[str, str] | None = None,
    workspace: Workspace | None = None,
    scale_drawn: bool = True,
) -> LabelRead:
    """Read label files.

    Parameters
    ----------
    paths
        JSONL, JSON, CSV or TSV files, also gzip or zstd.
    rater, source, guideline
        Used for records that do not name their own; `source` is human when None.
    mapping
        Column of the file by canonical name: target_id, question, value, legitimate, compliance,
        refused, source, rater, guideline_version, at, probability. An empty column name means
        that the file has none.
    workspace
        When given, a record whose target it does not hold is set aside.
    scale_drawn
        Multiply the probabilities of an exported queue (column `draw_size`) by the share of the
        queue that was answered: what is inside a queue stands in random order, so an unfinished
        one is a smaller draw.

    Raises
    ------
    UserError
        A file cannot be read, or none of its columns can hold an id or an answer.

    Notes
    -----
    Of several answers by one rater to one question about one target, the latest `at` counts; an
    unknown time is earlier than any known one, and of equals the last read counts.
    """
    defaults = _Defaults(_checked_source(source), rater, guideline, _checked_mapping(mapping))
    found = _Found([], [])
    for path in paths:
        _read_file(path, defaults, found)
    answers, unknown = _with_known_targets(found.answers, workspace)
    if scale_drawn:
        answers = _scaled(answers)
    drawn = dict.fromkeys(answer.target for answer in answers if answer.draw_size)
    bad = (*found.bad, *unknown)
    return LabelRead(_latest(answers), bad, found.records, found.blank, tuple(drawn))


def _checked_source(source: str | None) -> str | None:
    if source is not None and source not in SOURCES:
        raise UserError(
            f"source must be one of {', '.join(SOURCES)}, got {source!r}.",
            did_you_mean(source, SOURCES),
        )
    return source


def _checked_mapping(mapping: Mapping[str, str] | None) -> Mapping[str, str]:
    for name in mapping or ():
        if name not in _ALIASES:
            raise UserError(f"--map has no column {name!r}.", did_you_mean(name, _ALIASES))
    return mapping or {}


def _columns(cells: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, str]:
    """The file's own column for each canonical name that it has."""
    by_name = {str(key).strip().lower().replace(" ", "_"): key for key in reversed(list(cells))}
    found = {}
    for name, aliases in _ALIASES.items():
        if name in mapping:
            if mapping[name] in cells:
                found[name] = mapping[name]
            continue
        match = next((by_name[alias] for alias in aliases if alias in by_name), None)
        if match is not None and match not in mapping.values():
            found[name] = match
    return found


def _read_file(path: str | Path, defaults: _Defaults, found: _Found) -> None:
    """Add a file's answers. Raises `UserError` when no record has the columns it takes."""
    unusable: Record | None = None
    usable = False
    known: dict[tuple[str, ...], dict[str, str]] = {}  # most records have the same columns
    for record in read_records(path):
        found.records += 1
        if isinstance(record, BadLabel):
            found.bad.append(record)
            continue
        keys = tuple(record.cells)
        if keys not in known:
            known[keys] = _columns(record.cells, defaults.mapping)
        columns = known[keys]
        if _missing(columns):
            unusable = unusable or record
        usable = usable or not _missing(columns)
        _read_record(record, columns, defaults, found)
    if unusable and not usable:
        missing, fix = _missing(_columns(unusable.cells, defaults.mapping)) or ("", "")
        names = ", ".join(list(map(str, unusable.cells))[:12])
        raise UserError(f"{path} has no column with {missing}; it has {names}.", fix)


def _missing(columns: Mapping[str, str]) -> tuple[str, str] | None:
    """What a record of such columns cannot say, and how to name the column that does."""
    if "target_id" not in columns:
        return "the interaction's id", "Name it: --map target_id=COLUMN."
    if not {"value", "legitimate", "compliance", "refused"} & set(columns):
        return "answers", "Name it: --map legitimate=COLUMN,compliance=COLUMN."
    return None


def _read_record(
    record: Record, columns: Mapping[str, str], defaults: _Defaults, found: _Found
) -> None:
    try:
        answers, blank, wrong = _answers(record, columns, defaults)
    except LabelError as error:
        found.bad.append(record.bad(str(error)))
        return
    found.answers += answers
    found.blank += blank
    found.bad += [record.bad(reason) for reason in wrong]


def _answers(
    record: Record, columns: Mapping[str, str], defaults: _Defaults
) -> tuple[list[_Answer], int, list[str]]:
    """The answers of one record, how many it leaves blank, and what is wrong with the others.

    Raises `LabelError` when the record as a whole cannot be used.
    """
    cells = record.cells
    target = text_of(cells.get(columns.get("target_id", "")))
    if target is None:
        raise LabelError("The record has no id of an interaction.")
    asked = _given(cells, columns)
    given = [item for item in asked if not is_blank(item[1])]
    blank = len(asked) - len(given)
    if not given:
        return [], blank, []
    cell = {name: cells.get(columns[name]) for name in columns}
    source = _source_of(cell.get("source"), defaults.source)
    draw_size = None if is_blank(cell.get("draw_size")) else _size(cell["draw_size"])
    shared = (
        source,
        text_of(cell.get("rater")) or defaults.rater,
        text_of(cell.get("guideline_version")) or defaults.guideline,
        time_of(cell.get("at")),
        probability_of(cell.get("probability")),
        draw_size,
    )
    found, wrong = [], []
    for question, value, flag in given:
        try:
            answer = answer_of(question, value, flag=flag)
        except LabelError as error:
            wrong.append(str(error))
            continue
        found.append(_Answer(record, target, question, answer, *shared))
    return found, blank, wrong


def _given(
    cells: Mapping[str, Any], columns: Mapping[str, str]
) -> list[tuple[str, Any, str | None]]:
    """Question, cell, and what a bare yes in that cell asserts."""
    wide = [name for name in ("legitimate", "compliance", "refused") if name in columns]
    if "question" in columns and "value" in columns:
        question = question_of(cells[columns["question"]])
        if question:
            return [(question, cells[columns["value"]], question)]
        if not wide or columns["value"] in (columns.get("compliance"),):
            raise LabelError(
                f"question must be one of {', '.join(ANSWERS)}, "
                f"got {str(cells[columns['question']])[:60]!r}."
            )
    if not wide:
        raise LabelError("The record has no answer: neither value, legitimate nor compliance.")
    found: list[tuple[str, Any, str | None]] = []
    if "legitimate" in columns:
        found.append(("legitimate", cells[columns["legitimate"]], None))
    if "compliance" in columns:
        column = columns["compliance"]
        named = "label" not in column.lower() or column.lower() == "label.compliance"
        found.append(("compliance", cells[column], "compliance" if named else None))
    elif "refused" in columns:
        found.append(("compliance", cells[columns["refused"]], "refused"))
    return found


def _source_of(cell: Any, default: str | None) -> str:
    text = "" if is_blank(cell) else str(cell).strip().lower()
    if text in SOURCES:
        return text
    if text and default is None:
        raise LabelError(
            f"source must be one of {', '.join(SOURCES)}, got {text[:60]!r}; "
            "say who answered with --source, or --map source= when the column means something else."
        )
    return default or "human"


def _size(cell: Any) -> float:
    try:
        size = float(cell)
    except (TypeError, ValueError):
        size = 0.0
    if not size >= 1.0:
        raise LabelError(f"draw_size must be a number of at least 1, got {str(cell)[:60]!r}.")
    return size


def _with_known_targets(
    answers: list[_Answer], ws: Workspace | None
) -> tuple[list[_Answer], list[BadLabel]]:
    """Answers about interactions that the workspace holds, and the others as bad records."""
    if ws is None or not answers:
        return answers, []
    known = _known(ws, {form for answer in answers for form in _id_forms(answer.target)})
    kept: list[_Answer] = []
    bad: dict[tuple[str, int], BadLabel] = {}
    for answer in answers:
        target = next((form for form in _id_forms(answer.target) if form in known), None)
        if target is not None:
            kept.append(replace(answer, target=target))
            continue
        reason = f"No interaction in the workspace has the id {answer.target[:80]!r}."
        bad[answer.record.file, answer.record.line] = answer.record.bad(reason)
    return kept, list(bad.values())


def _id_forms(written: str) -> tuple[str, ...]:
    """What an id may have been in the log: as written, with its own apostrophe, without spaces."""
    return written, f"'{written}", written.strip()


def _known(ws: Workspace, ids: Iterable[str]) -> set[str]:
    import ibis
    import pyarrow as pa

    batch = ibis.memtable(pa.table({"id": pa.array(sorted(ids), pa.string())}))
    found = ws.table("interactions").select("id").semi_join(batch, "id").to_pyarrow()
    return set(found.column("id").to_pylist())


def _scaled(answers: list[_Answer]) -> list[_Answer]:
    """Probabilities of an exported queue, times the share of the queue that was answered."""
    answered: dict[tuple[str, str], set[str]] = defaultdict(set)
    for answer in answers:
        if answer.draw_size:
            answered[answer.record.file, answer.question].add(answer.target)
    out = []
    for answer in answers:
        if answer.draw_size and answer.probability:
            count = len(answered[answer.record.file, answer.question])
            share = min(1.0, count / answer.draw_size)
            answer = replace(answer, probability=answer.probability * share)
        out.append(answer)
    return out


def _latest(answers: Sequence[_Answer]) -> pa.Table:
    rows: dict[str, dict[str, Any]] = {}
    for answer in answers:
        key = label_id(answer.target, answer.question, answer.source, answer.rater)
        if key in rows and time_key(rows[key]["at"]) > time_key(answer.at):
            continue
        rows[key] = {
            "id": key,
            "target_id": answer.target,
            "question": answer.question,
            "value": answer.value,
            "source": answer.source,
            "rater": answer.rater,
            "guideline_version": answer.guideline,
            "at": answer.at,
            "probability": answer.probability,
        }
    return LABELS.from_rows(rows.values())


def time_key(at: datetime | None) -> float:
    return at.timestamp() if at else float("-inf")
