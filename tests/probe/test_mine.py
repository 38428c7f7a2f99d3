"""Mining a suite from a log: what counts, in which shares, each once, and nobody's id."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.probe.alike import NEAR, Distinct, shingles
from trueup.probe.mine import mine
from trueup.probe.review import Review
from trueup.probe.suite import load_suite
from trueup.schema import ANNOTATIONS, INTERACTIONS, LABELS, LAYER_EVENTS
from trueup.store import Workspace

# Prompts that are nobody's near duplicates: three words of this list, each time another three.
WORDS = """
anvil bridge candle dolphin engine feather glacier harbour island jacket kettle lantern
marble needle orchard pepper quarry ribbon saddle tunnel umbrella violin walnut yogurt
"""
_WORDS = WORDS.split()


def words(number: int) -> str:
    first, rest = divmod(number, len(_WORDS) ** 2)
    second, third = divmod(rest, len(_WORDS))
    return f"{_WORDS[first]} {_WORDS[second]} {_WORDS[third]}"


class Log:
    """A workspace that is filled row by row."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws

    def add(
        self,
        key: str,
        prompt: str,
        *,
        verdict: str = "refusal",
        block: str | None = None,
        basis: str = "text",
        segments: dict[str, str] | None = None,
        messages: list[dict[str, str]] | None = None,
        **labels: str,
    ) -> None:
        self.ws.append(
            "interactions",
            INTERACTIONS.from_rows(
                [
                    {
                        "id": key,
                        "content_hash": key,
                        "user_id": "the-user-hash",
                        "prompt": prompt,
                        "segments": list((segments or {}).items()),
                        "messages": messages and json.dumps(messages, separators=(",", ":")),
                    }
                ]
            ),
        )
        note = {
            "interaction_id": key,
            "compliance": verdict,
            "basis": basis,
            "annotator_version": "t",
        }
        self.ws.append("annotations", ANNOTATIONS.from_rows([note]))
        if block:
            events = [
                {
                    "id": f"{key}-{place}",
                    "interaction_id": key,
                    "layer": layer,
                    "position": place,
                    "fired": True,
                    "action": "block",
                }
                for place, layer in enumerate(block.split())
            ]
            self.ws.append("layer_events", LAYER_EVENTS.from_rows(events))
        for question, value in labels.items():
            name, _, source = question.partition("_by_")
            self.label(key, name, value, source or "human")

    def label(self, key: str, question: str, value: str, source: str = "human") -> None:
        row = {
            "id": f"{key}-{question}-{source}",
            "target_id": key,
            "question": question,
            "value": value,
            "source": source,
        }
        self.ws.append("labels", LABELS.from_rows([row]))

    def ids(self, **options: Any) -> list[str]:
        return [row["interaction_id"] for row in mine(self.ws, **options).rows]


@pytest.fixture
def log() -> Iterator[Log]:
    with Workspace.scratch() as ws:
        yield Log(ws)


def test_what_counts_as_a_wrongful_refusal(log: Log) -> None:
    log.add("read as refused", "anvil bridge candle")
    log.add("read as partly", "dolphin engine feather", verdict="partial")
    log.add("answered", "glacier harbour island", verdict="full")
    log.add("blocked", "jacket kettle lantern", verdict="full", block="topic")
    log.add("a person says refused", "marble needle orchard", verdict="full", compliance="refusal")
    log.add("a person says answered", "pepper quarry ribbon", compliance="full")
    log.add("could not", "saddle tunnel umbrella", compliance="unable")
    log.add("harmful", "violin walnut yogurt", legitimate="no")
    log.add("mismatch", "anvil dolphin glacier", legitimate="mismatch")
    log.add("a judge says harmful", "bridge engine harbour", legitimate_by_judge="no")
    log.add(
        "a person overrules", "candle feather island", legitimate_by_judge="no", legitimate="yes"
    )
    log.add("blank", "  ")
    found = mine(log.ws)
    good = {row["interaction_id"]: row for row in found.rows if row["legitimate"]}
    assert set(good) == {
        "read as refused",
        "read as partly",
        "blocked",
        "a person says refused",
        "a person overrules",
    }
    assert found.refused == 5
    assert [r["interaction_id"] for r in found.rows if not r["legitimate"]] == ["harmful"]
    assert good["blocked"]["legitimate_by"] == "assumed"
    assert good["a person overrules"]["legitimate_by"] == "human"


