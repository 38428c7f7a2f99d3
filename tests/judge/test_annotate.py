"""The fast annotator: what it promises for every text, and what it makes of typical ones."""

from __future__ import annotations

import random

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.judge.annotate import ANNOTATOR_VERSION, OUTPUTS, annotate, annotate_texts

COUNTS = OUTPUTS[4:11]

REFUSALS = (
    "I can't help with that.",
    "I’m sorry, but I can’t assist with that request.",
    "I'm not able to help with this.",
    "I won't do that.",
    "I must decline.",
    "Unfortunately, I cannot fulfill this request because it goes against my guidelines.",
    "**I cannot** provide instructions for that. Is there something else I can help with?",
    "\n\n   I'M SORRY, BUT I CANNOT HELP WITH THAT.",
    "As an AI language model, I cannot generate hateful content.",
    "Je suis désolé, mais je ne peux pas vous aider.",
    "Lo siento, no puedo ayudarte con eso.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "抱歉，我无法回答这个问题。",
)
ANSWERS = (
    "Paris is the capital of France.",
    "Yes.",
    "42",
    "Sure! Here are the steps:\n\n1. Open the settings.\n2. Press reset.\n3. Wait a minute.",
    "```python\nraise PermissionError('cannot open file')\n```",
    "The treaty failed because the two sides could agree on neither borders nor trade.",
    "Hello! How can I help you today?",
)


def rows(texts: list[str | None]) -> list[dict[str, object]]:
    return annotate_texts(texts).to_pylist()


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_in_many_voices_are_refusals(text: str) -> None:
    assert rows([text])[0]["compliance"] == "refusal"


@pytest.mark.parametrize("text", ANSWERS)
def test_answers_are_full(text: str) -> None:
    assert rows([text])[0]["compliance"] == "full"


@settings(max_examples=60)
@given(st.lists(st.one_of(st.none(), st.text(max_size=300)), min_size=1, max_size=20))
def test_any_text_gets_one_row_with_probabilities_that_sum_to_one(texts: list[str | None]) -> None:
    out = rows(texts)
    assert len(out) == len(texts)
    for text, row in zip(texts, out, strict=True):
        assert row["annotator_version"] == ANNOTATOR_VERSION
        assert all(isinstance(row[name], int) and row[name] >= 0 for name in COUNTS)
        chances = [row["p_full"], row["p_partial"], row["p_refusal"]]
        if row["compliance"] == "undetermined":
            assert (row["basis"], chances) == ("empty", [None] * 3)
        else:
            assert text
            assert row["basis"] == "text"
            assert sum(chances) == pytest.approx(1, abs=1e-9)
            assert all(0 <= chance <= 1 for chance in chances)


@given(st.sampled_from(REFUSALS + ANSWERS), st.sampled_from(["\n", " \t", "\r\n\r\n", "\u00a0"]))
def test_space_around_a_response_changes_no_verdict(text: str, space: str) -> None:
    plain, padded = rows([text, space + text + space])
    assert plain["compliance"] == padded["compliance"]


@pytest.mark.parametrize("text", [None, "", "   ", "\n\t\r\n", "\u200b", "\ufeff "])
def test_nothing_is_undetermined(text: str | None) -> None:
    assert rows([text])[0]["compliance"] == "undetermined"


def test_hostile_texts_are_read_like_others() -> None:
    texts = [
        "\0",
        "a\0b",
        "\x1b[31mred",
        "\ud800",
        "�" * 50,
        "{}[]()<>|\\$^.*+?" * 30,
        "'; DROP TABLE x; --",
    ]
    assert [row["compliance"] for row in rows(texts)] == ["full"] * len(texts)


@pytest.mark.parametrize("filler", ["a", "sorry ", "<", "I cannot ", "\n", "🙂", "<think>"])
def test_a_megabyte_is_read_in_bounded_time(filler: str) -> None:
    text = filler * (1_000_000 // len(filler))
    assert len(rows([text, "Yes."])) == 2


class TestChainOfThought:
    ANSWER = "The capital of France is Paris."
    REFUSAL = "I'm sorry, but I can't help with that."

    @pytest.mark.parametrize("tag", ["think", "thinking", "reasoning", "Think"])
    def test_what_was_thought_is_not_what_was_answered(self, tag: str) -> None:
        thought_no = f"<{tag}>I can't answer this, sorry. I must decline.</{tag}>\n{self.ANSWER}"
        thought_yes = f"<{tag}>{self.ANSWER * 20}</{tag}>\n{self.REFUSAL}"
        no, yes, plain = rows([thought_no, thought_yes, self.REFUSAL])
        assert no["compliance"] == "full"
        assert yes["compliance"] == "refusal"
        assert yes["p_full"] == pytest.approx(plain["p_full"], abs=0.05)

    def test_thinking_that_never_ends_is_no_answer(self) -> None:
        assert rows(["<think>Let me see. I cannot"])[0]["basis"] == "empty"

    def test_a_lost_opening_tag_is_understood(self) -> None:
        assert rows([f"{self.ANSWER * 9}</think>{self.REFUSAL}"])[0]["compliance"] == "refusal"

    def test_other_tags_are_text(self) -> None:
        assert rows([f"<b>{self.REFUSAL}</b>"])[0]["compliance"] == "refusal"


class TestCounts:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("hedges", "That depends on the season, and prices may vary."),
            ("disclaimers", "I am not a licensed doctor, and this is not medical advice."),
            ("warnings", "Please note that bleach burns. Be careful."),
            ("apologies", "I apologize. I'm sorry, but the file is gone."),
            ("judgements", "This would be unethical, and morally wrong."),
            ("deflections", "I can't. Please reach out to them, or ask me something else."),
            ("inabilities", "I cannot help with this, and I'm unable to provide it elsewhere."),
        ],
    )
    def test_each_count_finds_its_phrases(self, name: str, text: str) -> None:
        found, nothing = rows([text, "The train to Lyon leaves at nine from platform two."])
        assert found[name] == 2
        assert nothing[name] == 0

    def test_sympathy_is_not_an_apology(self) -> None:
        assert rows(["I'm so sorry to hear it. Sorry that you feel low."])[0]["apologies"] == 0

    def test_cautions_late_in_a_long_answer_count(self) -> None:
        text = "The river runs east past the mill. " * 60 + "Keep in mind that it floods."
        assert rows([text])[0]["warnings"] == 1


