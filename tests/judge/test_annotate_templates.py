"""Learning the site's own block message, and not taking ordinary repetition for one."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from trueup.errors import UserError
from trueup.judge.annotate import annotate
from trueup.judge.templates import SLOT, learn_templates

TOPICS = ("cats", "the war", "dogs and frogs", "tax law", "sex", "guns", "medicine", "my boss")
FAQ = (
    "To return an item, print the label from your page and drop the parcel at a post office. "
    "Refunds reach your card within five days. Our policy covers unopened goods for thirty days."
)


def log(*groups: list[str], blocked: list[bool] | None = None) -> ibis.Table:
    responses = [text for group in groups for text in group]
    prompts = [f"question {i}" for i in range(len(responses))]
    columns = {"prompt": prompts, "response": responses}
    if blocked is not None:
        columns["blocked"] = blocked
    return ibis.memtable(pa.table(columns))


def test_a_repeated_block_message_is_learned_from_its_words() -> None:
    t = log(["Sorry, our assistant cannot discuss this."] * 6, ["Paris.", "Rome.", "It is nine."])
    assert learn_templates(t) == ("sorry, our assistant cannot discuss this.",)


def test_a_varying_slot_is_found() -> None:
    t = log([f"Sorry, the topic {x} is off limits for this assistant today." for x in TOPICS])
    (template,) = learn_templates(t)
    assert template == f"sorry, the topic {SLOT} is off limits for this assistant today."
    new = log(["Sorry, the topic knitting is off limits for this assistant today.", "Knit one."])
    out = annotate(new, templates=(template,)).to_pyarrow()
    assert out["basis"].to_pylist() == ["template", "text"]
    assert out["compliance"].to_pylist() == ["refusal", "full"]


def test_a_message_with_nothing_in_its_words_is_learned_from_block_events() -> None:
    odd = ["The lighthouse is closed tonight."] * 10
    blocked = [True] * 9 + [False] + [False] * 20
    t = log(odd, [f"Answer {i} about bread." for i in range(20)], blocked=blocked)
    assert learn_templates(t, blocked="blocked") == ("the lighthouse is closed tonight.",)
    assert learn_templates(t) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Hello! How can I help you today?",
        "Yes.",
        "Is there anything else I can help you with?",
        "Thank you for contacting us! Have a great day.",
        "Your order has been shipped.",
        "You can find our refund policies in the help center.",
        "Sorry for the delay! Your order is on its way.",
        "The filter is cleaned with warm water.",
        "Only a manager can approve invoices; write to the office.",
        "The meeting room is not available on Fridays.",
        FAQ,
        FAQ * 4,
    ],
)
def test_an_ordinary_answer_is_not_a_block_however_often(text: str) -> None:
    t = log([text] * 200, [f"Answer {i}." for i in range(50)], blocked=[False] * 250)
    assert learn_templates(t, blocked="blocked") == ()


def test_greetings_with_names_are_no_template() -> None:
    assert learn_templates(log([f"Hello {x}, how can I help you today?" for x in TOPICS])) == ()


def test_when_everything_is_blocked_repetition_alone_proves_nothing() -> None:
    ordinary = ["Hello! How can I help you today?"] * 60
    blocked = ([True] * 3 + [False] * 2) * 12
    assert learn_templates(log(ordinary, blocked=blocked), blocked="blocked") == ()


def test_one_prompt_asked_again_and_again_is_one_prompt() -> None:
    same = pa.table({"prompt": ["x"] * 50, "response": ["Our bot cannot discuss this."] * 50})
    assert learn_templates(ibis.memtable(same)) == ()


def test_rare_messages_are_left_alone() -> None:
    assert learn_templates(log(["Our assistant cannot discuss this."] * 4)) == ()


def test_a_template_is_the_whole_answer() -> None:
    t = log(["Go away!", "go  AWAY!", "They told him: Go away! He stayed and wrote this book."])
    out = annotate(t, templates=("go away!",)).to_pyarrow()["basis"].to_pylist()
    assert out == ["template", "template", "text"]


def test_templates_are_literal_text() -> None:
    t = log(["a+b (c) is off. [x]", "aab c is off. x"])
    templates = ("a+b (c) is off. [x]", f"a+b {SLOT} is off. [x]")
    out = annotate(t, templates=templates).to_pyarrow()["basis"].to_pylist()
    assert out == ["template", "text"]


def test_an_empty_log_has_none() -> None:
    empty = pa.table({"response": pa.array([], pa.string()), "blocked": pa.array([], pa.bool_())})
    assert learn_templates(ibis.memtable(empty), blocked="blocked") == ()


def test_bad_settings_are_refused() -> None:
    with pytest.raises(UserError, match="min_count must be at least 2, got 1"):
        learn_templates(log(["a"]), min_count=1)
    with pytest.raises(UserError, match="min_share_blocked"):
        learn_templates(log(["a"]), min_share_blocked=0)