def test_what_a_row_holds(log: Log) -> None:
    for number in range(8):
        log.add(
            f"i{number}",
            words(number),
            block="second first" if number % 2 else None,
            basis="block" if number == 0 else "text",
            segments={
                "domain": "legal" if number < 4 else "ops",
                "ticket": f"T-{number}",
                "plan": "solo",
            },
        )
    rows = {row["interaction_id"]: row for row in mine(log.ws).rows}
    assert rows["i1"] == {
        "id": rows["i1"]["id"],
        "prompt": words(1),
        "legitimate": True,
        "domain": "legal",
        "approved": False,
        "interaction_id": "i1",
        "layer": "second",  # the one that came first in the stack
        "segment": "domain=legal",  # neither an identifier nor a constant
        "legitimate_by": "assumed",
    }
    assert rows["i0"]["layer"] == "provider filter"
    assert rows["i2"]["layer"] == "model"
    assert "the-user-hash" not in json.dumps(list(rows.values()))


def test_later_turns_are_left_out(log: Log) -> None:
    turn = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"}]
    said = 'He wrote {"role":"assistant"} into it.'
    log.add("first", said, messages=[{"role": "user", "content": said}])
    log.add("later", words(5), messages=[*turn, {"role": "user", "content": words(5)}])
    log.add("later and harmful", words(6), messages=turn, legitimate="no")
    found = mine(log.ws)
    assert [row["interaction_id"] for row in found.rows] == ["first"]
    assert found.later_turns == 1


def test_every_stratum_gets_its_turn(log: Log) -> None:
    """A rare layer and a rare segment are there, however many refusals the others make."""
    for number in range(60):
        domain = "legal" if number % 10 == 0 else "ops"
        layer = "rare" if number in (7, 30) else "common"
        log.add(f"i{number}", words(number * 7), block=layer, segments={"domain": domain})
    rows = mine(log.ws, n=8).rows
    assert Counter((row["layer"], row["domain"]) for row in rows) == {
        ("common", "ops"): 3,
        ("common", "legal"): 3,
        ("rare", "ops"): 1,
        ("rare", "legal"): 1,
    }


def test_labelled_comes_before_assumed(log: Log) -> None:
    for number in range(30):
        log.add(f"i{number}", words(number * 7))
    log.label("i4", "legitimate", "yes")
    log.label("i9", "legitimate", "yes", "judge")
    assert log.ids(n=2) == ["i4", "i9"]


def test_harmful_ones_make_up_half_at_most(log: Log) -> None:
    for number in range(30):
        log.add(f"g{number}", words(number * 7))
        log.add(f"h{number}", words(4000 + number * 7), legitimate="no")
    for n, harmful in ((10, 5), (11, 5), (1, 0), (100, 30)):
        said = Counter(row["legitimate"] for row in mine(log.ws, n=n).rows)
        assert (said[False], said[True]) == (harmful, min(n, 60) - harmful)


def test_the_seed_draws(log: Log) -> None:
    for number in range(40):
        log.add(f"i{number}", words(number * 7))
    assert log.ids(n=10, seed=3) == log.ids(n=10, seed=3)
    assert log.ids(n=10, seed=3) != log.ids(n=10, seed=4)


def test_each_is_there_once(log: Log) -> None:
    log.add("a", "How do I kill process 1234 on the build server?")
    log.add("b", "how do i KILL process 99 on the build server ??")
    log.add("c", "How do I kill process 1234 on our build server?")
    log.add("d", "How do I stop a container on the build server?")
    found = mine(log.ws)
    kept = {row["interaction_id"] for row in found.rows}
    assert len(kept & {"a", "b", "c"}) == 1
    assert "d" in kept
    assert found.alike == 2


