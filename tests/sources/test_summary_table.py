"""Summary tables of every shape: what names a row, what is a figure, what is set aside and why."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.sources.summary_table import SummaryTable, is_summary_table, read_summary

ROWS = [
    {"model": "a", "refusal_pct": 63.4, "runs": 20},
    {"model": "b", "refusal_pct": 32.49, "runs": 10},
]


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    def reader(content: str | bytes, name: str = "t.csv", order: str | None = None) -> SummaryTable:
        return read_summary(written(tmp_path, content, name), order=order)

    return reader


def bad(table: SummaryTable) -> dict[int, str]:
    return {row.number: row.reason for row in table.bad}


def content(kind: str) -> bytes:
    if kind == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(ROWS), out)
        return out.getvalue()
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    if kind == "json":
        return json.dumps(ROWS, indent=2).encode()
    mark = "\t" if kind == "tsv" else ","
    lines = [ROWS[0].keys(), *(row.values() for row in ROWS)]
    return "".join(mark.join(map(str, line)) + "\n" for line in lines).encode()


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet", "csv.gz"])
def test_formats(tmp_path: Path, kind: str) -> None:
    raw = gzip.compress(content("csv")) if kind == "csv.gz" else content(kind)
    path = written(tmp_path, raw, f"t.{kind}")
    assert is_summary_table(path)
    table = read_summary(path)
    assert (table.keys, table.names, table.ordered) == (("model",), (("a",), ("b",)), False)
    assert [column.name for column in table.columns] == ["refusal_pct", "runs"]
    assert table.columns[0].values == (63.4, 32.49)
    assert [column.decimals for column in table.columns] == [2, 0]
    assert table.bad == ()


@pytest.mark.parametrize(
    ("name", "keys", "ordered"),
    [
        ("impossiblebench_swe", ("model",), False),
        ("lin_model_averaging", ("model", "method"), False),
        ("metr_o3_prompts", ("prompt",), False),
        ("metr_o3_reward_hacks", ("suite",), False),
        ("nspo_llama3_8b", ("method",), False),
        ("or_bench_models", ("model",), False),
        ("safety_tax_s1_32b", ("stage",), True),
    ],
)
def test_published_tables(
    shared_data: Path, name: str, keys: tuple[str, ...], ordered: bool
) -> None:
    path = shared_data.parent / "reference" / f"{name}.csv"
    assert is_summary_table(path)
    table = read_summary(path)
    assert (table.keys, table.ordered, table.bad) == (keys, ordered, ())
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert table.names == tuple(tuple(row[key] for key in keys) for row in rows)
    for column in table.columns:
        assert column.values == tuple(float(row[column.name]) for row in rows)


def test_what_is_no_summary(tmp_path: Path, shared_data: Path) -> None:
    gao = shared_data.parent / "reference" / "gao_best_of_n.csv"
    assert not is_summary_table(gao)  # nothing names its rows
    for raw in (
        "model,response,score\na,hello,1\nb,hi,0\n",
        "id,messages\n1,x\n",
        "model,verdict\na,good\nb,bad\n",
        "prompt,refused\nhow to kill a process,1\nhow to kill time,0\n",
        '{"messages": [], "score": 1}\n',
        "just a sentence",
        "",
    ):
        assert not is_summary_table(written(tmp_path, raw)), raw
    many = "name,acc\n" + "".join(f"row {place},1\n" for place in range(501))
    assert not is_summary_table(written(tmp_path, many))
    assert not is_summary_table(tmp_path / "missing.csv")
    assert not is_summary_table(tmp_path)


def test_bad_rows_go_by_their_number(read) -> None:  # type: ignore[no-untyped-def]
    table = read(
        "model,acc_pct,asr_pct\na,50,1\nb,about half,2\n,50,3\nc,60\na,70,4\nd,inf,5\ne,,6\n"
    )
    assert table.names == (("a",), ("e",))
    assert table.columns[0].values[0] == 50
    assert math.isnan(table.columns[0].values[1])  # blank is unknown, and no reason to drop a row
    assert bad(table) == {
        3: "acc_pct must be a number, got 'about half'.",
        4: "model is empty: the row has no name.",
        5: "The row has 2 cells, but the header has 3.",
        6: "The name 'a' is taken by row 2.",
        7: "acc_pct must be a number, got 'inf'.",
    }


def test_bad_lines_of_json(read) -> None:  # type: ignore[no-untyped-def]
    table = read('{"m": "a", "acc": 1}\n[1]\n{"m": "b", "acc": 2}\n{"m": "c", "acc"\n', "t.jsonl")
    assert table.names == (("a",), ("b",))
    assert set(bad(table)) == {2, 4}


def test_figures_as_people_write_them(read) -> None:  # type: ignore[no-untyped-def]
    table = read('model,asr,n,delta\na,63.40 %,"1,087",−1.5\nb,7%,20,n/a\nc,-,3,1e-3\n')
    asr, n, delta = table.columns
    assert (asr.values[:2], asr.percent, asr.decimals) == ((63.4, 7.0), True, 2)
    assert math.isnan(asr.values[2])
    assert n.values == (1087.0, 20.0, 3.0)
    assert delta.values[0] == -1.5
    assert (delta.decimals, delta.percent) == (3, False)


def test_what_names_a_row(read) -> None:  # type: ignore[no-untyped-def]
    family = read("family,model,acc\nx,a,1\nx,b,2\ny,c,3\n")
    assert (family.keys, family.left_out) == (("model",), ("family",))  # one that does alone
    both = read("lang,model,note,acc\nen,a,,1\nen,b,,2\nde,a,,3\n")
    assert both.keys == ("lang", "model")
    assert both.left_out == ("note",)
    steps = read("step,acc\n200,0.5\n100,0.4\n")
    assert (steps.keys, steps.ordered) == (("step",), True)
    assert steps.names == (("100",), ("200",))  # in the order of the numbers
    assert steps.columns[0].values == (0.4, 0.5)
    grouped = read("checkpoint,model,acc\n1,a,0.5\n2,a,0.6\n1,b,0.7\n2,b,0.8\n")
    assert (grouped.keys, grouped.ordered) == (("model", "checkpoint"), True)
    assert grouped.names == (("a", "1"), ("b", "1"), ("a", "2"), ("b", "2"))
    prose = read(f"model,about,acc\na,{'long ' * 60},1\na,short,2\n")
    assert prose.names == (("a",),)  # prose does not name a row
    assert bad(prose) == {3: "The name 'a' is taken by row 2."}


def test_an_order_can_be_named(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    raw = "alpha,model,acc\n0.5,m,1\n0.1,m,2\n"
    table = read(raw, order="alpha")
    assert (table.keys, table.ordered, table.names) == (("alpha",), True, (("0.1",), ("0.5",)))
    plain = "alpha,acc\n0.5,1\n0.1,2\n"
    assert not is_summary_table(written(tmp_path, plain))
    assert is_summary_table(written(tmp_path, plain), order="alpha")
    several = read("alpha,model,acc\n1,x,1\n2,x,2\n1,y,3\n", order="alpha")
    assert several.keys == ("model", "alpha")
    with pytest.raises(UserError, match=r"no column 'alpa'.*Did you mean 'alpha'"):
        read(raw, order="alpa")


def test_numbers_that_are_no_figures(read) -> None:  # type: ignore[no-untyped-def]
    table = read("id,model,seed,acc\n1,a,7,0.5\n2,b,7,0.6\n")
    assert [column.name for column in table.columns] == ["acc"]
    assert table.left_out == ("id", "seed")


def test_what_is_missing_is_said_with_the_fix(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=r"no column that names its rows.*--order"):
        read("a,b\n1,2\n3,4\n")
    with pytest.raises(UserError, match=r"no column of figures.*refusal_pct"):
        read("model,verdict\na,good\nb,bad\n")
    with pytest.raises(UserError, match="is not a table"):
        read(b"PK\x03\x04 and so on", "t.zip")
    with pytest.raises(UserError, match="does not exist"):
        read_summary(tmp_path / "missing.csv")


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**9)),
        min_size=1,
        max_size=20,
    )
)
def test_every_figure_comes_back(tmp_path: Path, values: list[tuple[float, int]]) -> None:
    raw = "name,x,y\n" + "".join(f"r{i},{x!r},{y}\n" for i, (x, y) in enumerate(values))
    table = read_summary(written(tmp_path, raw))
    assert table.bad == ()
    assert [column.values for column in table.columns] == list(zip(*values, strict=True))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.text(st.sampled_from('abc,1.%"-\n\t{}[]: '), max_size=80) | st.binary(max_size=60))
def test_any_file_is_a_table_or_a_user_error(tmp_path: Path, raw: str | bytes) -> None:
    path = written(tmp_path, raw)
    try:
        table = read_summary(path)
    except UserError:
        assert not is_summary_table(path)
        return
    assert table.columns
    assert len(set(table.names)) == len(table.names)
    assert all(len(column.values) == len(table.names) for column in table.columns)
