"""Records of every JSON format with parts replaced at random: read, or set aside with a reason.

The loop that reads a file has a net for shapes that no converter foresees. Nothing may fall into
it: a record that does shows a converter that did not check.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import orjson
import pytest

from . import test_guards, test_inspect_log, test_langfuse, test_otlp
from .conftest import Load

JUNK: list[Any] = [
    None, True, False, 0, -1, 3.5, 1e300, "", "x", "[1]", "{}", '{"a":1}', "[{}]", [], {}, [None],
    [[]], [{}], {"a": None}, ["x"], [1], {"content": {}}, {"role": "user"}, {"type": "text"},
]  # fmt: skip
PARTS = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "x"}}]
SAID = {"role": "assistant", "content": "a", "tool_calls": [{"function": {"name": "f"}}]}
CHAT = {
    "id": "1",
    "created_at": "2026-01-01T00:00:00Z",
    "messages": [{"role": "user", "content": PARTS}, SAID],
    "metadata": {"a": 1, "user_id": "x"},
    "guardrails": [{"name": "t", "score": 0.5, "threshold": 0.4, "position": 1, "latency_ms": 1}],
    "feedback": [{"kind": "thumb", "value": "up", "at": "2026-01-01"}],
}
for record, _ in test_guards.CASES.values():
    CHAT |= {key: value for key, value in record.items() if key != "guardrails"}
BODIES = {
    "request": {
        "model": "m",
        "messages": CHAT["messages"],
        "system": PARTS,
        "generationConfig": {},
    },
    "response": {
        "id": "i",
        "created": 1,
        "choices": [
            {"message": SAID, "finish_reason": "stop", "content_filter_results": {"a": {}}}
        ],
        "error": {"code": "c", "innererror": {"content_filter_result": {"a": {"filtered": True}}}},
        "incomplete_details": {"reason": "x"},
    },
}
ITEMS = {
    "input": [{"type": "function_call", "name": "f"}, {"role": "user", "content": "q"}],
    "output": [{"type": "message", "role": "assistant", "content": PARTS}],
    "contents": [{"role": "user", "parts": [{"text": "g"}, {"functionCall": {"name": "f"}}]}],
}
SPANS = test_otlp.export(
    *test_otlp.CONVENTIONS.values(),
    test_otlp.span("t", "g", "a", name="guardrail x", **{"guardrail.action": "block"}),
)
INSPECT = test_inspect_log.HEADER | {
    "plan": {"config": {"temperature": 1}},
    "samples": [test_inspect_log.sample(scores={"m": {"value": 1}}, attachments={"ab": "x"})],
}
FLAT = {
    "prompt": "p",
    "response": {"content": "x"},
    "feedback": {"thumb": 1},
    "rating": 3,
    "guardrails": {"a": "block"},
    "metadata": {"x": 1},
    "latency_s": 3,
    "system": "x",
    "type": "t",
}
BASES = {
    "chat": ("chat", CHAT),
    "bodies": ("chat", BODIES),
    "items": ("chat", ITEMS),
    "langfuse": ("langfuse", test_langfuse.TRACE),
    "otlp": ("otlp", SPANS),
    "inspect": ("inspect", INSPECT),
    "flat": ("flat", FLAT),
}


def mutated(value: Any, rng: random.Random) -> Any:
    if rng.random() < 0.1:
        return copy.deepcopy(rng.choice(JUNK))
    if isinstance(value, dict):
        return {key: mutated(item, rng) for key, item in value.items() if rng.random() > 0.05}
    if isinstance(value, list):
        extra = [rng.choice(JUNK)] if rng.random() < 0.05 else []
        return [mutated(item, rng) for item in value] + extra
    return value


@pytest.mark.parametrize(("by", "base"), BASES.values(), ids=BASES)
def test_nothing_surprises_a_converter(load: Load, by: str, base: dict[str, Any]) -> None:
    rng = random.Random(0)
    records = [mutated(base, rng) for _ in range(400)]
    got = load(raw=b"\n".join(map(orjson.dumps, records)), by=by, format=by)
    assert len(got.interactions) > 10
    surprised = [bad for bad in got.bad if "could not be converted" in bad.reason]
    assert not surprised
