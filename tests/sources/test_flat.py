"""Flat files: CSV, TSV, Parquet and JSON Lines, with and without a mapping."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.sources import detect, read

from .conftest import Load, loaded


def test_xstest_needs_no_mapping(shared_data: Path) -> None:
    path = shared_data / "xstest" / "llama2orig.csv"
    with path.open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    assert detect(path) == "flat"
    got = loaded(list(read(path)))
    assert not got.bad
    assert [row["id"] for row in got.interactions] == [row["id"] for row in expected]
    assert [row["response"] for row in got.interactions] == [row["completion"] for row in expected]
    assert [row["prompt"] for row in got.interactions] == [row["prompt"] for row in expected]
    assert [row["segments"] for row in got.interactions] == [
        {"type": row["type"]} for row in expected
    ]


def test_chatgpt_refusals_need_no_mapping(shared_data: Path) -> None:
    path = shared_data / "chatgpt_refusals.jsonl"
    expected = [orjson.loads(line) for line in path.open("rb")]
    assert detect(path) == "flat"
    got = loaded(list(read(path)))
    assert not got.bad
    assert [row["response"] for row in got.interactions] == [row["response"] for row in expected]
    assert len({row["id"] for row in got.interactions}) == len(expected)


def test_pandalm_keeps_its_boolean_responses(shared_data: Path) -> None:
    path = shared_data / "pandalm.jsonl"
    expected = [orjson.loads(line)["response1"] for line in path.open("rb")]
    booleans = [value for value in expected if isinstance(value, bool)]
    assert booleans
    got = loaded(list(read(path, mapping="response=response1,prompt=instruction")))
    assert not got.bad
    assert [row["response"] for row in got.interactions] == [
        value if isinstance(value, str) else str(value).lower() for value in expected
    ]


def test_alpaca_parquet(shared_data: Path) -> None:
    path = shared_data / "alpaca_outputs.parquet"
    table = pq.read_table(path)
    assert detect(path) == "flat"
    batches = list(read(path, batch_size=5000))
    assert len(batches) == -(-table.num_rows // 5000)
    columns = pa.concat_tables([batch.interactions for batch in batches])
    assert columns["response"].to_pylist() == table["output"].to_pylist()
    assert columns["prompt"].to_pylist() == table["instruction"].to_pylist()
    assert columns["model"].to_pylist() == table["generator"].to_pylist()
    assert len(set(columns["id"].to_pylist())) == table.num_rows


def test_four_real_guards_by_mapping(shared_data: Path) -> None:
    names = ("perspective", "siftninja")
    layers = ",".join(f"layer.{name}=pred_{name}==hateful" for name in names)
    path = shared_data / "hatecheck_guards.csv"
    got = loaded(list(read(path, mapping=f"prompt=test_case,{layers}")))
    with path.open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    assert not got.bad
    assert [event["fired"] for event in got.events] == [
        row[f"pred_{name}"] == "hateful" for row in expected for name in names
    ]
    assert [event["position"] for event in got.events[:2]] == [0, 1]


CSV = '''question,answer,topic_flag,score,liked,kind
"Why,
so?",Because,pass,0.2,1,faq
How?,"Like ""this""",flagged,0.9,-1,other
What?,,,,,
'''


def test_mapping_of_everything(load: Load) -> None:
    mapping = (
        "prompt=question,response=answer,segment.kind=kind,layer.topic=topic_flag,"
        "layer.tox.score=score,layer.tox.threshold=0.5,outcome.thumb=liked"
    )
    got = load(by="flat", raw=CSV.encode(), name="log.csv", mapping=mapping)
    assert not got.bad
    assert [row["prompt"] for row in got.interactions] == ["Why,\nso?", "How?", "What?"]
    assert [row["response"] for row in got.interactions] == ["Because", 'Like "this"', None]
    assert [row["segments"] for row in got.interactions] == [
        {"kind": "faq"},
        {"kind": "other"},
        None,
    ]
    events = [(e["layer"], e["fired"], e["action"], e["score"]) for e in got.events]
    assert events == [
        ("topic", False, "allow", None),
        ("tox", False, "allow", 0.2),
        ("topic", True, "block", None),
        ("tox", True, "block", 0.9),
    ]
    assert [outcome["value"] for outcome in got.outcomes] == [1.0, 0.0]
    assert got.lines == [2, 4, 5]
    assert list(got.batches[0].event_rows) == [0, 0, 1, 1]
    assert list(got.batches[0].outcome_rows) == [0, 1]


def test_labels_by_mapping(load: Load) -> None:
    raw = b"prompt,response,final_label\nq,a,1_full_compliance\nr,b,\ns,c,partial refusal\n"
    got = load(by="flat", raw=raw, mapping="label.compliance=final_label")
    assert [label["value"] for label in got.labels] == ["full", "partial"]
    assert list(got.batches[0].label_rows) == [0, 2]
    assert {label["source"] for label in got.labels} == {"human"}


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ("prompt=nope", "names the column 'nope', which log.csv does not have"),
        ("layer.x=kind", "Accepted words are: allow"),
        ("prompt=question,prompt=answer", "names 'prompt' twice"),
        ("promt=question", "Did you mean 'prompt'?"),
        ("outcome.thump=liked", "Did you mean 'thumb'?"),
        ("segmnt.a=kind", "Did you mean 'segment'?"),
        ("label.legit=kind", "Did you mean 'legitimate'?"),
        ("layer.x.threshold=score", "not what the guard decided"),
        ("question", "must hold NAME=COLUMN pairs"),
    ],
)
def test_mistakes_in_a_mapping_name_the_fix(load: Load, mapping: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        load(by="flat", raw=CSV.encode(), name="log.csv", mapping=mapping)
    assert sentence in str(error.value)


def test_a_missing_column_lists_those_there_are(load: Load) -> None:
    with pytest.raises(UserError, match="It has: question, answer, topic_flag, score, liked, kind"):
        load(by="flat", raw=CSV.encode(), name="log.csv", mapping="prompt=nope")


def test_an_unknown_word_late_in_a_column_is_one_bad_row(load: Load) -> None:
    raw = b"prompt,response,flag\na,b,block\nc,d,purple\ne,f,pass\n"
    got = load(by="flat", raw=raw, mapping="layer.g=flag")
    assert [event["action"] for event in got.events] == ["block", "allow"]
    assert [bad.line for bad in got.bad] == [3]
    assert "'purple'" in got.bad[0].reason


def test_an_empty_right_side_leaves_the_column_empty(load: Load) -> None:
    raw = b"id,prompt,response\n1,a,b\n"
    row = load(by="flat", raw=raw, mapping="id=").one
    assert len(row["id"]) == 32


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(load: Load, delimiter: str) -> None:
    raw = f"prompt{delimiter}response\nq{delimiter}a\n".encode()
    row = load(by="flat", raw=raw).one
    assert (row["prompt"], row["response"]) == ("q", "a")


def test_ragged_rows_and_stray_quotes_are_set_aside(load: Load) -> None:
    raw = b'prompt,response\na,b\nc\nd,e,f\n"g"h,i\n\nj,k\n'
    got = load(by="flat", raw=raw, name="log.csv")
    assert [row["prompt"] for row in got.interactions] == ["a", "j"]
    assert [bad.line for bad in got.bad] == [3, 4, 5]
    assert got.bad[0].reason == "The row has 1 cells, but the header has 2."
    assert got.lines == [2, 7]


def test_an_unclosed_quote_loses_only_its_row(load: Load) -> None:
    raw = b'prompt,response\na,b\n"c,d\ne,f\ng,h\n'
    got = load(by="flat", raw=raw, name="log.csv")
    assert [row["prompt"] for row in got.interactions] == ["a", "e", "g"]
    assert [bad.line for bad in got.bad] == [3]
    assert got.lines == [2, 4, 5]


def test_duplicate_headers(load: Load) -> None:
    raw = b"prompt,note,note,response\nq,1,2,a\n"
    assert load(by="flat", raw=raw).one["response"] == "a"
    with pytest.raises(UserError, match="has two columns 'prompt'"):
        load(by="flat", raw=b"prompt,prompt,response\nq,1,a\n")


def test_no_column_looks_like_text(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_bytes(b"height,weight\n1,2\n")
    with pytest.raises(UserError, match="its columns are: height, weight"):
        detect(path)


def test_parquet_with_lists_times_and_maps(load: Load) -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    table = pa.table(
        {
            "messages": [
                [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
                [{"role": "user", "content": "r"}],
            ],
            "timestamp": pa.array([when, None], pa.timestamp("ns", "UTC")),
            "guardrails": [[{"name": "g", "action": "block"}], None],
            "plan": pa.array(["pro", "free"]).dictionary_encode(),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    got = load(by="flat", raw=sink.getvalue(), name="log.jsonl")  # the suffix is wrong on purpose
    assert [row["response"] for row in got.interactions] == ["a", None]
    assert [row["prompt"] for row in got.interactions] == ["q", "r"]
    assert got.interactions[0]["at"] == when
    assert [row["segments"] for row in got.interactions] == [{"plan": "pro"}, {"plan": "free"}]
    assert [(event["layer"], event["action"]) for event in got.events] == [("g", "block")]


def test_alpaca_instruction_and_input_are_one_prompt(load: Load) -> None:
    got = load(
        {"instruction": "Shorten.", "input": "A long text", "output": "Text"},
        {"instruction": "Joke.", "input": "", "output": "Ha"},
        by="flat",
    )
    assert [row["prompt"] for row in got.interactions] == ["Shorten.\n\nA long text", "Joke."]


scalars: Any = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9)
strings = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(strings, scalars | strings), min_size=1, max_size=8))
def test_json_round_trip(load: Load, rows: Any) -> None:
    """Any JSON scalar comes back as a response: text as it is, the rest as JSON text."""
    got = load(*({"prompt": p, "response": r} for p, r in rows), by="flat")
    assert not got.bad
    prompts = [prompt if prompt.strip() else None for prompt, _ in rows]
    assert [row["prompt"] for row in got.interactions] == prompts
    assert [row["response"] for row in got.interactions] == [
        r if r is None or isinstance(r, str) else orjson.dumps(r).decode() for _, r in rows
    ]


cells = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_csv_round_trip(load: Load, rows: Any) -> None:
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(("prompt", "response"))
    writer.writerows(rows)
    got = load(by="flat", raw=file.getvalue().encode(), name="log.csv")
    assert not got.bad
    assert [row["response"] for row in got.interactions] == [cell or None for _, cell in rows]


def test_a_header_with_an_open_quote_is_the_file_s_mistake(tmp_path: Path) -> None:
    file = tmp_path / "open.csv"
    file.write_text('prompt,"response\nhello,there\n')
    with pytest.raises(UserError, match="no readable header"):
        list(read(file, format="flat"))