def test_nothing_to_mine(log: Log) -> None:
    with pytest.raises(UserError, match="holds no interactions"):
        mine(log.ws)
    log.add("fine", words(1), verdict="full")
    with pytest.raises(UserError, match="No legitimate request was refused here"):
        mine(log.ws)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        mine(log.ws, n=0)


# Telling texts apart


def exact(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def test_near_duplicates_are_found_and_others_kept() -> None:
    """Against every pair compared, as Jaccard's definition has it, on texts with small edits."""
    rng = np.random.default_rng(5)
    texts = []
    for number in range(60):
        base = [_WORDS[i] for i in rng.integers(0, len(_WORDS), 12)]
        texts.append(" ".join(base))
        for _ in range(number % 4):
            edited = list(base)
            edited[int(rng.integers(12))] = "zebra"
            texts.append(" ".join(edited))
    found, kept = Distinct(), []
    for text in texts:
        near = any(exact(text, other) >= NEAR for other in kept)
        assert found.add(text) is not near
        if not near:
            kept.append(text)
    assert 60 <= len(kept) < len(texts)


@given(st.text(max_size=200))
def test_a_text_is_the_same_as_itself_however_written(text: str) -> None:
    found = Distinct()
    assert found.add(text)
    assert not found.add(text)
    assert not found.add(f"  {text} ")


@pytest.mark.parametrize("text", ["", "ab", "漢字の問い", "🔪🔪🔪🔪🔪", "\ud800", "---"])
def test_short_and_odd_texts(text: str) -> None:
    found = Distinct()
    assert found.add(text)
    assert found.add("something else altogether")


# Approving


def write(path: Path, *rows: Any) -> Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def waiting(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"w{number}", "prompt": words(number), "legitimate": True, "approved": False, **more,
    }  # fmt: skip


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_answers_are_in_the_file_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", *(waiting(n, note="kept") for n in range(4)))
    review = Review(path, rater="ann")
    assert (len(review), review.position, review.left) == (4, 1, 4)
    review.approve()
    assert lines(path)[0] == {**waiting(0, note="kept"), "approved": True, "approved_by": "ann"}
    review.drop()
    assert [line["id"] for line in lines(path)] == ["w0", "w2", "w3"]
    review.swap()
    assert review.row["legitimate"] is False
    assert lines(path)[1]["legitimate"] is False
    assert lines(path)[1]["approved"] is False
    review.approve()
    again = Review(path, rater="bob")  # another sitting
    assert (len(again), again.row["id"]) == (1, "w3")
    suite = load_suite(path)
    assert [(p.id, p.legitimate) for p in suite.prompts] == [("w0", True), ("w2", False)]
    assert suite.unapproved == 1


def test_back_undoes(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", waiting(0), waiting(1))
    before = path.read_bytes()
    review = Review(path, rater="ann")
    assert not review.back()
    review.drop()
    review.approve()
    assert (review.approved, review.dropped, review.left) == (1, 1, 0)
    assert review.back()
    assert review.back()
    assert (review.approved, review.dropped, review.left) == (0, 0, 2)
    assert path.read_bytes() == before


def test_other_lines_stay_byte_for_byte(tmp_path: Path) -> None:
    own = b'{"prompt":   "mine", "id": "x"}'
    path = write(tmp_path / "mine.jsonl", own, b"{broken", b"", waiting(0), b"\xff\xfe", b"[]")
    assert Review(path, rater="ann").approve_all() == 1
    found = path.read_bytes().split(b"\n")
    assert [found[place] for place in (0, 1, 2, 4, 5)] == [own, b"{broken", b"", b"\xff\xfe", b"[]"]
    assert json.loads(found[3])["approved_by"] == "ann"


def test_only_json_lines_are_reviewed(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("id,prompt\n1,Why?\n")
    with pytest.raises(UserError, match="is not JSON Lines"):
        Review(tmp_path / "own.csv", rater="ann")
    with pytest.raises(UserError, match="Cannot read"):
        Review(tmp_path / "none.jsonl", rater="ann")
