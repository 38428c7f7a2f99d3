"""Human labels: bring them into a workspace, hand them out, settle several raters by majority."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean
from trueup.judge.label_files import BadLabel
from trueup.judge.label_reading import LabelRead, read_labels, time_key
from trueup.schema import ANSWERS, LABELS

if TYPE_CHECKING:
    import pyarrow as pa

    from trueup.store import Workspace

__all__ = [
    "BadLabel",
    "LabelImport",
    "LabelRead",
    "export_labels",
    "import_labels",
    "majority",
    "majority_of",
    "read_labels",
]

UNDECIDED = {"legitimate": "unsure", "compliance": "undetermined"}


@dataclass(frozen=True, slots=True)
class LabelImport:
    """What became of imported labels, in answers; `older` lost against a later stored answer."""

    records: int
    added: int
    updated: int
    unchanged: int
    older: int
    blank: int
    bad: tuple[BadLabel, ...]


def import_labels(
    ws: Workspace,
    paths: Iterable[str | Path],
    *,
    rater: str | None = None,
    source: str | None = None,
    guideline: str | None = None,
    mapping: Mapping[str, str] | None = None,
) -> LabelImport:
    """Read label files into the workspace; arguments as in `read_labels`.

    Importing a file again changes nothing. An answer that the workspace already holds from the
    same rater is replaced unless the stored one is later. Bad records go to the quarantine table.
    Answers to an exported queue get the probability of as much of the queue as came back.
    """
    from trueup.judge.queue import advance, has_design
    from trueup.store import quarantine

    read = read_labels(
        paths,
        rater=rater,
        source=source,
        guideline=guideline,
        mapping=mapping,
        workspace=ws,
        scale_drawn=not has_design(ws),
    )
    stored = _stored(ws, read.labels)
    added, updated, unchanged, older = [], [], 0, 0
    for row in read.labels.to_pylist():
        before = stored.get(row["id"])
        if before is None:
            added.append(row)
        elif time_key(before["at"]) > time_key(row["at"]):
            older += 1
        elif _same(before, row):
            unchanged += 1
        else:
            updated.append({**row, "probability": row["probability"] or before["probability"]})
    with ws.transaction():
        if added:
            ws.append(LABELS.name, LABELS.from_rows(added))
    if updated:
        ws.upsert(LABELS.name, LABELS.from_rows(updated))
    quarantine(ws, read.bad)
    if read.drawn and (added or updated):
        advance(ws, read.drawn)
    return LabelImport(
        read.records, len(added), len(updated), unchanged, older, read.blank, read.bad
    )


def export_labels(ws: Workspace, *, question: str | None = None) -> pa.Table:
    """The stored labels in long form, sorted: what `import_labels` reads back unchanged.

    Columns: those of `trueup.schema.LABELS` without `id`, which follows from the others.
    """
    if question is not None and question not in ANSWERS:
        raise UserError(
            f"question must be one of {', '.join(ANSWERS)}, got {question!r}.",
            did_you_mean(question, ANSWERS),
        )
    labels = ws.table(LABELS.name)
    if question:
        labels = labels.filter(labels.question == question)
    rows = labels.to_pyarrow().drop_columns(["id"])
    order = [(name, "ascending") for name in ("target_id", "question", "source", "rater")]
    return rows.sort_by(order)


def majority(labels: pa.Table) -> pa.Table:
    """What most human raters say, one row per target and question.

    Columns: target_id, question, value, raters (how many answered), agreed (how many of them gave
    `value`), probability (largest recorded). A tie is `unsure` or `undetermined`.
    """
    import pyarrow as pa

    votes: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in labels.to_pylist():
        if row["source"] == "human":
            votes[row["target_id"], row["question"]].append(row)
    out: dict[str, list[Any]] = {
        name: [] for name in ("target_id", "question", "value", "raters", "agreed", "probability")
    }
    for (target, question), rows in sorted(votes.items()):
        value = majority_of(question, [row["value"] for row in rows])
        agreed = sum(row["value"] == value for row in rows)
        known = [row["probability"] for row in rows if row["probability"] is not None]
        cells = (target, question, value, len(rows), agreed, max(known, default=None))
        for name, cell in zip(out, cells, strict=True):
            out[name].append(cell)
    types = (pa.string(),) * 3 + (pa.int64(),) * 2 + (pa.float64(),)
    return pa.table(out, schema=pa.schema(list(zip(out, types, strict=True))))


def majority_of(question: str, values: Sequence[str]) -> str:
    """The answer given most often; a tie is `unsure` or `undetermined`."""
    counts = Counter(values).most_common(2)
    tied = len(counts) > 1 and counts[0][1] == counts[1][1]
    return UNDECIDED[question] if tied else counts[0][0]


def _stored(ws: Workspace, labels: pa.Table) -> dict[str, dict[str, Any]]:
    import ibis

    if not labels.num_rows:
        return {}
    batch = ibis.memtable(labels.select(["id"]))
    rows = ws.table(LABELS.name).semi_join(batch, "id").to_pyarrow().to_pylist()
    return {row["id"]: row for row in rows}


def _same(before: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a stored label says all that an imported one does.

    A probability may have been brought up to date since, so that only a missing one is news.
    """
    if before["probability"] is None and row["probability"] is not None:
        return False
    names = ("value", "guideline_version", "at")
    return all(row[name] is None or before[name] == row[name] for name in names)
