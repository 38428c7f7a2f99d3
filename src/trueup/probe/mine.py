"""A suite out of a log: what was wrongly refused there, a few of each kind, and each once.

Harmful twins cannot be mined. Beside the wrongful refusals stand, for balance, requests that people
have labelled harmful and that were refused rightly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trueup.errors import UserError
from trueup.probe.alike import Distinct
from trueup.probe.suite_files import prompt_id
from trueup.store import answers

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Answers, Workspace

__all__ = ["ASSUMED", "Mined", "mine"]

ASSUMED = "assumed"
_BY = ("human", "judge", ASSUMED)  # who says that a request was legitimate, the surest first
_MOST_VALUES = 30  # a segment column with more is an identifier
_BATCH = 1_000
_REFUSED = ("refusal", "partial")
MODEL, PROVIDER = "model", "provider filter"  # who refused, when no layer did


@dataclass(frozen=True)
class Mined:
    """Lines of a suite, none of them approved, and how they were come by.

    Attributes
    ----------
    rows
        Columns of `trueup.schema.SUITE`, and `interaction_id`, `layer`, `segment` and
        `legitimate_by` (human, judge or assumed) for where each comes from. Never a user's id.
    refused
        Refusals that the legitimate rows were drawn from.
    later_turns
        Refusals left out, because they answered a later turn of a conversation: on its own such a
        prompt is another question.
    alike
        Prompts passed over because one nearly the same was taken already.
    """

    rows: tuple[dict[str, Any], ...]
    refused: int
    later_turns: int
    alike: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    id: str
    legitimate: bool
    by: str
    layer: str
    segments: tuple[tuple[str, str], ...]


def mine(ws: Workspace, *, n: int = 100, seed: int = 1) -> Mined:
    """Draw a suite from the refusals of a workspace.

    Parameters
    ----------
    n
        At most so many prompts, at least 1. Up to half are harmful, if as many were labelled.
    seed
        Of the draw.

    Refused is what a person labelled a refusal, whole or in part; without a label, what a layer
    blocked or the annotator says was refused. Legitimate is what a person labelled so; without a
    label, what judges say; else it is assumed, and the row says so. Policy mismatches are left out.
    Each combination of segments and of the layer that refused gets its turn, and within it what
    people have labelled comes first.

    Raises
    ------
    UserError
        There is no refusal to draw from.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    _must_be_judged(ws)
    found, later = _candidates(ws)
    legitimate = [row for row in found if row.legitimate]
    if not legitimate:
        raise UserError(
            "No legitimate request was refused here"
            + (f", but for {later:,} in later turns of a conversation." if later else "."),
            "A suite can be mined from a log with wrongful refusals only.",
        )
    rng = np.random.default_rng(seed)
    picker = _Picker(ws)
    rows = picker.pick(_in_turns(legitimate, rng), n)
    harmful = [row for row in found if not row.legitimate]
    twins = picker.pick(_in_turns(harmful, rng), min(n // 2, len(rows)))
    chosen = (*rows[: n - len(twins)], *twins)
    return Mined(chosen, len(legitimate), later, picker.alike)


def _must_be_judged(ws: Workspace) -> None:
    if not ws.count("interactions"):
        raise UserError("The workspace holds no interactions.", "Run: trueup import LOGFILE.")
    if not ws.count("annotations"):
        raise UserError("The responses have not been judged yet.", "Run: trueup judge, then retry.")


def _candidates(ws: Workspace) -> tuple[list[_Candidate], int]:
    """Refused requests that began a conversation, by id; and how many came later in one."""
    given = answers(ws)
    judged = _judged_legitimate(ws)
    columns = _segment_columns(ws)
    out: list[_Candidate] = []
    later = 0
    for row in _maybe_refused(ws).order_by("id").to_pyarrow().to_pylist():
        known = _known(row["id"], given, judged)
        if known is None or not _refused(row, given):
            continue
        if row["later"]:
            later += known[0]
            continue
        segments = dict(row["segments"] or ())
        kept = tuple((name, segments[name]) for name in columns if segments.get(name))
        layer = row["layer"] or (PROVIDER if row["basis"] == "block" else MODEL)
        out.append(_Candidate(row["id"], *known, layer, kept))
    return out, later


def _maybe_refused(ws: Workspace) -> ir.Table:
    """What was blocked, read as refused, or labelled: id, layer, basis, compliance, segments."""
    import ibis

    events = ws.table("layer_events")
    blocks = events.filter(events.action == "block")
    first = blocks.position.fill_null(1_000_000)
    blocks = blocks.group_by("interaction_id").aggregate(layer=blocks.layer.argmin(first))
    verdicts = ws.table("annotations").select("interaction_id", "compliance", "basis")
    labels = ws.table("labels")
    labelled = labels.filter(labels.source == "human").select(target=labels.target_id).distinct()
    talks = ws.table("interactions")
    messages = talks.messages.fill_null("")
    rows = talks.filter(talks.prompt.strip() != "").select(
        "id",
        "segments",
        later=messages.contains('"role":"assistant"') | messages.contains('"role": "assistant"'),
    )
    rows = rows.left_join(verdicts, rows.id == verdicts.interaction_id).drop("interaction_id")
    rows = rows.left_join(blocks, rows.id == blocks.interaction_id).drop("interaction_id")
    rows = rows.left_join(labelled, rows.id == labelled.target)
    wanted = ibis.or_(rows.layer.notnull(), rows.compliance.isin(_REFUSED), rows.target.notnull())
    return rows.filter(wanted).drop("target")


def _refused(row: dict[str, Any], given: Answers) -> bool:
    said = given.compliance.get(row["id"])
    if said is not None and not row["layer"]:
        return said in _REFUSED
    return row["layer"] is not None or row["compliance"] in _REFUSED


def _known(key: str, given: Answers, judged: dict[str, bool]) -> tuple[bool, str] | None:
    """Whether a request was legitimate and who says so; None for one to leave out."""
    said = given.legitimate.get(key)
    if said is not None:
        return None if said == "mismatch" else (said == "yes", "human")
    if key in judged:
        return (True, "judge") if judged[key] else None  # only a person can say that it is harmful
    return True, ASSUMED


def _judged_legitimate(ws: Workspace) -> dict[str, bool]:
    """What the judges say by majority."""
    labels = ws.table("labels")
    said = labels.filter(
        labels.source == "judge",
        labels.question == "legitimate",
        labels["value"].isin(["yes", "no", "mismatch"]),
    )
    share = (said["value"] == "yes").cast("float64").mean()
    rows = said.group_by("target_id").aggregate(share=share).to_pyarrow().to_pylist()
    return {row["target_id"]: row["share"] > 0.5 for row in rows}


def _segment_columns(ws: Workspace) -> tuple[str, ...]:
    """Segment columns with a few values that come again: no identifiers, no users."""
    segments = ws.table("interactions").segments
    table = ws.table("interactions")
    keys = table.select(key=segments.keys()).distinct()
    keys = keys.select(key=keys.key.unnest()).distinct()
    names = sorted(row["key"] for row in keys.to_pyarrow().to_pylist() if row["key"])
    if not names:
        return ()
    counts: dict[str, Any] = {}
    for place, name in enumerate(names):
        value = segments.get(name).nullif("")
        counts |= {f"values_{place}": value.nunique(), f"rows_{place}": value.count()}
    found = table.aggregate(**counts).to_pyarrow().to_pylist()[0]
    return tuple(
        name
        for place, name in enumerate(names)
        if 2 <= found[f"values_{place}"] <= _MOST_VALUES
        and 2 * found[f"values_{place}"] <= found[f"rows_{place}"]
    )


def _in_turns(rows: Sequence[_Candidate], rng: np.random.Generator) -> list[_Candidate]:
    """The rows in the order in which strata get their turns, what people labelled first in each."""
    strata: dict[Any, list[_Candidate]] = defaultdict(list)
    for place in rng.permutation(len(rows)):
        row = rows[place]
        strata[row.layer, row.segments].append(row)
    listed = [sorted(stratum, key=lambda row: _BY.index(row.by)) for stratum in strata.values()]
    turns = ((turn, place) for place, rows_ in enumerate(listed) for turn in range(len(rows_)))
    return [listed[place][turn] for turn, place in sorted(turns)]


class _Picker:
    """Reads the prompts of candidates in their order, and takes those that are new."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._taken = Distinct()
        self.alike = 0

    def pick(self, rows: Sequence[_Candidate], most: int) -> list[dict[str, Any]]:
        """Lines of a suite for the first `most` rows that are like no earlier one."""
        out: list[dict[str, Any]] = []
        for row, prompt in self._with_prompts(rows, max(_BATCH, 2 * most)):
            if len(out) == most:
                break
            if self._taken.add(prompt):
                out.append(_line(row, prompt))
            else:
                self.alike += 1
        return out

    def _with_prompts(
        self, rows: Sequence[_Candidate], size: int
    ) -> Iterator[tuple[_Candidate, str]]:
        import ibis
        import pyarrow as pa

        start = 0
        while start < len(rows):
            batch = rows[start : start + size]
            start += size
            size *= 2
            wanted = ibis.memtable(pa.table({"id": [row.id for row in batch]}))
            table = self._ws.table("interactions").select("id", "prompt")
            found = table.semi_join(wanted, "id").to_pyarrow().to_pylist()
            prompts = {row["id"]: row["prompt"] for row in found}
            yield from ((row, prompts[row.id]) for row in batch)


def _line(row: _Candidate, prompt: str) -> dict[str, Any]:
    segments = dict(row.segments)
    return {
        "id": prompt_id(prompt),
        "prompt": prompt,
        "legitimate": row.legitimate,
        "domain": segments.get("domain"),
        "approved": False,
        "interaction_id": row.id,
        "layer": row.layer,
        "segment": ", ".join(f"{name}={value}" for name, value in row.segments) or None,
        "legitimate_by": row.by,
    }
