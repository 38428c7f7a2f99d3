"""Score tables of every shape: what is read, what is left out and why, what is refused."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.sources.scores import ScoreColumns, ScoreTable, read_scores, read_texts

PLAIN = ScoreColumns("label", ("s",))
ROWS = [(1, 0.5, "a"), (0, 0.25, "b"), (None, 1e-3, "c")]


def written(tmp_path: Path, content: str | bytes | pa.Table, name: str = "t.csv") -> Path:
    path = tmp_path / name
    if isinstance(content, pa.Table):
        pq.write_table(content, path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def read(tmp_path: Path):
    def reader(
        content: str | bytes | pa.Table, name: str = "t.csv", columns: ScoreColumns = PLAIN
    ) -> ScoreTable:
        return read_scores(written(tmp_path, content, name), columns)

    return reader


def bad(table: ScoreTable) -> dict[int, str]:
    return {row.number: row.reason for row in table.bad}


def content(kind: str) -> str | pa.Table:
    if kind == "jsonl":
        return "".join(json.dumps({"label": y, "s": s, "text": t}) + "\n" for y, s, t in ROWS)
    if kind == "parquet":
        return pa.table(dict(zip(("label", "s", "text"), zip(*ROWS, strict=True), strict=True)))
    mark = {"csv": ",", "tsv": "\t", "semicolons": ";"}[kind]
    lines = [mark.join(("label", "s", "text"))]
    lines += [mark.join(("" if y is None else str(y), str(s), t)) for y, s, t in ROWS]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("csv", "t.csv"),
        ("csv", "t.txt"),
        ("tsv", "t.tsv"),
        ("tsv", "t.csv"),
        ("semicolons", "t.csv"),
        ("jsonl", "t.jsonl"),
        ("jsonl", "t.csv"),
        ("parquet", "t.parquet"),
        ("csv", "t.csv.gz"),
        ("tsv", "t.tsv.gz"),
        ("jsonl", "t.jsonl.gz"),
    ],
)
def test_formats(read, kind: str, name: str) -> None:
    found = content(kind)
    if name.endswith(".gz"):
        assert isinstance(found, str)
        found = gzip.compress(found.encode())  # type: ignore[assignment]
    table = read(found, name)
    assert table.label.tolist() == [1, 0, -1]
    assert table.scores.tolist() == [[0.5], [0.25], [0.001]]
    assert table.texts([2, 0]) == ["c", "a"]
    assert (table.number.tolist(), table.bad) == ([1, 2, 3], ())


def test_bad_rows_keep_the_numbers_of_the_others(read) -> None:
    table = read(
        "label,s,text\n1,0.5,one\n1\n0,0.2,three\n1,2,x,4\n0,x,\n,0.1,six\nperhaps,1,\n1,,\n1,inf,\n"
    )
    assert table.number.tolist() == [1, 3, 6]
    assert table.texts(range(3)) == ["one", "three", "six"]
    assert bad(table) == {
        2: "The row has 1 cells, not 3.",
        4: "The row has 4 cells, not 3.",
        5: "s must be a finite number, got 'x'.",
        7: "label must be 0 or 1, got 'perhaps'.",
        8: "s must be a finite number, got no value.",
        9: "s must be a finite number, got 'inf'.",
    }


def test_numbers_go_on_past_blank_lines_line_breaks_and_blocks(read) -> None:
    long = "".join(f'1,0.5,"{"x" * 90}\n\ny"\n' for _ in range(15_000))  # more than one block
    table = read(f"\n\nlabel,s,text\n\n{long}1\n\n0,0.1,last\n")
    assert bad(table) == {15_001: "The row has 1 cells, not 3."}
    assert table.number[-1] == 15_002
    assert table.texts([len(table.number) - 1]) == ["last"]


def test_lines_of_json_are_numbered_too(read) -> None:
    table = read(
        '{"label": 1, "s": 0.5}\n\n{bad\n[1]\n{"label": false, "s": true}\n{"s": 1}\n', "t.jsonl"
    )
    assert table.number.tolist() == [1, 5]
    assert table.label.tolist() == [1, -1]
    assert bad(table) == {
        2: "The line is not a JSON object.",
        3: "The line is not a JSON object.",
        4: "s must be a finite number, got 'True'.",
    }


def test_words_for_labels(read) -> None:
    words = {
        1: ["1", "1.0", "Yes", "TRUE", "harmful", "unsafe", " y "],
        0: ["0", "0.0", "No", "false", "safe", "benign"],
        -1: ["", "nan", "None", "null"],
    }
    flat = [(meant, word) for meant, some in words.items() for word in some]
    table = read("label,s\n" + "".join(f"{word},1\n" for _, word in flat))
    assert table.label.tolist() == [meant for meant, _ in flat]
    for wrong in ("2", "-1", "0.5", "maybe"):
        assert bad(read(f"label,s\n{wrong},1\n")) == {1: f"label must be 0 or 1, got '{wrong}'."}


@pytest.mark.parametrize(
    ("label", "score"),
    [
        (pa.array([True, False, None]), pa.array([1, 0, 2**53 + 1])),
        (pa.array([1.0, 0.0, float("nan")]), pa.array([0.5, 0.25, 0.125], pa.float32())),
        (pa.array(["yes", "no", None]).dictionary_encode(), pa.array(["0.5", " 1", "1e3"])),
        (pa.array([1, 0, None], pa.int8()), pa.array([True, False, True])),
    ],
)
def test_types_of_parquet(read, label: pa.Array, score: pa.Array) -> None:
    table = read(pa.table({"label": label, "s": score}), "t.parquet")
    assert table.label.tolist() == [1, 0, -1]
    assert table.scores[:, 0].tolist() == [float(cell) for cell in score.to_pylist()]


def test_huge_numbers(read) -> None:
    table = read("label,s\n1,123456789012345678901234567890\n0,1e999\n1,-1e-320\n")
    assert table.scores[:, 0].tolist() == [1.2345678901234568e29, -1e-320]
    assert bad(table) == {2: "s must be a finite number, got '1e999'."}
    as_json = read('{"label": 1, "s": 123456789012345678901234567890}\n', "t.jsonl")
    assert as_json.scores.tolist() == [[1.2345678901234568e29]]


@pytest.mark.parametrize(
    "found",
    [
        b"\xef\xbb\xbflabel,s\n1,0.5\n",
        b"label,s\r\n1,0.5\r\n",
        b"label,s\r1,0.5\r",
        b'"label","s"\n"1","0.5"',
        b'\xef\xbb\xbf{"label": 1, "s": 0.5}\r\n',
    ],
)
def test_marks_line_ends_and_quotes(read, found: bytes) -> None:
    table = read(found)
    assert (table.label.tolist(), table.scores.tolist(), table.bad) == ([1], [[0.5]], ())


def test_texts_are_as_they_were(read) -> None:
    table = read('label,s,prompt\n1,0.5,"a\nb, ""c"" 😀"\n0,0.5,=1+1\n0,0.5,\n')
    assert table.texts(range(3)) == ['a\nb, "c" 😀', "=1+1", ""]
    assert read("label,s\n1,0.5\n").texts([0]) == [""]
    named = ScoreColumns("label", ("s",), text="why")
    assert read("label,s,text,why\n1,1,a,b\n", columns=named).texts([0]) == ["b"]


def test_probabilities(read) -> None:
    columns = ScoreColumns("label", ("s",), probability="p")
    table = read("label,s,p\n1,1,0.2\n0,1,0\n,1,\n1,1,2\n1,1,x\n,1,7\n", columns=columns)
    assert table.probability is not None
    assert table.probability.tolist() == [0.2, 1.0, 1.0]  # an unlabelled row needs none
    assert table.number.tolist() == [1, 3, 6]
    assert list(bad(table)) == [2, 4, 5]


def test_clusters_and_segments_are_text(read) -> None:
    columns = ScoreColumns("label", ("s",), cluster="u", segment="g")
    table = read("label,s,u,g\n1,1,7,x\n0,1,,\n1,z,8,y\n", columns=columns)
    assert table.cluster is not None
    assert table.segment is not None
    assert table.cluster.tolist() == ["7", None]
    assert table.segment.tolist() == ["x", None]


def test_a_table_without_rows(read) -> None:
    for empty in ("label,s\n", pa.table({"label": pa.array([], "int8"), "s": pa.array([], "f8")})):
        name = "t.csv" if isinstance(empty, str) else "t.parquet"
        table = read(empty, name)
        assert (len(table.label), table.scores.shape, table.bad) == (0, (0, 1), ())


@pytest.mark.parametrize(
    ("found", "name", "message"),
    [
        ("", "t.csv", "is empty"),
        (" \n\n", "t.csv", "is empty"),
        ("lable,s\n1,1\n", "t.csv", "no column 'label'.*Did you mean 'lable'"),
        ("lable;s\n1;1\n", "t.csv", "no column 'label'.*Did you mean 'lable'"),
        ("label,score\n1,1\n", "t.csv", "no column 's'"),
        ("label,s\n1,1\n".encode("utf-16"), "t.csv", "no column 'label'"),
        ("label,s,s\n1,1,2\n", "t.csv", "2 columns called 's'"),
        ("label,s,label\n1,1,2\n", "t.csv", "2 columns called 'label'"),
        ('[{"label": 1, "s": 1}]', "t.json", "is a JSON array.*one object per line"),
        ('{"label": 1,\n"s": 1}', "t.json", "no column 'label'"),
        (b"PAR1 and no more", "t.parquet", "cannot be read as a table"),
        (gzip.compress(b"label,s\n1,1\n" * 999)[:-20], "t.csv.gz", "cannot be read as a table"),
        ("label,s\n1,1\n", "t.csv.gz", "cannot be read as a table"),
        ("x" * 200_000, "t.csv", "cannot be read as a table"),
        (pa.table({"label": [1], "s": [[0.5]]}), "t.parquet", "cannot be read as a table"),
        (pa.table({"label": [{"a": 1}], "s": [0.5]}), "t.parquet", "cannot be read as a table"),
        (
            pa.Table.from_arrays([pa.array([1])] * 3, names=["label", "s", "s"]),
            "t.parquet",
            "2 columns called 's'",
        ),
    ],
)
def test_what_is_no_table_is_a_sentence(read, found, name: str, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        read(found, name)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        read_scores(tmp_path / "absent.csv", PLAIN)
    with pytest.raises(UserError, match="There is no file"):
        read_scores(tmp_path, PLAIN)


def test_columns_that_are_not_wanted_are_not_looked_at(read) -> None:
    assert read("a,label,a,s\nx,1,y,0.5\n").scores.tolist() == [[0.5]]


def test_bytes_in_another_encoding_are_replaced(read) -> None:
    table = read("label,s,text\n1,0.5,caf\xe9\n\xe9\n\xe9,1,x\n".encode("latin-1"))
    assert table.texts([0]) == ["caf\ufffd"]
    assert list(bad(table)) == [2, 3]


def test_texts_of_a_training_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'id,prompt\n1,"two\n  words"\n2,\n3,one\n')
    assert read_texts(path) == {"two words", "one"}
    with pytest.raises(UserError, match="no text column"):
        read_texts(written(tmp_path, "id,label\n1,1\n"))


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
TABLES = st.lists(
    st.tuples(
        st.sampled_from([1, 0, None]),
        st.floats(allow_nan=False, allow_infinity=False),
        CELLS,
    ),
    min_size=1,
    max_size=8,
)


def as_csv(rows: list[tuple[int | None, float, str]], mark: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mark, quoting=csv.QUOTE_ALL)
    writer.writerow(["label", "s", "text"])
    writer.writerows([["" if y is None else y, repr(s), t] for y, s, t in rows])
    return out.getvalue()


@settings(max_examples=60)
@given(TABLES, st.sampled_from([",", "\t", ";", "jsonl"]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list, how: str) -> None:
    if how == "jsonl":
        found = "".join(json.dumps({"label": y, "s": s, "text": t}) + "\n" for y, s, t in rows)
    else:
        found = as_csv(rows, how)
    table = read_scores(written(tmp_path_factory.mktemp("t"), found), PLAIN)
    assert table.bad == ()
    assert table.label.tolist() == [-1 if y is None else y for y, _, _ in rows]
    assert np.array_equal(table.scores[:, 0], [s for _, s, _ in rows])
    assert table.texts(range(len(rows))) == [t for _, _, t in rows]


@settings(max_examples=80)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, headed: bool
) -> None:
    found = b"label,s\n1,0.5\n" + junk if headed else junk
    try:
        table = read_scores(written(tmp_path_factory.mktemp("t"), found), PLAIN)
    except UserError:
        return
    assert len(table.number) == len(table.label) == len(table.scores)
    assert np.isfinite(table.scores).all()
    assert set(table.number) & {row.number for row in table.bad} == set()
