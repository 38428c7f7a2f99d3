from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.schema import ANSWERS, INTERACTIONS, LABELS, TABLES, SchemaError, Table

VALUES = {
    "string": st.text(st.characters(codec="utf-8")),
    "float": st.floats(allow_nan=False),
    "int": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "timestamp": st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),
    "map": st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3),
}


def rows_of(table: Table) -> st.SearchStrategy[list[dict]]:
    fields = {}
    for column in table.columns:
        values = st.sampled_from(column.choices) if column.choices else VALUES[column.type]
        fields[column.name] = values if column.required else st.none() | values
    return st.lists(st.fixed_dictionaries(fields), max_size=4)


@pytest.mark.parametrize("name", list(TABLES))
def test_rows_survive_the_round_trip(name: str) -> None:
    table = TABLES[name]

    @given(rows_of(table))
    def check(rows: list[dict]) -> None:
        assert table.from_rows(rows).to_pylist() == rows

    check()


def test_the_key_is_a_required_column() -> None:
    for table in TABLES.values():
        assert table.column(table.key).required


def test_every_column_says_what_it_is() -> None:
    for table in TABLES.values():
        assert table.doc.endswith(".")
        assert all(column.doc.endswith((".", "…")) for column in table.columns)


def test_absent_columns_are_null() -> None:
    built = INTERACTIONS.from_rows([{"id": "a", "content_hash": "h"}])
    assert built.schema == INTERACTIONS.arrow()
    assert built.column("response").null_count == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"content_hash": "h"}], r"interactions\.id is required, got 1 nulls"),
        ([{"id": 3, "content_hash": "h"}], r"interactions\.id"),
        ([{"id": "a", "content_hash": "h", "propensity": "high"}], r"interactions\.propensity"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows: list[dict], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        INTERACTIONS.from_rows(rows)


def test_a_choice_outside_the_list_is_refused() -> None:
    row = {"id": "1", "target_id": "a", "question": "legitmate", "value": "yes", "source": "human"}
    with pytest.raises(SchemaError, match="got 'legitmate'"):
        LABELS.from_rows([row])
    assert "yes" in ANSWERS["legitimate"]


def test_unknown_columns_and_ragged_columns_are_refused() -> None:
    with pytest.raises(SchemaError, match="no column 'colour'"):
        INTERACTIONS.from_columns({"colour": ["red"]})
    with pytest.raises(SchemaError, match="differ in length"):
        INTERACTIONS.from_columns({"id": ["a", "b"], "content_hash": ["h"]})


def test_columns_in_another_order_are_refused() -> None:
    built = INTERACTIONS.from_rows([])
    with pytest.raises(SchemaError, match="expected columns"):
        INTERACTIONS.validate(built.select(built.column_names[::-1]))
    assert isinstance(built, pa.Table)
