"""Loading suites: those that ship, users' files with everything that can be wrong in them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.probe.suite import Prompt, builtin_names, load_suite
from trueup.schema import SUITE, TRIGGER_TYPES

HOSTILE = (
    "How do I kill a process? 🔪👨‍👩‍👧",
    "كيف أوقف العملية؟ \u202eesrever",
    "\x1b]0;owned\x07\x1b[2J red",
    '=HYPERLINK("http://x")',
    "line one\nline two\ttab",
    "<script>alert(1)</script> [bold]x[/bold]",
)


def write(path: Path, *rows: Any) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def fields(**values: Any) -> dict[str, Any]:
    return {"id": "a", "prompt": "Why?", **values}


# Those that come with trueup


def test_the_newest_and_a_pinned_version() -> None:
    for name, versions in builtin_names().items():
        newest = load_suite(f"builtin:{name}")
        assert newest.name == f"{name}@{versions[-1]}"
        assert load_suite(f"builtin:{name}@{versions[-1]}") == newest
        assert not newest.bad


def test_all_of_them_in_one() -> None:
    suite = load_suite("builtin:all")
    parts = [load_suite(f"builtin:{name}") for name in builtin_names()]
    assert suite.prompts == tuple(prompt for part in parts for prompt in part.prompts)
    assert suite.pairs == sum(part.pairs for part in parts)
    assert len({prompt.id for prompt in suite.prompts}) == len(suite.prompts)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("builtin:medicl", "Did you mean 'builtin:medical'?"),
        ("builtin:medical@9", "There is no version '9' of builtin:medical. Use one of: "),
        ("builtin:medical@", "There is no version ''"),
        ("builtin:all@1", "No suite called 'all' comes with trueup."),
        ("builtin:", "No suite called ''"),
        ("medical", "Did you mean builtin:medical?"),
        ("none.jsonl", "none.jsonl does not exist."),
    ],
)
def test_a_wrong_name(wrong: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        load_suite(wrong)
    assert said in str(error.value)


# A user's file


def test_a_row_needs_no_more_than_a_prompt(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path / "own.jsonl", {"prompt": "Why?"}, fields(id=7)))
    first, second = suite.prompts
    assert first == Prompt(first.id, "Why?")
    assert len(first.id) == 16
    assert second == Prompt("7", "Why?")
    assert load_suite(tmp_path / "own.jsonl") == suite  # an id made from the content stays


def test_every_column_is_read(tmp_path: Path) -> None:
    row = fields(
        legitimate=True, pair="p1", domain="ops", trigger="kill", trigger_type="homonym", extra=1
    )
    suite = load_suite(write(tmp_path / "own.jsonl", row, fields(id="b", legitimate=False)))
    assert asdict(suite.prompts[0]) == {key: row[key] for key in row if key != "extra"}
    assert set(asdict(suite.prompts[0])) == set(SUITE.names) - {"approved"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (True, True), ("TRUE", True), ("yes", True), (1, True), (1.0, True), ("harmful", False),
        ("0", False), (None, None), ("", None), (float("nan"), None), ("nan", None),
    ],
)  # fmt: skip
def test_ways_to_say_legitimate(tmp_path: Path, cell: Any, expected: bool | None) -> None:
    assert load_suite(
        write(tmp_path / "own.jsonl", fields(legitimate=cell))
    ).prompts[0].legitimate is expected  # fmt: skip


def test_bad_rows_are_set_aside_with_line_and_reason(tmp_path: Path) -> None:
    path = write(
        tmp_path / "own.jsonl",
        fields(),
        fields(id="b", prompt="  "),
        fields(id="c", prompt=float("nan")),
        fields(id="d", prompt=5),
        "{broken",
        "",
        "[1, 2]",
        fields(),
        fields(id="e", legitimate="perhaps"),
        fields(id="f", trigger_type="homonyms"),
        fields(id="g", pair=["x"]),
        {"prompt": "Same."},
        {"prompt": "Same."},
    )
    suite = load_suite(path)
    assert [prompt.prompt for prompt in suite.prompts] == ["Why?", "Same."]
    assert [bad.line for bad in suite.bad] == [2, 3, 4, 5, 7, 8, 9, 10, 11, 13]
    reasons = [bad.reason for bad in suite.bad]
    assert reasons[:3] == ["The prompt is empty."] * 2 + ["prompt must be text, got '5'."]
    assert "JSON" in reasons[3]
    assert reasons[4] == "A row must be a JSON object."
    assert reasons[5] == "The id 'a' is taken by line 1."
    assert reasons[6] == "legitimate must be true, false or empty, got 'perhaps'."
    assert "Did you mean 'homonym'?" in reasons[7]
    assert reasons[9] == "The same prompt stands in line 12 already."
    assert {bad.file for bad in suite.bad} == {"own.jsonl"}
    assert all(bad.excerpt for bad in suite.bad)


def test_nothing_usable(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no prompt that can be used \(line 1: The prompt is"):
        load_suite(write(tmp_path / "own.jsonl", fields(prompt="")))
    with pytest.raises(UserError, match=r"has no column 'prompt'; it has id, question\."):
        load_suite(write(tmp_path / "own.jsonl", {"id": 1, "question": "Why?"}))
    with pytest.raises(UserError, match="is empty"):
        load_suite(write(tmp_path / "own.jsonl"))
    with pytest.raises(UserError, match="is a folder"):
        load_suite(tmp_path)


def test_what_nobody_approved_is_left_out(tmp_path: Path) -> None:
    waiting = [fields(id=f"w{n}", approved=False) for n in range(3)]
    path = write(tmp_path / "mine.jsonl", *waiting, fields(approved=True), fields(id="b"))
    suite = load_suite(path)
    assert [prompt.id for prompt in suite.prompts] == ["a", "b"]
    assert suite.unapproved == 3
    assert f"trueup suite review {path}" in suite.notes[-1]
    with pytest.raises(UserError) as error:
        load_suite(write(path, *waiting))
    assert error.value.message == f"{path}: nobody has approved its 3 prompts yet."
    assert error.value.fix == f"Run: trueup suite review {path}"


def test_pairs_have_both_sides(tmp_path: Path) -> None:
    path = write(
        tmp_path / "own.jsonl",
        fields(id="1", pair="p", legitimate=True),
        fields(id="2", pair="p", legitimate=False),
        fields(id="3", pair="q", legitimate=True),
        fields(id="4", pair="q", legitimate=True),
        fields(id="5", legitimate=False),
    )
    assert load_suite(path).pairs == 1


def test_the_name_follows_the_prompts(tmp_path: Path) -> None:
    rows = [fields(legitimate=True), fields(id="b")]
    plain = load_suite(write(tmp_path / "own.jsonl", *rows))
    stem, _, digest = plain.name.partition("@")
    assert stem == "own"
    assert len(digest) == 8
    assert int(digest, 16) >= 0
    packed = tmp_path / "own.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "own.jsonl").read_bytes()))
    assert load_suite(packed).name == plain.name
    other_columns = [dict(reversed(row.items()), note="x") for row in rows]
    assert load_suite(write(tmp_path / "own.jsonl", *other_columns)).name == plain.name
    changed = [fields(legitimate=False), rows[1]]
    assert load_suite(write(tmp_path / "own.jsonl", *changed)).name != plain.name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv"])
def test_hostile_text_arrives_as_it_is(tmp_path: Path, encoding: str, suffix: str) -> None:
    rows = [{"id": f"h{n}", "prompt": text} for n, text in enumerate(HOSTILE)]
    if suffix == "csv":
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, ["id", "prompt"])
        writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue()
    else:
        dumped = [json.dumps(row, ensure_ascii=False) for row in rows]
        content = "\n".join(dumped) if suffix == "jsonl" else f"[{', '.join(dumped)}]"
    path = tmp_path / f"own.{suffix}"
    path.write_bytes(content.encode(encoding))
    suite = load_suite(path)
    assert [prompt.prompt for prompt in suite.prompts] == list(HOSTILE)
    assert not suite.bad


def test_half_a_character_is_no_obstacle(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path / "own.jsonl", '{"id": "a", "prompt": "x\\ud83dy\\u0000"}'))
    assert suite.prompts[0].prompt == "x\ufffdy\ufffd"


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
).filter(lambda text: bool(text.strip()))
NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789-é漢", min_size=1, max_size=8)
PROMPTS = st.lists(
    st.builds(
        Prompt,
        id=NAME,
        prompt=TEXT,
        legitimate=st.none() | st.booleans(),
        pair=st.none() | NAME,
        domain=st.none() | NAME,
        trigger=st.none() | NAME,
        trigger_type=st.none() | st.sampled_from(TRIGGER_TYPES),
    ),
    min_size=1,
    unique_by=lambda prompt: prompt.id,
)


@given(PROMPTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_is_written_is_read_back(tmp_path: Path, prompts: list[Prompt]) -> None:
    path = write(tmp_path / "own.jsonl", *map(asdict, prompts))
    assert load_suite(path).prompts == tuple(prompts)


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_rubbish_is_a_mistake_and_not_a_crash(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(b'{"id": "a", "prompt": "Why?"}\n' + content)
    assert load_suite(path).prompts[0].prompt == "Why?"
    path.write_bytes(content)
    with suppress(UserError):
        assert load_suite(path).prompts


# Published test sets. Small files in their shapes, then the real ones (counts as published).


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        (  # XSTest v2, as in its repository
            "xstest_v2_prompts.csv",
            [
                {"id_v2": "v2-1", "type": "homonyms", "prompt": "A", "focus": "kill"},
                {"id_v2": "v2-26", "type": "contrast_homonyms", "prompt": "B", "focus": ""},
            ],
            [
                Prompt("v2-1", "A", True, None, "homonyms", "kill", "homonym"),
                Prompt("v2-26", "B", False, None, "homonyms", None, "homonym"),
            ],
        ),
        (
            "xstest_prompts.csv",
            [
                {"id": 1, "prompt": "A", "type": "privacy_public", "label": "safe"},
                {"id": 2, "prompt": "B", "type": "contrast_privacy", "label": "unsafe"},
            ],
            [
                Prompt("1", "A", True, None, "privacy_public"),
                Prompt("2", "B", False, None, "privacy"),
            ],
        ),
        ("or-bench-hard-1k.csv", [{"prompt": "A", "category": "hate"}], [(True, "hate")]),
        ("OR_Bench_80k.csv", [{"prompt": "A", "category": "hate"}], [(True, "hate")]),
        ("or-bench-toxic.csv", [{"prompt": "A", "category": "hate"}], [(False, "hate")]),
        ("or-bench.csv", [{"prompt": "A", "category": "hate"}], [(None, "hate")]),
        ("mine.csv", [{"prompt": "A", "category": "hate"}], [(None, None)]),
        ("own.csv", [{"prompt": "A", "type": "hate"}], [(None, None)]),
        (
            "own.csv",  # a column that says so comes before any shape
            [{"prompt": "A", "type": "homonyms", "legitimate": "no"}],
            [(False, None)],
        ),
        (
            "coconot_original.csv",
            [
                {"prompt": "A", "category": "Requests with safety concerns", "subcategory": "x"},
                {"prompt": "B", "category": "Incomplete requests", "subcategory": "y"},
            ],
            [(False, "x"), (None, "y")],
        ),
        (
            "data_en.csv",
            [{"id": 1, "risk_area": "Malicious Uses", "question": "A"}],
            [(False, "Malicious Uses")],
        ),
    ],
)  # fmt: skip
def test_shapes_of_published_sets(
    tmp_path: Path, name: str, rows: list[dict[str, Any]], expected: list[Any]
) -> None:
    path = tmp_path / name
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    prompts = load_suite(path).prompts
    found = [(prompt.legitimate, prompt.domain) for prompt in prompts]
    assert expected in (found, list(prompts))


def test_or_bench_of_no_telling_name_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "orbench.jsonl", {"prompt": "A", "category": "hate"})
    assert "or-bench-hard-1k" in load_suite(path).notes[0]


def test_notinject_words_are_the_trigger(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("prompt,word_list,category\nA,\"['ignore', 'system']\",Common\n")
    assert load_suite(path).prompts[0].trigger == "ignore, system"


@pytest.mark.parametrize(
    ("name", "legitimate", "harmful"),
    [  # Röttger et al. 2023: 250 safe and 200 unsafe; the others: rows of the file, by the README
        ("xstest/llama2orig.csv", 250, 200),
        ("notinject/one.jsonl", 113, 0),
        ("notinject/three.jsonl", 113, 0),
        ("coconot/coconot_contrast_eval.jsonl", 379, 0),
        ("do_not_answer/Claude.csv", 0, 939),
    ],
)
def test_published_sets(shared_data: Path, name: str, legitimate: int, harmful: int) -> None:
    suite = load_suite(shared_data / name)
    said = Counter(prompt.legitimate for prompt in suite.prompts)
    assert (said[True], said[False], said[None]) == (legitimate, harmful, 0)
    assert not suite.bad
    assert suite.notes[0].startswith("Read as ")


def test_one_set_has_one_name_whatever_stands_beside_the_prompts(shared_data: Path) -> None:
    names = [load_suite(path).name for path in sorted((shared_data / "xstest").glob("*.csv"))]
    assert len(names) == 3
    assert len({name.partition("@")[2] for name in names}) == 1


def test_customer_support_is_support() -> None:
    assert load_suite("builtin:customer-support").name == load_suite("builtin:support").name
