"""stack.yaml: what it may say, and what is said to somebody who got it wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trueup.errors import UserError
from trueup.guards.stack import (
    Bands,
    Http,
    Moderation,
    Python,
    Regex,
    Stack,
    Words,
    load_stack,
)

Make = Callable[[str], Stack]

FULL = """
fail: open
layers:
  - name: topic
    python: guards.topic:score
    threshold: 0.6
    categories: {self_harm: {threshold: 0.4}}
    segments:
      "domain=legal":
        threshold: 0.8
        categories: {self_harm: {bands: {escalate: 0.5, block: null}}}
    version: v7
    trained_on: data/train.jsonl
  - name: toxic
    http: https://guard.example/score
    headers: {Authorization: "Bearer ${GUARD_KEY}"}
    body: {inputs: "{text}"}
    score: results.0.score
    category: results.0.label
    stage: output
    bands: {allow: 0, warn: 0.3, escalate: 0.5, block: 0.7}
    timeout_s: 3
    retries: 0
    concurrency: 2
    fail: closed
  - name: moderation
    moderation: omni-moderation-latest
    api_base: http://localhost:8000/v1
    api_key_env: MY_KEY
    threshold: null
  - {name: secrets, regex: 'sk-[a-z0-9]+', stage: output}
  - name: words
    words: {slurs: [one, two words], names: names.txt}
