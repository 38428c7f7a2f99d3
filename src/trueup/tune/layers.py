"""The layers of a log as dials: what each is called, whether it scores, and its threshold today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean
from trueup.tune.scored import OFF

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["LogLayer", "log_layers", "tuned_layers"]

_MOST_LAYERS = 6  # tuned at once; the others stay as they are
_MILDER = ("warn", "rewrite", "escalate")
_YES_OR_NO = 0.5  # threshold of a layer that gives a verdict and no score


@dataclass(frozen=True, slots=True)
class LogLayer:
    """A layer, or one category of a layer whose categories have thresholds of their own.

    today: the threshold in force, OFF when it never blocks. by_segment: the same within the values
    of a segment column, where one was asked for. had: how many thresholds the log shows for it.
    banded: it does something milder below its block, whose threshold is read off the actions.
    """

    layer: str
    category: str | None
    scored: bool
    today: float
    by_segment: dict[str, float]
    had: int
    fired: int
    banded: bool

    @property
    def name(self) -> str:
        return self.layer if self.category is None else f"{self.layer}/{self.category}"

    def mine(self, events: ir.Table) -> Any:
        """Which rows of `layer_events` are its own."""
        found = events.layer == self.layer
        return found if self.category is None else found & (events.category == self.category)


def log_layers(ws: Workspace, segment: Any = None) -> list[LogLayer]:
    """All layers, in stack order.

    segment: a function of the interactions table that gives the segment's value, or None.
    """
    rows = _summaries(ws, segment)
    if not rows:
        raise UserError(
            "The log has no guard scores to tune.",
            "Import a log whose records carry guardrails, or score one: trueup guards run.",
        )
    by_layer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_layer[row["layer"]].append(row)
    found = []
    for layer, mine in by_layer.items():
        if _categories_differ(mine):
            names = sorted({row["category"] for row in mine if row["category"] is not None})
            found += [
                _made(layer, name, [row for row in mine if row["category"] == name])
                for name in names
            ]
        else:
            found.append(_made(layer, None, mine))
    return found


def tuned_layers(there: Sequence[LogLayer], wanted: Sequence[str] | None) -> list[LogLayer]:
    """Those named, or those that fire most, in stack order. Raises `UserError` for a wrong name."""
    if not wanted:
        busiest = sorted(there, key=lambda one: -one.fired)[:_MOST_LAYERS]
        return [one for one in there if one in busiest]
    names = [*dict.fromkeys([*(one.name for one in there), *(one.layer for one in there)])]
    for name in wanted:
        if name not in names:
            raise UserError(f"No layer of the log is called {name!r}.", did_you_mean(name, names))
    return [one for one in there if one.name in wanted or one.layer in wanted]


def _summaries(ws: Workspace, segment: Any) -> list[dict[str, Any]]:
    """Per layer, category and segment value: counts, and the threshold of the latest event."""
    import ibis

    events = ws.table("layer_events")
    table = ws.table("interactions")
    value = ibis.null("string") if segment is None else segment(table)
    joined = events.inner_join(
        table.select(interaction_id="id", at_="at", segment_=value), "interaction_id"
    )
    known = joined.threshold.notnull()
    found = joined.group_by("layer", "category", "segment_").aggregate(
        position=joined.position.min(),
        n_scored=joined.score.count(),
        fired=joined.fired.cast("int64").sum(),
        blocked=(joined.action == "block").cast("int64").sum(),
        thresholds=joined.threshold.nunique(),
        newest=joined.at_.max(where=known),
        # The threshold of the latest event that has one; without times, the highest.
        latest=joined.threshold.argmax(joined.at_, where=known & joined.at_.notnull()),
        highest=joined.threshold.max(),
        least_blocked=joined.score.min(where=joined.action == "block"),
        most_milder=joined.score.max(where=joined.action.isin(_MILDER)),
    )
    keys = ("position", "layer", "category", "segment_")
    return found.order_by(*keys).to_pyarrow().to_pylist()


def _threshold(rows: Sequence[dict[str, Any]]) -> float | None:
    """The threshold that the latest of the rows had."""
    timed = [row for row in rows if row["latest"] is not None]
    if timed:
        return float(max(timed, key=lambda row: row["newest"])["latest"])
    known = [row["highest"] for row in rows if row["highest"] is not None]
    return float(max(known)) if known else None


def _categories_differ(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether the categories of a layer have different thresholds, each a single one of its own."""
    by_category = defaultdict(list)
    for row in rows:
        if row["category"] is not None and row["highest"] is not None:
            by_category[row["category"]].append(row)
    steady = all(row["thresholds"] == 1 for found in by_category.values() for row in found)
    return steady and len({_threshold(found) for found in by_category.values()}) > 1


def _made(layer: str, category: str | None, rows: Sequence[dict[str, Any]]) -> LogLayer:
    values = defaultdict(list)
    for row in rows:
        if row["segment_"] is not None:
            values[row["segment_"]].append(row)
    return LogLayer(
        layer=layer,
        category=category,
        scored=any(row["n_scored"] for row in rows),
        today=_today(rows),
        banded=_block_band(rows) is not None,
        by_segment={value: _today(found) for value, found in values.items()},
        had=max((row["thresholds"] for row in rows), default=0),
        fired=sum(row["fired"] for row in rows),
    )


def _block_band(rows: Sequence[dict[str, Any]]) -> float | None:
    """Where blocking begins on a layer that warns, rewrites or escalates below it.

    Its logged threshold is where it begins to do anything. The lowest score that it blocked replays
    the same; None when there are no such bands.
    """
    milder = [row["most_milder"] for row in rows if row["most_milder"] is not None]
    blocked = [row["least_blocked"] for row in rows if row["least_blocked"] is not None]
    if not milder or not blocked or min(blocked) <= max(milder):
        return None
    return float(min(blocked))


def _today(rows: Sequence[dict[str, Any]]) -> float:
    fired, blocked = (sum(row[name] for row in rows) for name in ("fired", "blocked"))
    if fired and not blocked:
        return OFF  # it fires and lets pass: it only watches
    if not any(row["n_scored"] for row in rows):
        return _YES_OR_NO
    banded = _block_band(rows)
    if banded is not None:
        return banded
    found = _threshold(rows)
    return OFF if found is None else found
