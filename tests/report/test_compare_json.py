"""The JSON of a comparison: a contract held to its page, and unknown is null."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report import compare_sample as made
from trueup import __version__
from trueup.compare.result import Series
from trueup.report import compare_json
from trueup.report.compare_json import KINDS, SCHEMA_VERSION, reference

TYPES: dict[str, Any] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "object": dict,
    "null": type(None),
}
PROMISED = (
    "n",
    "refused_before",
    "refused_after",
    "newly_refused",
    "newly_answered",
    "difference",
    "p_value",
)


def checked(value: Any, kind: str, path: str = "") -> None:
    """Fail unless the value is of the declared kind, and every object has exactly its keys."""
    options = kind.split(" or ")
    if value is None:
        assert "null" in options, path
        return
    kind = options[0]
    if kind.startswith("list of "):
        assert isinstance(value, list), path
        inner = kind.removeprefix("list of ").removesuffix("s")
        for number, one in enumerate(value):
            checked(one, inner, f"{path}[{number}]")
    elif kind.capitalize() in KINDS:
        checked_object(value, kind.capitalize(), path)
    else:
        assert isinstance(value, TYPES[kind]), f"{path}: {value!r} is no {kind}"
        assert isinstance(value, bool) == (kind == "boolean"), path


def checked_object(value: dict[str, Any], kind: str, path: str) -> None:
    fields = KINDS[kind]
    assert list(value) == [field.name for field in fields], path
    for field in fields:
        checked(value[field.name], field.type, f"{path}.{field.name}")


@pytest.mark.parametrize("name", [name for name in made.SAMPLES if name != "empty"])
def test_keys_and_types_are_those_declared(name: str) -> None:
    found = compare_json(made.SAMPLES[name])
    top = [field.name for field in KINDS["Top level"]]
    once = [field.name for field in KINDS["Comparison"]] if len(found["comparisons"]) == 1 else []
    assert set(found) == {*top, *once}
    checked_object({key: found[key] for key in top}, "Top level", name)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_two_versions_have_their_comparison_at_the_top() -> None:
    found = compare_json(made.two())
    (only,) = found["comparisons"]
    assert {key: found[key] for key in only} == only
    assert (found["trueup"], found["kind"]) == (__version__, "compare")
    assert found["schema_version"] == SCHEMA_VERSION
    assert set(PROMISED) <= set(found["legitimate"])
    assert found["legitimate"]["newly_refused"] == 80
    assert found["legitimate"]["difference"]["value"] == pytest.approx(0.3)  # 75 of 250
    assert set(found["legitimate"]["difference"]) == {"value", "low", "high", "level"}
    assert found["harmful"]["equivalent"] is True
    assert (
        found["slices"][0] | {"column": "type", "value": "homonyms", "n": 25}
        == (found["slices"][0])
    )
    assert found["noise"]["before"] is None
    assert found["n_flips"][0] == {"group": "legitimate", "direction": "newly refused", "n": 80}
    assert found["frontier"] is None


def test_more_versions_are_listed_and_none_is_at_the_top() -> None:
    found = compare_json(made.series())
    assert "legitimate" not in found
    assert [one["after"] for one in found["comparisons"]][-1] == "step-1000"
    assert [one["name"] for one in found["versions"]][:2] == ["base", "step-200"]
    chosen = [one["version"] for one in found["frontier"]["points"] if one["chosen"]]
    assert chosen == ["step-800"]


def test_unknown_is_null() -> None:
    found = compare_json(made.SAMPLES["nothing"])
    assert found["legitimate"]["p_value"] is None
    assert found["legitimate"]["difference"]["value"] is None
    assert found["measures"][0]["before"] is None
    assert compare_json(made.SAMPLES["no harmful"])["harmful"] is None


def test_numbers_of_numpy_become_plain() -> None:
    change = replace(
        made.change("legitimate", 10, 2, 1, 0), p_value=np.float64(0.5), n=np.int64(10)
    )
    found = compare_json(Series((replace(made.compared(), legitimate=change),), None))
    assert orjson.loads(orjson.dumps(found))["legitimate"]["n"] == 10


@settings(max_examples=25)
@given(st.text(st.characters(), max_size=50))
def test_any_text_can_be_written_and_read_back(text: str) -> None:
    found = compare_json(made.named(text))
    assert orjson.loads(orjson.dumps(found)) == found


def test_every_key_is_on_the_page_and_every_key_on_the_page_is_there(root: Path) -> None:
    page = (root / "docs" / "compare_json.md").read_text(encoding="utf-8")
    assert reference() in page, "run: make docs"
    tables = dict(
        re.findall(r"^### (.+?)\n\n((?:\|.*\n)+)", page.replace("<!--", "\n<!--"), re.MULTILINE)
    )
    assert set(tables) == set(KINDS)
    for kind, table in tables.items():
        documented = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
        assert documented == [field.name for field in KINDS[kind]]


def test_a_key_that_is_not_declared_would_be_found() -> None:
    found = compare_json(made.two())["comparisons"][0]
    checked_object(found, "Comparison", "planted")
    for broken in (found | {"more": 1}, found | {"verdict": 3}, found | {"legitimate": 3}):
        with pytest.raises((AssertionError, TypeError)):
            checked_object(broken, "Comparison", "planted")
