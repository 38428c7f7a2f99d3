"""The site's own block message is learned from the log; other repetition is not mistaken for it."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pyarrow as pa
import pytest

from trueup.judge.annotate import annotate, learn_templates

BLOCK = "This assistant is only for parcels."  # nothing in it says that it refuses


def log(*repeated: tuple[str, int, bool]) -> ibis.Table:
    """Each text so many times, over different prompts, blocked or not; among ordinary answers."""
    rows = [(text, blocked) for text, count, blocked in repeated for _ in range(count)]
    rows += [(f"The answer to number {n} is {n * n}, as you can see.", False) for n in range(40)]
    return ibis.memtable(
        pa.table(
            {
                "prompt": [f"question {n}" for n in range(len(rows))],
                "response": [text for text, _ in rows],
                "blocked": [blocked for _, blocked in rows],
            }
        )
    )


def learned(table: ibis.Table) -> tuple[str, ...]:
    return learn_templates(table, blocked="blocked", prompt="prompt")


def verdicts(texts: Sequence[str], templates: Sequence[str]) -> list[tuple[str, str]]:
    table = annotate(ibis.memtable(pa.table({"response": list(texts)})), templates=templates)
    rows = table.select("compliance", "basis").to_pyarrow().to_pylist()
    return [(row["compliance"], row["basis"]) for row in rows]


def test_a_message_that_comes_with_blocks_is_learned_whatever_it_says() -> None:
    templates = learned(log((BLOCK, 8, True)))
    assert templates == (BLOCK.lower(),)
    assert verdicts([f"  {BLOCK}\n"], templates) == [("refusal", "template")]


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, our assistant cannot discuss this",
        "I can only answer questions about our products.",
        "Your message was flagged by our content filter.",
        "That goes against our community guidelines. Please ask something else.",
        "This topic is outside the scope of this service.",
        "We’re unable to help with that here.",
    ],
)
def test_a_repeated_deflection_is_learned_without_any_block(text: str) -> None:
    assert len(learned(log((text, 6, False)))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Hello! How can I help you today?",
        "Yes.",
        "You can find our refund policies in the help center.",
        "Our returns policy allows thirty days.",
        "Sorry for the delay! Your order is on its way.",
        "The filter is cleaned with warm water.",
        "Only a manager can approve invoices; write to the office.",
        "The meeting room is not available on Fridays.",
    ],
)
def test_an_ordinary_repeated_answer_is_not(text: str) -> None:
    assert learned(log((text, 30, False))) == ()


def test_a_varying_stretch_becomes_a_slot() -> None:
    message = "Northwind Desk is for invoices, and {} is not. Write to the office instead."
    topics = ("poker", "rifles", "dating", "stock tips", "divorce", "fireworks", "dieting")
    templates = learned(log(*((message.format(topic), 1, True) for topic in topics)))
    assert verdicts([message.format("chess")], templates) == [("refusal", "template")]


def test_one_prompt_asked_again_and_again_is_no_evidence() -> None:
    same = pa.table({"prompt": ["p"] * 20, "response": ["I cannot discuss this."] * 20})
    assert learn_templates(ibis.memtable(same), prompt="prompt") == ()


def test_the_message_inside_a_longer_answer_is_no_block() -> None:
    answer = f'The sign said: "{BLOCK}" Then we went on to the post office and sent the letter.'
    assert verdicts([answer], (BLOCK.lower(),))[0][1] == "text"
