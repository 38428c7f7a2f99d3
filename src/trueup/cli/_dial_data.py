"""Bring what a dial is turned on together: a score table, log files, or the workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from trueup.sources.scores import ScoreColumns, ScoreTable
    from trueup.store import Workspace
    from trueup.tune import Scored

__all__ = ["Texts", "from_certificate", "from_table", "later_rows", "rows_of"]

Texts = Callable[[Sequence[int]], Sequence[str]]


def from_table(
    path: Path, columns: ScoreColumns, today: Mapping[str, float | None] | None
) -> tuple[Scored, Texts, tuple[str, ...]]:
    """A score table as scored examples, their texts, and notes; bad rows are named on stderr."""
    import numpy as np

    from trueup.cli._logs import name_bad
    from trueup.sources.scores import read_scores
    from trueup.tune import OFF, Scored

    table = read_scores(path, columns)
    name_bad([f"{path.name}, row {row.number}: {row.reason}" for row in table.bad])
    if today is not None:
        _known_layers(today, columns)
    scored = Scored(
        layers=columns.scores,
        scores=table.scores,
        label=table.label,
        weight=None if table.probability is None else 1.0 / table.probability,
        cluster=_codes(table),
        today=None
        if today is None
        else np.array([OFF if (t := today.get(name)) is None else t for name in columns.scores]),
        segments={columns.segment: table.segment} if columns.segment else {},  # type: ignore[dict-item]
        ids=np.array([f"row {number}" for number in table.number.tolist()], dtype=object)
        if len(table.number) <= _NAMED
        else (),
        source=_source(columns),
    )
    return scored, table.texts, _notes(table, scored)


_NAMED = 200_000  # rows up to which ids are made: beyond, the row's place among the usable ones


def _known_layers(today: Mapping[str, float | None], columns: ScoreColumns) -> None:
    for name in today:
        if name not in columns.scores:
            raise UserError(
                f"--today names {name!r}, which is no --score.", did_you_mean(name, columns.scores)
            )


def _codes(table: ScoreTable) -> Any:
    import numpy as np

    if table.cluster is None:
        return None
    named = [f"row {i}" if value is None else f"={value}" for i, value in enumerate(table.cluster)]
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def _source(columns: ScoreColumns) -> dict[str, Any]:
    return {
        "kind": "table",
        "label": columns.label,
        "scores": list(columns.scores),
        "probability": columns.probability,
        "cluster": columns.cluster,
        "segment": columns.segment,
    }


def _notes(table: ScoreTable, scored: Scored) -> tuple[str, ...]:
    """What is wrong with the table, if it is to be trusted with a certificate."""
    import numpy as np

    out = []
    if table.bad:
        out.append(
            f"{len(table.bad):,} rows without a usable label or score are left out: the guarantee "
            "does not speak of such traffic."
        )
    for place, name in enumerate(scored.layers):
        high, low = scored.scores[scored.positive, place], scored.scores[scored.negative, place]
        if len(high) and len(low) and np.median(high) < np.median(low):
            out.append(
                f"{name} is lower for label 1 than for label 0: is it a score of being fine? "
                "Higher must mean more harmful."
            )
    return tuple(out)


def from_certificate(
    certificate: Mapping[str, Any],
    data: Path | None,
    workspace: str | None,
    *,
    after: datetime | None = None,
) -> tuple[Scored, tuple[str, ...]]:
    """The examples that a certificate speaks of, from a file or from the workspace, and notes.

    after: with a workspace, only labels given later.
    """
    source = certificate["data"]
    if source.get("kind") == "workspace":
        if data is not None:
            raise UserError(
                "This certificate was made from a workspace, not from a table.",
                "Name the workspace with -w instead of --data.",
            )
        return _from_workspace(certificate, workspace, after)
    if data is None:
        raise UserError("This certificate was made from a table.", "Name it with --data.")
    if not {"label", "scores"} <= source.keys():
        raise UserError("The certificate does not say from which columns it was made.")
    from trueup.sources.scores import ScoreColumns

    columns = ScoreColumns(
        label=source["label"],
        scores=tuple(source["scores"]),
        probability=source.get("probability"),
        cluster=source.get("cluster"),
        segment=source.get("segment"),
    )
    scored, _, notes = from_table(data, columns, certificate["today"])
    return rows_of(scored, certificate["segment"]), notes


def _from_workspace(
    certificate: Mapping[str, Any], workspace: str | None, after: datetime | None
) -> tuple[Scored, tuple[str, ...]]:
    import numpy as np

    from trueup.store import Workspace
    from trueup.tune import OFF, scored_log

    with Workspace.open(workspace) as ws:
        scored, notes = scored_log(
            ws,
            layers=certificate["layers"],
            segment=certificate["data"].get("segment"),
            after=after,
            until=None if after else _moment(certificate, "labels_until"),
            asked_until=None if after else _moment(certificate, "asked_until"),
        )
    scored = rows_of(scored, certificate["segment"])
    if after is not None:
        return scored, notes
    # What was in force then, not what is in force now.
    today = certificate["today"]
    then = np.array([OFF if today[name] is None else today[name] for name in scored.layers])
    return replace(scored, today=then), notes


def _moment(certificate: Mapping[str, Any], name: str) -> datetime | None:
    found = certificate["data"].get(name)
    return datetime.fromisoformat(found) if found else None


def rows_of(scored: Scored, segment: str | None) -> Scored:
    """The examples of one "column=value", or all of them."""
    if segment is None:
        return scored
    (column,) = scored.segments  # its name may hold a "=" too
    return scored.part(column, segment.removeprefix(f"{column}="))


def later_rows(
    certificate: Mapping[str, Any], data: Path | None, workspace: str | None
) -> tuple[Scored, tuple[str, ...]]:
    """The examples that came after a certificate, and notes."""
    from trueup.tune import fresh

    until = certificate["data"].get("labels_until")
    if certificate["data"].get("kind") == "workspace":
        after = datetime.fromisoformat(until or certificate["made"])
        return from_certificate(certificate, data, workspace, after=after)
    scored, notes = from_certificate(certificate, data, workspace)
    rest = fresh(certificate, scored)
    if len(rest) < len(scored):
        dropped = len(scored) - len(rest)
        said = f"The first {dropped:,} rows are those it was made from, and left out."
        return rest, (*notes, said)
    return rest, notes


def workspace_texts(ws: Workspace, scored: Scored) -> Texts:
    """Prompts of the scored interactions, read when they are asked for."""
    from trueup.tune import log_texts

    return log_texts(ws, [str(key) for key in scored.ids])