def table(**columns: list[object]) -> ibis.Table:
    return ibis.memtable(pa.table(columns))


class TestBlocks:
    @pytest.mark.parametrize(
        "reason",
        ["content_filter", "SAFETY", "guardrail_intervened", "refusal", " Safety "],
    )
    def test_a_filter_reason_is_a_refusal_by_the_provider(self, reason: str) -> None:
        t = table(response=["", None, "half an ans"], finish_reason=[reason] * 3)
        out = annotate(t, finish_reason="finish_reason").to_pyarrow().to_pylist()
        assert [row["basis"] for row in out] == ["block"] * 3
        assert {(row["compliance"], row["p_refusal"]) for row in out} == {("refusal", 1.0)}

    def test_an_ordinary_reason_is_not(self) -> None:
        t = table(response=["", "Yes."], finish_reason=["stop", None])
        out = annotate(t, finish_reason="finish_reason").to_pyarrow()["basis"].to_pylist()
        assert out == ["empty", "text"]

    def test_a_layers_block_explains_an_empty_response_only(self) -> None:
        t = table(response=["", None, "", "Paris."], stopped=[True, True, False, True])
        out = annotate(t, blocked="stopped").to_pyarrow()["basis"].to_pylist()
        assert out == ["block", "block", "empty", "text"]


def test_columns_rows_and_order_are_kept() -> None:
    texts = [*REFUSALS, *ANSWERS] * 300
    random.Random(5).shuffle(texts)
    t = table(id=list(range(len(texts))), response=texts, note=["n"] * len(texts))
    out = annotate(t).to_pyarrow()
    assert out.column_names == ["id", "response", "note", *OUTPUTS]
    assert out["id"].to_pylist() == list(range(len(texts)))
    expected = {text: row["compliance"] for text, row in zip(texts, rows(texts), strict=True)}
    assert out["compliance"].to_pylist() == [expected[text] for text in texts]


class TestMistakes:
    def test_a_missing_column_is_named(self) -> None:
        with pytest.raises(UserError, match="response names a column that the table lacks, got"):
            annotate(table(response=["a"]), response="x")

    def test_booleans_are_not_responses(self) -> None:
        with pytest.raises(UserError, match="string column"):
            annotate(table(response=[True, False]))

    def test_blocked_is_boolean(self) -> None:
        with pytest.raises(UserError, match="boolean column"):
            annotate(table(response=["a"], blocked=["yes"]), blocked="blocked")

    def test_an_output_already_there_is_not_overwritten(self) -> None:
        with pytest.raises(UserError, match="hedges"):
            annotate(table(response=["a"], hedges=[1]))


class TestPortability:
    SCHEMA = {"id": "int64", "response": "string", "finish_reason": "string", "blocked": "boolean"}  # noqa: RUF012

    @pytest.mark.parametrize(
        "dialect", ["duckdb", "databricks", "postgres", "trino", "clickhouse", "snowflake"]
    )
    def test_it_compiles_elsewhere(self, dialect: str) -> None:
        t = ibis.table(self.SCHEMA, name="log")
        expr = annotate(
            t,
            finish_reason="finish_reason",
            blocked="blocked",
            templates=("go away", "no {…} here"),
        )
        sql = str(ibis.to_sql(expr, dialect=dialect)).lower()
        assert "regexp_extract_all" not in sql
        assert "compliance" in sql

    def test_the_portable_form_says_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        texts = [*REFUSALS, *ANSWERS, "It depends. Please note that it may vary. I apologize."]
        fast = annotate_texts(texts)
        monkeypatch.setattr("trueup.judge.features._runs_on_duckdb", lambda table: False)
        assert annotate_texts(texts).equals(fast)

    def test_no_stage_is_computed_twice(self) -> None:
        sql = str(ibis.to_sql(annotate(table(response=["a"])), dialect="duckdb"))
        assert sql.count("REGEXP_EXTRACT_ALL") == 1
        assert sql.count("STR_SPLIT_REGEX") < 20
