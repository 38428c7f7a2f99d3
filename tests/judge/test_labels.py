"""Labels: what goes in from other tools' files, what comes out, who agrees with whom."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.judge.agreement import agreement
from trueup.judge.labels import export_labels, import_labels, majority, read_labels
from trueup.schema import ANSWERS, INTERACTIONS, LABELS
from trueup.store import Workspace


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace.scratch() as workspace:
        workspace.append("interactions", interactions([f"i{n}" for n in range(6)]))
        yield workspace


def interactions(ids: list[str]) -> pa.Table:
    return INTERACTIONS.from_rows({"id": key, "content_hash": "x", "prompt": key} for key in ids)


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, delimiter=delimiter).writerows(rows)
    return path


def answers(labels: pa.Table) -> dict[tuple[str, str], str]:
    return {(row["target_id"], row["question"]): row["value"] for row in labels.to_pylist()}


# Reading


def test_long_form(tmp_path: Path) -> None:
    rows = [
        {"target_id": "i1", "question": "legitimate", "value": True, "rater": "ann"},
        {"interaction_id": "i2", "question": "compliance", "value": "2_full_refusal"},
        {"id": 3, "question": "Compliance", "answer": "complied", "at": "2026-01-02T03:04:05Z"},
    ]
    read = read_labels([write_jsonl(tmp_path / "l.jsonl", rows)], rater="bob", guideline="g2")
    assert not read.bad
    assert answers(read.labels) == {
        ("i1", "legitimate"): "yes",
        ("i2", "compliance"): "refusal",
        ("3", "compliance"): "full",
    }
    by_target = {row["target_id"]: row for row in read.labels.to_pylist()}
    assert by_target["i1"]["rater"] == "ann"
    assert by_target["i2"]["rater"] == "bob"
    assert by_target["i2"]["guideline_version"] == "g2"
    assert by_target["3"]["at"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_wide_form_in_any_table(tmp_path: Path, delimiter: str) -> None:
    rows = [["ID ", "Legitimate", "final_label"], ["i1", "1", "3_partial_refusal"], ["i2", "n", ""]]
    read = read_labels([write_csv(tmp_path / "l.csv", rows, delimiter)])
    assert answers(read.labels) == {
        ("i1", "legitimate"): "yes",
        ("i1", "compliance"): "partial",
        ("i2", "legitimate"): "no",
    }
    assert read.blank == 1
    assert not read.bad


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        (True, "yes"),
        (0, "no"),
        (1.0, "yes"),
        ("FALSE", "no"),
        (" Yes ", "yes"),
        ("policy mismatch", "mismatch"),
        ("Policy-Mismatch", "mismatch"),
        ("?", "unsure"),
    ],
)
def test_spellings_of_legitimate(tmp_path: Path, cell: Any, answer: str) -> None:
    read = read_labels([write_jsonl(tmp_path / "l.jsonl", [{"id": "i1", "legitimate": cell}])])
    assert answers(read.labels) == {("i1", "legitimate"): answer}


@pytest.mark.parametrize(
    ("column", "cell", "answer"),
    [
        ("compliance", True, "full"),
        ("compliance", "0", "refusal"),
        ("refused", True, "refusal"),
        ("is_refusal", "no", "full"),
        ("refused", "partial", "partial"),
        ("label", "1_full_compliance", "full"),
        ("label", "2. full refusal", "refusal"),
        ("label", "could not", "unable"),
        ("final_label", "Partial Refusal", "partial"),
    ],
)
def test_spellings_of_compliance(tmp_path: Path, column: str, cell: Any, answer: str) -> None:
    read = read_labels([write_jsonl(tmp_path / "l.jsonl", [{"id": "i1", column: cell}])])
    assert answers(read.labels) == {("i1", "compliance"): answer}


@pytest.mark.parametrize("cell", [1, 0, True, "yes", "false"])
def test_a_bare_yes_under_label_is_not_guessed(tmp_path: Path, cell: Any) -> None:
    """`label: 1` means refused in some files and complied in others."""
    path = write_jsonl(tmp_path / "l.jsonl", [{"id": "i1", "label": cell}])
    read = read_labels([path])
    assert not read.labels.num_rows
    assert "--map refused=" in read.bad[0].reason
    mapped = read_labels([path], mapping={"refused": "label"})
    assert mapped.labels.num_rows == 1


def test_the_human_labels_of_xstest(shared_data: Path) -> None:
    """Published columns as they are: `final_label` is found, each annotator can be mapped."""
    path = shared_data / "xstest" / "llama2orig.csv"
    read = read_labels([path])
    with path.open(newline="", encoding="utf-8") as file:
        expected = [row["final_label"] for row in csv.DictReader(file)]
    codes = {
        "full": "1_full_compliance",
        "partial": "3_partial_refusal",
        "refusal": "2_full_refusal",
    }
    for answer, published in codes.items():
        assert list(answers(read.labels).values()).count(answer) == expected.count(published)
    first = read_labels([path], mapping={"compliance": "annotation_1"}, rater="first")
    assert first.labels.num_rows == len(expected)


def test_what_is_wrong_is_set_aside_and_the_rest_goes_in(tmp_path: Path, ws: Workspace) -> None:
    path = tmp_path / "l.jsonl"
    path.write_bytes(
        b'{"id": "i0", "legitimate": "yes", "compliance": "perhaps"}\n'
        b'{"id": "i1", "legitimate": \n'
        b'{"id": "nowhere", "legitimate": "yes"}\n'
        b'["i2", "yes"]\n'
        b'{"legitimate": "yes"}\n'
        b'{"id": "i2", "legitimate": "yes", "probability": 1.5}\n'
        b'{"id": "i2", "legitimate": "yes", "probability": 0}\n'
        b'{"id": "i2", "legitimate": "yes", "at": "yesterday"}\n'
        b'{"id": "i2", "legitimate": "yes", "source": "gpt-4"}\n'
        b'{"id": "i2", "legitimate": "", "compliance": null}\n'
        b'{"id": "i2", "legitimate": "\xff"}\n'
        b'{"id": "i3", "legitimate": "no", "probability": 0.25}\n'
    )
    done = import_labels(ws, [path], rater="ann")
    reasons = {bad.line: bad.reason for bad in done.bad}
    assert sorted(reasons) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert "'perhaps'" in reasons[1]
    assert "'nowhere'" in reasons[3]
    assert "no id" in reasons[5]
    assert "1.5" in reasons[6]
    assert "'yesterday'" in reasons[8]
    assert "--source" in reasons[9]
    assert done.blank == 2
    assert done.added == 2
    stored = {row["target_id"]: row for row in ws.table("labels").to_pyarrow().to_pylist()}
    assert stored["i0"]["value"] == "yes"
    assert stored["i3"]["probability"] == 0.25
    kept = ws.table("quarantine").to_pyarrow().to_pylist()
    assert {(row["file"], row["line"]) for row in kept} == {(str(path), n) for n in reasons}


def test_a_source_column_of_another_meaning(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "l.jsonl", [{"id": "a", "legitimate": "yes", "source": "xstest"}])
    assert read_labels([path]).bad
    for options in ({"source": "judge"}, {"mapping": {"source": ""}}):
        assert read_labels([path], **options).labels.num_rows == 1
    assert read_labels([path], source="judge").labels.column("source").to_pylist() == ["judge"]


def test_a_question_column_that_holds_the_prompt(tmp_path: Path) -> None:
    row = {
        "id": "a",
        "question": "How do I kill a process?",
        "answer": "kill -9",
        "compliance": "full",
    }
    read = read_labels([write_jsonl(tmp_path / "l.jsonl", [row])])
    assert answers(read.labels) == {("a", "compliance"): "full"}


@pytest.mark.parametrize(
    ("rows", "fix"),
    [
        ([["name", "legitimate"], ["a", "yes"]], "target_id="),
        ([["id", "opinion"], ["a", "yes"]], "legitimate="),
    ],
)
def test_a_file_without_the_columns_is_an_error(tmp_path: Path, rows: Any, fix: str) -> None:
    with pytest.raises(UserError) as caught:
        read_labels([write_csv(tmp_path / "l.csv", rows)])
    assert fix in caught.value.fix


def test_options_are_checked(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "l.jsonl", [{"id": "a", "legitimate": "yes"}])
    with pytest.raises(UserError, match="source must be one of"):
        read_labels([path], source="robot")
    with pytest.raises(UserError, match="no column 'legit'"):
        read_labels([path], mapping={"legit": "x"})
    with pytest.raises(UserError, match="does not exist"):
        read_labels([tmp_path / "none.csv"])


def test_other_encodings_and_long_cells(tmp_path: Path) -> None:
    long = "x" * 300_000
    text = f'id,prompt,legitimate\ni1,"{long}\nsecond line, with é",yes\ni2,é,maybe\ni3,short\n'
    for name, data in {
        "bom.csv": b"\xef\xbb\xbf" + text.encode(),
        "utf16.csv": text.encode("utf-16"),
        "cp1252.csv": text.encode("cp1252"),
        "packed.csv.gz": gzip.compress(text.encode()),
    }.items():
        (tmp_path / name).write_bytes(data)
        read = read_labels([tmp_path / name])
        assert answers(read.labels) == {("i1", "legitimate"): "yes"}, name
        assert [bad.line for bad in read.bad] == [4], name  # i1 spans lines 2 and 3
        assert read.blank == 1, name


def test_an_array_and_a_row_that_is_too_long(tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text('[{"id": "a", "legitimate": "y"}, 7]')
    read = read_labels([tmp_path / "l.json"])
    assert read.labels.num_rows == 1
    assert [bad.line for bad in read.bad] == [2]
    rows = [["id", "legitimate"], ["a", "yes", "stray"], ["b", "no", ""]]
    table = read_labels([write_csv(tmp_path / "l.csv", rows)])
    assert answers(table.labels) == {("b", "legitimate"): "no"}
    assert "3 cells" in table.bad[0].reason


# Importing


def test_importing_again_changes_nothing(tmp_path: Path, ws: Workspace) -> None:
    rows = [{"id": f"i{n}", "legitimate": "yes", "compliance": "full"} for n in range(3)]
    path = write_jsonl(tmp_path / "l.jsonl", rows)
    first = import_labels(ws, [path], rater="ann")
    before = export_labels(ws)
    second = import_labels(ws, [path], rater="ann")
    assert (first.added, second.added, second.unchanged) == (6, 0, 6)
    assert export_labels(ws).equals(before)


def test_the_latest_answer_wins(tmp_path: Path, ws: Workspace) -> None:
    def row(value: str, at: str | None) -> dict[str, Any]:
        return {"id": "i1", "legitimate": value, "at": at}

    def value() -> str:
        return answers(export_labels(ws))["i1", "legitimate"]

    file = tmp_path / "l.jsonl"
    late, early = "2026-02-02T00:00:00Z", "2026-01-01T00:00:00Z"
    import_labels(ws, [write_jsonl(file, [row("no", late), row("yes", early)])], rater="ann")
    assert value() == "no"
    done = import_labels(ws, [write_jsonl(file, [row("mismatch", early)])], rater="ann")
    assert (done.older, done.updated, value()) == (1, 0, "no")
    import_labels(ws, [write_jsonl(file, [row("unsure", None)])], rater="ann")
    assert value() == "no"
    done = import_labels(ws, [write_jsonl(file, [row("yes", late)])], rater="ann")
    assert (done.updated, value()) == (1, "yes")
    assert ws.count("labels") == 1


def test_raters_and_sources_stand_side_by_side(tmp_path: Path, ws: Workspace) -> None:
    path = write_jsonl(tmp_path / "l.jsonl", [{"id": "i1", "legitimate": "yes"}])
    import_labels(ws, [path], rater="ann")
    import_labels(ws, [path], rater="bob")
    import_labels(ws, [path], rater="gpt", source="judge")
    assert ws.count("labels") == 3


# Round trip

_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_ids = _texts.filter(lambda text: text.strip() and text != "nan" and not text.startswith("'"))
_raters = _texts.map(str.strip).filter(lambda text: text and text != "nan" and text[0] != "'")
_labels = st.builds(
    lambda target, answer, source, rater, at, probability: {
        "target_id": target,
        "question": answer[0],
        "value": answer[1],
        "source": source,
        "rater": rater,
        "at": at,
        "probability": probability,
    },
    _ids,
    st.sampled_from([(q, a) for q, options in ANSWERS.items() for a in options]),
    st.sampled_from(["human", "judge", "rule"]),
    st.none() | _raters,
    st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    st.none() | st.floats(0, 1, exclude_min=True),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_labels, min_size=1, max_size=6),
    suffix=st.sampled_from([".jsonl", ".csv"]),
)
def test_export_then_import_gives_the_same_labels(
    rows: list[dict[str, Any]], suffix: str, ws: Workspace, tmp_path: Path
) -> None:
    from trueup.cli._rows import write_rows
    from trueup.judge.label_values import label_id

    for row in rows:
        row["id"] = label_id(row["target_id"], row["question"], row["source"], row["rater"])
    ids = sorted({row["target_id"] for row in rows})
    path = tmp_path / f"labels{suffix}"
    for name in ("labels", "interactions"):
        ws.clear(name)
    ws.append("interactions", interactions(ids))
    ws.upsert("labels", LABELS.from_rows(rows))
    exported = export_labels(ws)
    write_rows(exported.to_batches(), exported.schema, path)
    ws.clear("labels")
    done = import_labels(ws, [path])
    assert not done.bad
    assert export_labels(ws).equals(exported)


# Agreement


def table(rows: list[tuple[str, str, str | None, str]], source: str = "human") -> pa.Table:
    return LABELS.from_rows(
        {
            "id": f"{target}{question}{rater}",
            "target_id": target,
            "question": question,
            "rater": rater,
            "value": value,
            "source": source,
        }
        for target, question, rater, value in rows
    )


def test_one_rater_does_not_agree_with_himself() -> None:
    found = agreement(table([("a", "legitimate", "ann", "yes"), ("b", "legitimate", "ann", "no")]))
    assert [item.sentence for item in found] == [
        "One rater only: agreement unknown.",
        "No human labels yet: agreement unknown.",
    ]
    assert all(item.alpha.value != item.alpha.value for item in found)  # NaN


def test_judges_are_not_raters() -> None:
    both = pa.concat_tables(
        [
            table([("a", "legitimate", "ann", "yes")]),
            table([("a", "legitimate", "gpt", "no")], source="judge"),
        ]
    )
    assert agreement(both)[0].sentence == "One rater only: agreement unknown."


def test_two_raters() -> None:
    """Krippendorff (2011), section B, the 2 × 10 example: α = 0.095 on nominal data."""
    ann = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    bob = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    names = ("no", "yes")
    rows = [
        (f"i{n}", "legitimate", rater, names[said[n]])
        for rater, said in (("ann", ann), ("bob", bob))
        for n in range(10)
    ]
    found = agreement(table(rows))[0]
    assert found.alpha.value == pytest.approx(0.095, abs=5e-4)
    assert found.alpha.low < found.alpha.value < found.alpha.high
    assert found.items == 10
    assert found.pairs[0].alike == pytest.approx(0.6)
    assert [d.target_id for d in found.disagreements] == ["i0", "i2", "i5", "i8"]
    assert found.disagreements[0].answers == {"ann": "no", "bob": "yes"}


def test_agreement_throughout_is_not_certain() -> None:
    rows = [
        (f"i{n}", "compliance", rater, "full" if n % 2 else "refusal")
        for rater in ("ann", "bob")
        for n in range(8)
    ]
    found = agreement(table(rows))[1]
    assert found.alpha.value == 1.0
    assert found.alpha.low < 0.7
    same = [(f"i{n}", "compliance", rater, "full") for rater in ("ann", "bob") for n in range(8)]
    assert "undefined" in agreement(table(same))[1].sentence


def test_majority_and_ties() -> None:
    rows = [
        ("a", "legitimate", "ann", "yes"),
        ("a", "legitimate", "bob", "yes"),
        ("a", "legitimate", "cid", "no"),
        ("a", "compliance", "ann", "full"),
        ("a", "compliance", "bob", "refusal"),
    ]
    found = {row["question"]: row for row in majority(table(rows)).to_pylist()}
    assert (found["legitimate"]["value"], found["legitimate"]["agreed"]) == ("yes", 2)
    assert (found["compliance"]["value"], found["compliance"]["agreed"]) == ("undetermined", 0)


def test_an_empty_workspace(tmp_path: Path) -> None:
    with Workspace.scratch() as empty:
        assert export_labels(empty).num_rows == 0
        assert majority(empty.table("labels").to_pyarrow()).num_rows == 0
        path = write_jsonl(tmp_path / "l.jsonl", [{"id": "i1", "legitimate": "yes"}])
        done = import_labels(empty, [path])
        assert (done.added, len(done.bad)) == (0, 1)
        with pytest.raises(UserError, match="question must be one of"):
            export_labels(empty, question="legit")
