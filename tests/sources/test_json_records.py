"""Cutting JSON records out of files as they come from the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.sources import detect, read
from trueup.sources.json_records import lines, loads, values

from .conftest import Load


class Blocks:
    """A stream of given blocks."""

    truncated = None

    def __init__(self, *blocks: bytes) -> None:
        self._blocks = list(blocks)

    def read(self) -> bytes:
        return self._blocks.pop(0) if self._blocks else b""


def chat(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "a"}]}


def prompts(got: Any) -> list[str]:
    return [row["prompt"] for row in got.interactions]


@pytest.mark.parametrize(
    "raw",
    [
        b"".join(orjson.dumps(chat(t)) + b"\r\n" for t in "xy"),
        json.dumps([chat("x"), chat("y")]).encode(),
        json.dumps([chat("x"), chat("y")], indent=2).encode(),
        "\n".join(json.dumps(chat(t), indent=1) for t in "xy").encode(),
        b"\n\n" + orjson.dumps(chat("x")) + b"\n   \n" + orjson.dumps(chat("y")),
        b"\xef\xbb\xbf" + orjson.dumps(chat("x")) + b"\n" + orjson.dumps(chat("y")),
        "\n".join(json.dumps(chat(t)) for t in "xy").encode("utf-16"),
        "\n".join(json.dumps(chat(t)) for t in "xy").encode("utf-16-be"),
    ],
    ids=["crlf", "array", "pretty array", "pretty", "blank lines", "bom", "utf-16", "utf-16-be"],
)
def test_layouts_and_encodings(load: Load, raw: bytes) -> None:
    got = load(by="chat", raw=raw, name="wrong.csv")
    assert not got.bad
    assert prompts(got) == ["x", "y"]


def test_a_single_object(load: Load) -> None:
    assert load(by="chat", raw=json.dumps(chat("x"), indent=2).encode()).one["prompt"] == "x"


def test_bytes_that_are_not_utf8_are_windows_1252(load: Load) -> None:
    raw = orjson.dumps(chat("é")) + b"\n" + orjson.dumps(chat("@")).replace(b"@", b"caf\xe9 \x96")
    assert prompts(load(by="chat", raw=raw)) == ["é", "café –"]


def test_bytes_that_nothing_explains_are_set_aside(load: Load) -> None:
    raw = orjson.dumps(chat("@")).replace(b"@", b"\x81") + b"\n" + orjson.dumps(chat("y"))
    got = load(by="chat", raw=raw)
    assert prompts(got) == ["y"]
    assert [(bad.line, bad.reason) for bad in got.bad] == [
        (1, "The bytes are neither UTF-8 nor Windows-1252 (byte 0x81).")
    ]


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        (r"\ud800", "�"),
        (r"\ud83d\ude00", "😀"),
        (r"a\u0000b", "a�b"),
        ("a\x00b", "a�b"),
        ("a\tb", "a\tb"),
    ],
)
def test_text_that_no_database_takes(load: Load, text: str, read_as: str) -> None:
    raw = orjson.dumps(chat("@")).replace(b"@", text.encode())
    assert load(by="chat", raw=raw).one["prompt"] == read_as


def test_nan_huge_integers_and_duplicate_keys(load: Load) -> None:
    record = orjson.dumps(chat("x"))[:-1]
    raw = record + b', "sampling": {"top_p": NaN, "k": 123456789012345678901234567890},'
    raw += b' "model": "one", "model": "two", "latency_ms": NaN}'
    row = load(by="chat", raw=raw).one
    assert row["model"] == "two"
    assert row["latency_ms"] is None
    assert orjson.loads(row["sampling"])["k"] == "123456789012345678901234567890"


def test_infinity_is_set_aside(load: Load) -> None:
    got = load(by="chat", raw=orjson.dumps(chat("x"))[:-1] + b', "latency_ms": Infinity}')
    assert got.bad[0].reason == "latency_ms must be a finite number, got inf."


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_deep_nesting(load: Load, depth: int) -> None:
    deep = orjson.dumps(chat("x"))[:-1] + b', "extra": ' + b"[" * depth + b"]" * depth + b"}"
    got = load(by="chat", raw=orjson.dumps(chat("y")) + b"\n" + deep + b"\n")
    assert prompts(got) == ["y"]
    assert got.bad[0].reason == "The JSON is nested too deeply to read."


@pytest.mark.parametrize("first", [b"garbage", b'{"messages": [', b"[1, 2]", b'"text"', b"7"])
def test_a_bad_line_stops_nothing(load: Load, first: bytes) -> None:
    got = load(
        by="chat", raw=orjson.dumps(chat("x")) + b"\n" + first + b"\n" + orjson.dumps(chat("y"))
    )
    assert prompts(got) == ["x", "y"]
    assert [bad.line for bad in got.bad] == [2]
    assert got.lines == [1, 3]


@pytest.mark.parametrize("first", [b"garbage", b'{"messages": ['])
def test_a_damaged_first_line_does_not_hide_the_format(load: Load, first: bytes) -> None:
    raw = first + b"\n" + orjson.dumps(chat("x")) + b"\n" + orjson.dumps(chat("y"))
    got = load(by="chat", raw=raw)
    assert prompts(got) == ["x", "y"]
    assert [bad.line for bad in got.bad] == [1]


def test_a_truncated_last_line(load: Load) -> None:
    raw = orjson.dumps(chat("x")) + b"\n" + orjson.dumps(chat("y"))[:-9]
    got = load(by="chat", raw=raw)
    assert prompts(got) == ["x"]
    assert got.bad[0].line == 2
    assert "Not valid JSON" in got.bad[0].reason


def test_bad_elements_of_an_array_and_a_truncated_array(load: Load) -> None:
    raw = b"[" + orjson.dumps(chat("x")) + b', 7, "s", {"a": nope}, ' + orjson.dumps(chat("y"))
    got = load(by="chat", raw=raw + b', {"messages"')
    assert prompts(got) == ["x", "y"]
    assert [bad.line for bad in got.bad] == [2, 3, 4, 6]
    assert got.bad[-1].reason == "The record does not end: the file was cut."


def test_a_long_line_is_read_and_a_too_long_one_set_aside(load: Load) -> None:
    raw = orjson.dumps(chat("x" * 10_000_000)) + b"\n" + orjson.dumps(chat("y"))
    assert [len(text) for text in prompts(load(by="chat", raw=raw))] == [10_000_000, 1]
    records = list(lines(Blocks(b"a\n", b"b" * 60, b"b" * 60, b"b\nc\n", b"d"), limit=100))
    assert [(record.number, record.raw[:1], record.problem is None) for record in records] == [
        (1, b"a", True),
        (2, b"b", False),
        (3, b"c", True),
        (4, b"d", True),
    ]
    (record,) = values(Blocks(b'[{"a": "' + b"b" * 200, b"b" * 200), limit=100)
    assert "longer than" in (record.problem or "")


@pytest.mark.parametrize("raw", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_a_user_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(raw)
    with pytest.raises(UserError, match="is empty"):
        detect(path)
    with pytest.raises(UserError, match="is empty"):
        read(path)


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
objects = st.lists(st.dictionaries(texts, json_values, max_size=4), max_size=5)


@given(
    records=objects, indent=st.sampled_from([None, 1]), size=st.integers(1, 50), array=st.booleans()
)
def test_values_whatever_the_blocks(records: Any, indent: Any, size: int, array: bool) -> None:
    if array:
        raw = json.dumps(records, indent=indent).encode()
    else:
        raw = b" ".join(json.dumps(record, indent=indent).encode() for record in records)
    blocks = [raw[start : start + size] for start in range(0, len(raw), size)]
    cut = list(values(Blocks(*blocks)))
    assert all(record.problem is None for record in cut)
    assert [loads(record.raw) for record in cut] == records
    assert [record.number for record in cut] == list(range(1, len(records) + 1))


@given(records=objects, size=st.integers(1, 50))
def test_lines_whatever_the_blocks(records: Any, size: int) -> None:
    raw = b"\n".join(orjson.dumps(record) for record in records)
    blocks = [raw[start : start + size] for start in range(0, len(raw), size)]
    cut = list(lines(Blocks(*blocks)))
    assert [loads(record.raw) for record in cut] == records
    assert [record.number for record in cut] == list(range(1, len(records) + 1))
