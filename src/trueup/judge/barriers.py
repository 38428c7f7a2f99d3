"""Engine built-ins that Ibis does not inline, so that a shared sub-expression is computed once.

Ibis merges consecutive selections by pasting the inner expression wherever the outer one names it.
For arithmetic that is harmless; for a regular expression named twenty times it means matching it
twenty times. Ibis never merges across an expression it holds to be impure, and every user-defined
function is; these are plain SQL functions that all engines have, declared that way. A stage of the
annotator that must be computed once uses one of them.
"""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt

__all__ = ["abs_", "exp", "ln", "lower", "regexp_extract_all"]


@ibis.udf.scalar.builtin(name="lower")
def lower(text: str) -> str:  # type: ignore[empty-body]
    """Lower case."""


@ibis.udf.scalar.builtin(name="abs")
def abs_(x: int) -> int:  # type: ignore[empty-body]
    """Absolute value: of a 0 or 1, the value itself."""


@ibis.udf.scalar.builtin(name="ln")
def ln(x: float) -> float:  # type: ignore[empty-body]
    """Natural logarithm."""


@ibis.udf.scalar.builtin(name="exp")
def exp(x: float) -> float:  # type: ignore[empty-body]
    """e to the power x."""


@ibis.udf.scalar.builtin(
    name="regexp_extract_all", signature=((dt.string, dt.string), dt.Array(dt.string))
)
def regexp_extract_all(text, pattern):  # type: ignore[no-untyped-def]
    """Every non-overlapping match, in order. DuckDB only: elsewhere arguments or groups differ."""
