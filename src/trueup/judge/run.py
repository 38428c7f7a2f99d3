"""Annotate a whole workspace or a stream of records, in pieces that can be interrupted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.judge.annotate import ANNOTATOR_VERSION, OUTPUTS, annotate, learn_templates
from trueup.judge.careful import SURE, careful_version, second_opinion
from trueup.schema import ANNOTATIONS

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from trueup.store import RecordBatch, Workspace

__all__ = [
    "AnnotationRun",
    "annotate_batches",
    "annotate_table",
    "annotate_workspace",
    "verdict_schema",
]

CHUNK_ROWS = 200_000  # rows annotated per transaction: what a kill can cost
REVIEW_ROWS = 2_000  # the same for rows read with care
STAGED = "staged"  # scratch table: records in input order, duplicates and all


@dataclass(frozen=True, slots=True)
class AnnotationRun:
    """annotated: rows done in this run; already: rows up to date; reviewed: rows read with care."""

    annotated: int
    already: int
    reviewed: int
    templates: tuple[str, ...]
    version: str


def annotate_workspace(
    ws: Workspace,
    *,
    careful: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> AnnotationRun:
    """Bring the `annotations` table up to date; done rows are passed over.

    The site's own block templates are learned from the log first. New templates make every
    annotation stale, since any response may carry one. With `careful`, the rows that the fast
    annotator is unsure of are then read again.
    """
    responses = _with_blocks(ws)
    templates = learn_templates(responses, blocked="blocked", prompt="prompt")
    version = _version(templates)
    if _stale(ws, version):
        ws.clear("annotations")
    already, total = ws.count("annotations"), ws.count("interactions")
    annotations = ws.table("annotations")
    pending = responses.anti_join(annotations, responses.id == annotations.interaction_id)
    for part in _chunks(pending, total - already):
        ws.insert_query("annotations", _annotation_rows(part, templates, version))
        if progress:
            progress(ws.count("annotations"), total)
    reviewed = _review(ws, version, progress) if careful else 0
    annotated = ws.count("annotations") - already
    return AnnotationRun(annotated, already, reviewed, templates, version)


def _stale(ws: Workspace, version: str) -> bool:
    """Whether some annotation was made by other weights or with other templates."""
    annotations = ws.table("annotations")
    stored = annotations.select("annotator_version").distinct().to_pyarrow()
    versions = set(stored.column("annotator_version").to_pylist())
    return any(found not in (version, careful_mark(version)) for found in versions)


def _chunks(pending: ir.Table, rows: int) -> Iterator[ir.Table]:
    """The table in parts of about CHUNK_ROWS, told apart by a hash of the id."""
    parts = max(1, -(-rows // CHUNK_ROWS))
    for part in range(parts):
        yield pending.filter((pending.id.hash() % parts + parts) % parts == part)


def _review(ws: Workspace, version: str, progress: Callable[[int, int], None] | None) -> int:
    """Read again, piece by piece, what the fast annotator is unsure of; each piece is kept."""
    import ibis
    import pyarrow as pa

    annotations = ws.table("annotations")
    surest = ibis.greatest(annotations.p_full, annotations.p_partial, annotations.p_refusal)
    doubtful = annotations.filter(
        (annotations.annotator_version == version) & (annotations.basis == "text") & (surest < SURE)
    )
    ids = doubtful.select("interaction_id").to_pyarrow()
    texts = ws.table("interactions").select("id", "prompt", "response")
    for start in range(0, ids.num_rows, REVIEW_ROWS):
        part = ibis.memtable(ids.slice(start, REVIEW_ROWS))
        rows = annotations.semi_join(part, "interaction_id")
        found = rows.inner_join(texts, rows.interaction_id == texts.id).to_pyarrow()
        engine = pa.table([found.column(n) for n in ANNOTATIONS.names], names=ANNOTATIONS.names)
        again = _second_opinion(found, engine)
        ws.upsert("annotations", again.cast(ANNOTATIONS.arrow()))
        if progress:
            progress(min(start + REVIEW_ROWS, ids.num_rows), ids.num_rows)
    return ids.num_rows


def _second_opinion(found: pa.Table, engine: pa.Table) -> pa.Table:
    """The engine's rows after review; `found` carries their prompt and response."""
    texts, prompts = found.column("response").to_pylist(), found.column("prompt").to_pylist()
    return second_opinion(texts, engine, prompts, SURE)


def careful_mark(version: str) -> str:
    """The version of a row that the careful reader has gone over."""
    return f"{version}+careful-{careful_version()}"