"""


def test_everything_that_it_may_say(project: Path, stack_of: Make) -> None:
    (project / "names.txt").write_text("Ann\n\n  Bob \n", encoding="utf-8")
    topic, toxic, moderation, secrets, words = stack_of(FULL).layers
    assert topic.kind == Python("guards.topic:score")
    assert (topic.stage, topic.fail, topic.version) == ("input", "open", "v7")
    assert (topic.timeout_s, topic.retries, topic.concurrency) == (10.0, 2, 1)
    assert topic.trained_on == "data/train.jsonl"
    assert topic.rules.bands == Bands(block=0.6)
    assert topic.rules.segments["domain=legal"].categories["self_harm"] == Bands(escalate=0.5)
    assert toxic.kind == Http(
        "https://guard.example/score",
        {"Authorization": "Bearer ${GUARD_KEY}"},
        {"inputs": "{text}"},
        "results.0.score",
        "results.0.label",
    )
    assert (toxic.stage, toxic.fail, toxic.timeout_s) == ("output", "closed", 3.0)
    assert (toxic.retries, toxic.concurrency) == (0, 2)
    assert toxic.rules.bands == Bands(warn=0.3, escalate=0.5, block=0.7)
    assert moderation.kind == Moderation(
        "omni-moderation-latest", "http://localhost:8000/v1", "MY_KEY"
    )
    assert (moderation.concurrency, moderation.rules.bands) == (8, Bands())
    assert secrets.kind == Regex("sk-[a-z0-9]+")
    assert secrets.rules.bands == Bands(block=0.5)
    assert words.kind == Words({"slurs": ("one", "two words"), "names": ("Ann", "Bob")})


def test_the_version_changes_with_the_configuration(stack_of: Make) -> None:
    text = "layers: [{name: a, words: [x], threshold: 0.5}]"
    first = stack_of(text).layers[0].version
    assert stack_of(text).layers[0].version == first
    assert stack_of(text.replace("0.5", "0.6")).layers[0].version != first


def test_the_version_changes_with_the_words_of_a_file(project: Path, stack_of: Make) -> None:
    (project / "list.txt").write_text("one", encoding="utf-8")
    first = stack_of("layers: [{name: a, words: list.txt}]").layers[0].version
    (project / "list.txt").write_text("two", encoding="utf-8")
    assert stack_of("layers: [{name: a, words: list.txt}]").layers[0].version != first


PYTHON = "python: m:f, threshold: 0.5"


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("", "must hold a mapping", "guards.md"),
        ("layers: []", "stack.yaml:1: layers must list", "- name"),
        ("layers: [x]", "stack.yaml:1: a layer must be a mapping, got 'x'", "- name"),
        ("fail: opne\nlayers: [{name: a, words: [x]}]", "must be open or closed", "'open'"),
        ("fial: open\nlayers: []", "stack.yaml:1: fial is not known here", "'fail'"),
        ("layers:\n  - {words: [x]}", "stack.yaml:2: layer 1: name must be", "name: topic"),
        ("layers: [{name: a, words: [x]}, {name: a, words: [x]}]", "is taken twice", "differ"),
        ("layers:\n - name: a\n   wrods: [x]", "does not say what it is", "words"),
        ("layers: [{name: a, words: [x], regex: y}]", "states regex and words", "State one"),
        (
            f"fail: open\nlayers:\n - {{name: a, {PYTHON},\n    treshold: 1}}",
            "stack.yaml:4: layer 'a': treshold is not known here",
            "'threshold'",
        ),
        ("fail: open\nlayers: [{name: a, python: m:f}]", "has no threshold", "threshold: 0.5"),
        (f"layers: [{{name: a, {PYTHON}}}]", "nothing says what then happens", "fail: open"),
        (
            f"fail: open\nlayers: [{{name: a, {PYTHON}, fail: perhaps}}]",
            "must be open or",
            "one of",
        ),
        ("fail: open\nlayers: [{name: a, python: mf, threshold: 1}]", "module:function", "Such"),
        ("fail: open\nlayers: [{name: a, http: ftp://x, threshold: 1}]", "must be a URL", "https"),
        (
            "fail: open\nlayers: [{name: a, http: 'http://x', threshold: 1, body: {a: b}}]",
            "does not send the text",
            "{text}",
        ),
        ("layers: [{name: a, regex: '('}]", "cannot be compiled", "quotes"),
        ("layers: [{name: a, words: []}]", "holds no words", "List"),
        ("layers: [{name: a, words: [1]}]", "must list words", "[one"),
        ("layers: [{name: a, words: none.txt}]", "cannot be read", "text file"),
        ("layers: [{name: a, words: [x], threshold: high}]", "must be a number or null", "0.5"),
        ("layers: [{name: a, words: [x], threshold: .nan}]", "must be a number or null", "0.5"),
        ("layers: [{name: a, words: [x], threshold: true}]", "must be a number or null", "0.5"),
        ("layers: [{name: a, words: [x], bands: {blok: 1}}]", "a': bands: blok is not", "'block'"),
        ("layers: [{name: a, words: [x], bands: 0.5}]", "must be a mapping", "key: value"),
        (
            "layers: [{name: a, words: [x], threshold: 1, bands: {block: 1}}]",
            "bands and threshold say the same",
            "Keep one",
        ),
        (
            "layers: [{name: a, words: [x], segments: {legal: {threshold: 1}}}]",
            "segments: legal must name a segment as column=value",
            "domain=legal",
        ),
        ("layers: [{name: a, words: [x], segments: {a=b: }}]", "has no threshold", "null"),
        ("layers: [{name: a, words: [x], categories: {c: {}}}]", "has no threshold", "null"),
        ("layers: [{name: a, words: [x], retries: -1}]", "a whole number from 0", "2"),
        ("layers: [{name: a, words: [x], timeout_s: 0}]", "must be positive", "10"),
        ("layers: [{name: a, words: [x], stage: middle}]", "must be input or output", "input"),
        ("layers: [{name: a\n", "stack.yaml:2: it is not valid YAML", "Correct"),
        ("a: 1\na: 2\n", "stack.yaml:2: it is not valid YAML: found duplicate key", "Correct"),
        ("layers: !!python/object/apply:os.system [x]", "a tag has no place", "value out"),
        ("a: &x 1\nlayers: *x", "stack.yaml:2: an alias has no place", "value out"),
        ("- " * 5000 + "x", "not valid YAML", "Correct"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(
    stack_of: Make, text: str, message: str, fix: str
) -> None:
    with pytest.raises(UserError) as caught:
        stack_of(text)
    assert message in caught.value.message
    assert caught.value.message.count("\n") == 0
    assert fix in caught.value.fix


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_stack(tmp_path / "none.yaml")
    (tmp_path / "stack.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UserError, match="not UTF-8"):
        load_stack(tmp_path / "stack.yaml")
