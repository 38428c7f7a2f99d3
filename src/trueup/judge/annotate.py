"""The fast annotator: what a response did, read by one expression inside the user's engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trueup.errors import UserError
from trueup.judge.features import PREFIX, count_column, with_features
from trueup.judge.model import Model, load_model, with_probabilities
from trueup.judge.phrases import ANYWHERE, REPORTED
from trueup.judge.templates import learn_templates, matches_template
from trueup.schema import FILTER_REASONS

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["ANNOTATOR_VERSION", "OUTPUTS", "annotate", "annotate_texts", "learn_templates"]

ANNOTATOR_VERSION: str = load_model().version

COUNTED_BY = {name: name for name in ANYWHERE} | REPORTED
OUTPUTS = (
    "compliance",
    "p_full",
    "p_partial",
    "p_refusal",
    "hedges",
    "disclaimers",
    "warnings",
    "apologies",
    "judgements",
    "deflections",
    "inabilities",
    "basis",
    "annotator_version",
)

MAX_BLANK_CHARS = 200  # longer runs of blanks are a text, if an odd one


def annotate(
    table: ir.Table,
    *,
    response: str = "response",
    finish_reason: str | None = None,
    blocked: str | None = None,
    templates: Sequence[str] = (),
) -> ir.Table:
    """Say of each response whether it complied, with calibrated probabilities and counts.

    Parameters
    ----------
    table
        Any Ibis table. Row count and, in engines that keep it, row order are unchanged.
    response
        Name of the string column with the response. Chain-of-thought (``<think>`` and kin) in it
        does not count as an answer.
    finish_reason
        Name of a string column; a content-filter reason makes the row a refusal by the provider.
    blocked
        Name of a boolean column: a layer blocked this exchange. It decides rows without an answer.
    templates
        The site's own block messages, from `learn_templates`.

    Returns
    -------
    The input's columns and `OUTPUTS`: ``compliance`` (full, partial, refusal, undetermined),
    ``p_full``, ``p_partial``, ``p_refusal`` (in [0, 1], sum 1; NULL where undetermined), seven
    phrase counts, ``basis`` (text, template, block, empty) and ``annotator_version``.

    Raises
    ------
    UserError
        A named column is missing or not of the type said, or an output's name is taken.

    Notes
    -----
    A prediction, not the truth: the probabilities are calibrated on published human labels of
    English responses, and drift with other languages, models and products. Correct totals with a
    labelled sample before acting on them.
    """
    _check(table, response, finish_reason, blocked)
    return _annotate(table, load_model(), response, finish_reason, blocked, tuple(templates))


def annotate_texts(texts: Sequence[str | None]) -> pa.Table:
    """Annotate responses in memory; one row each, in order, with the columns of `OUTPUTS`."""
    import ibis
    import pyarrow as pa

    column = pa.array([_storable(text) for text in texts], pa.string())
    table = ibis.memtable(pa.table({"response": column}))
    return ibis.duckdb.connect().to_pyarrow(annotate(table).select(*OUTPUTS))


def _storable(text: str | None) -> str | None:
    """Lone surrogates, which no UTF-8 store can hold, become replacement characters."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")


def _check(table: ir.Table, response: str, finish_reason: str | None, blocked: str | None) -> None:
    columns = table.columns
    for argument, name in (
        ("response", response), ("finish_reason", finish_reason), ("blocked", blocked)
    ):  # fmt: skip
        if name is not None and name not in columns:
            raise UserError(
                f"{argument} names a column that the table lacks, got {name!r}.",
                f"The table has: {', '.join(columns)}.",
            )
    kind = table[response].type()
    if not kind.is_string():
        raise UserError(
            f"response must name a string column, got {response!r} of type {kind}.",
            "Map the column that holds the text of the response.",
        )
    if blocked is not None and not table[blocked].type().is_boolean():
        raise UserError(
            f"blocked must name a boolean column, got {blocked!r} of type {table[blocked].type()}.",
            "Compare it with the value that means blocked first.",
        )
    taken = [c for c in columns if c in OUTPUTS or c.startswith(PREFIX)]
    if taken:
        raise UserError(
            f"table already has columns that annotate adds: {', '.join(taken)}.",
            "Drop or rename them first.",
        )


def _annotate(
    table: ir.Table,
    model: Model,
    response: str,
    finish_reason: str | None,
    blocked: str | None,
    templates: tuple[str, ...],
) -> ir.Table:
    import ibis

    t = with_probabilities(with_features(table, response), model)
    # Only a short answer can be blank: the search is not worth its time on the others.
    blank = ~t[PREFIX + "read"].re_search(r"[^\s\x{200b}\x{feff}]").coalesce(False)
    empty = ibis.ifelse(t[PREFIX + "chars"] > MAX_BLANK_CHARS, False, blank)
    basis = ibis.cases(
        (_filtered(t, finish_reason), "block"),
        (empty & _is_blocked(t, blocked), "block"),
        (empty, "empty"),
        (matches_template(t[PREFIX + "read"], templates), "template"),
        else_="text",
    )
    t = t.mutate(**{PREFIX + "basis": basis})
    return t.select(*table.columns, **_outputs(t, model))


def _filtered(t: ir.Table, finish_reason: str | None) -> ir.BooleanValue:
    import ibis

    if finish_reason is None:
        return ibis.literal(False)
    reason = t[finish_reason].cast("string").lower().strip()
    return reason.isin(sorted(FILTER_REASONS)).coalesce(False)


def _is_blocked(t: ir.Table, blocked: str | None) -> ir.BooleanValue:
    import ibis

    return ibis.literal(False) if blocked is None else t[blocked].coalesce(False)


def _outputs(t: ir.Table, model: Model) -> dict[str, ir.Value]:
    import ibis

    basis = t[PREFIX + "basis"]
    full, partial, refusal = (t[f"{PREFIX}p_{name}"] for name in ("full", "partial", "refusal"))

    def decided(value: ir.Value, certain: float) -> ir.Value:
        return ibis.cases((basis == "text", value), (basis == "empty", None), else_=certain)

    outputs: dict[str, ir.Value] = {
        "compliance": ibis.cases(
            (basis == "empty", "undetermined"),
            (basis != "text", "refusal"),
            (full > 1 - model.threshold, "full"),
            (partial > refusal, "partial"),
            else_="refusal",
        ),
        "p_full": decided(full, 0.0),
        "p_partial": decided(partial, 0.0),
        "p_refusal": decided(refusal, 1.0),
    }
    for name in OUTPUTS[4:11]:
        outputs[name] = t[count_column(COUNTED_BY[name])].cast("int64")
    outputs["basis"] = basis
    outputs["annotator_version"] = ibis.literal(model.version)
    return outputs