def annotate_batches(
    ws: Workspace, batches: Iterable[RecordBatch], *, careful: bool = False
) -> Iterator[pa.RecordBatch]:
    """Annotate records in input order, one output row per record, without keeping them.

    `ws` is a scratch workspace: the records are staged there first, because the site's templates
    are learned from all of them. Yields record batches of `verdict_schema`.
    """
    import ibis
    import pyarrow as pa

    start = 0
    for batch in batches:
        rows = _staged_rows(batch, start)
        if not start:
            schema = ibis.Schema.from_pyarrow(rows.schema)
            ws.con.create_table(STAGED, schema=schema)
        ws.con.insert(STAGED, ibis.memtable(rows))
        start += rows.num_rows
    if not start:
        return
    staged = ws.con.table(STAGED)
    templates = learn_templates(staged, blocked="blocked", prompt="prompt")
    annotated = annotate(
        staged, finish_reason="finish_reason", blocked="blocked", templates=templates
    )
    versioned = annotated.mutate(annotator_version=ibis.literal(_version(templates)))
    schema = verdict_schema()
    texts = ("prompt", "response") if careful else ()
    ordered = versioned.select("row", *schema.names, *texts).order_by("row").drop("row")
    for rows in ordered.to_pyarrow_batches():
        found = pa.Table.from_batches([rows])
        verdicts = found.select(schema.names)
        if careful:
            verdicts = _second_opinion(found, verdicts)
        yield from verdicts.cast(schema).to_batches()


def annotate_table(rows: pa.Table) -> pa.Table:
    """Annotate rows in memory: `prompt`, `response`, `finish_reason` (text) and `blocked` (bool).

    Returns one row of annotations each, in order; the site's templates are learned from these rows.
    """
    import ibis
    import numpy as np
    import pyarrow as pa

    con = ibis.duckdb.connect()
    numbered = rows.append_column("row", pa.array(np.arange(rows.num_rows)))
    staged = con.create_table(STAGED, ibis.memtable(numbered))
    templates = learn_templates(staged, blocked="blocked", prompt="prompt")
    annotated = annotate(
        staged, finish_reason="finish_reason", blocked="blocked", templates=templates
    )
    return con.to_pyarrow(annotated.order_by("row").select(*OUTPUTS))


def verdict_schema() -> pa.Schema:
    """The columns of `annotations`, with the record's own `id` in front."""
    import pyarrow as pa

    return pa.schema([pa.field("id", pa.string()), *list(ANNOTATIONS.arrow())[1:]])


def _staged_rows(batch: RecordBatch, start: int) -> pa.Table:
    """id, prompt, response, finish_reason and whether a layer blocked it, numbered from `start`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    table = batch.interactions.select(["id", "prompt", "response", "finish_reason"])
    blocked = np.zeros(table.num_rows, dtype=bool)
    is_block = pc.equal(batch.layer_events.column("action"), "block").to_numpy(zero_copy_only=False)
    blocked[batch.event_rows[is_block.astype(bool)]] = True
    rows = np.arange(start, start + table.num_rows, dtype=np.int64)
    return table.append_column("blocked", pa.array(blocked)).append_column("row", pa.array(rows))


def _with_blocks(ws: Workspace) -> ir.Table:
    """Every response with whether a layer blocked it."""
    events = ws.table("layer_events")
    blocks = (
        events.filter(events.action == "block").select(blocked_id=events.interaction_id).distinct()
    )
    interactions = ws.table("interactions").select("id", "prompt", "response", "finish_reason")
    joined = interactions.left_join(blocks, interactions.id == blocks.blocked_id)
    return joined.mutate(blocked=joined.blocked_id.notnull()).drop("blocked_id")


def _annotation_rows(part: ir.Table, templates: Sequence[str], version: str) -> ir.Table:
    import ibis

    annotated = annotate(
        part, finish_reason="finish_reason", blocked="blocked", templates=templates
    )
    return annotated.mutate(
        interaction_id=annotated.id, annotator_version=ibis.literal(version)
    ).select(*ANNOTATIONS.names)


def _version(templates: Sequence[str]) -> str:
    """The weights' version, and a mark of the site's templates when there are any."""
    if not templates:
        return ANNOTATOR_VERSION
    mark = hashlib.blake2b("\n".join(sorted(templates)).encode(), digest_size=4).hexdigest()
    return f"{ANNOTATOR_VERSION}+{mark}"
