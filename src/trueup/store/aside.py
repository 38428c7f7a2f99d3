"""Put the rows of a query aside in a temporary table, for as long as they are needed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["aside"]


@contextmanager
def aside(con: Any, label: str, query: ir.Table) -> Iterator[ir.Table]:
    """The rows of `query`, computed once; the table goes away at the end, also after an error.

    con: the Ibis backend that the query runs on.
    """
    name = f"trueup_{label}_{uuid.uuid4().hex[:12]}"
    table = con.create_table(name, query, temp=True)
    try:
        yield table
    except BaseException:
        with suppress(Exception):  # the error on its way is the one to report
            _drop(con, name)
        raise
    _drop(con, name)


def _drop(con: Any, name: str) -> None:
    """Ibis 12 writes a DROP without the name under some releases of sqlglot: write it here."""
    import sqlglot.expressions as sge

    quoted = sge.to_identifier(name, quoted=True).sql(dialect=con.dialect)
    con.raw_sql(f"DROP TABLE IF EXISTS {quoted}")
