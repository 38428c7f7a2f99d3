"""The JSON contract: keys, types, and nothing unknown passed off as a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.report.sample import crowded, empty, estimate, named, sample, unknowns, unverified
from trueup import __version__
from trueup.report import tax_json
from trueup.report.tax_json import ESTIMATE_FIELDS, FIELDS, SCHEMA_VERSION, reference
from trueup.tax.result import TaxReport

TYPES = {
    "string": str,
    "string or null": (str, type(None)),
    "number": (int, float),
    "number or null": (int, float, type(None)),
    "integer": int,
    "boolean": bool,
    "object": dict,
    "object or null": (dict, type(None)),
    "list of strings": list,
    "list of objects": list,
    "list of estimates": list,
}


@pytest.mark.parametrize("make", [sample, unverified, empty, unknowns, crowded])
def test_keys_and_types_are_those_declared(make: Callable[[], TaxReport]) -> None:
    found = tax_json(make())
    assert list(found) == [field.name for field in FIELDS]
    for field in FIELDS:
        assert isinstance(found[field.name], TYPES[field.type]), field.name
    for one in found["estimates"]:
        assert list(one) == [name for name, _, _ in ESTIMATE_FIELDS]
        for name, kind, _ in ESTIMATE_FIELDS:
            assert isinstance(one[name], TYPES[kind]), name
        assert not isinstance(one["n"], bool)


def test_what_it_says_is_what_the_report_says() -> None:
    report = sample()
    found = tax_json(report)
    assert (found["trueup"], found["kind"]) == (__version__, "tax")
    assert found["schema_version"] == SCHEMA_VERSION
    assert found["estimates"] == [one.to_dict() for one in report.estimates()]
    assert found["estimates"][0]["value"] == report.wrongful_refusal.value
    assert found["actions"][0]["recoverable"]["value"] == report.actions[0].recoverable.value
    assert found["triggers"][0]["refused"]["n_labeled"] == 240
    assert found["overview"]["first"] == "2026-03-02T09:00:00+00:00"
    assert found["labels"]["needed"] == 1_380


def test_unknown_is_null() -> None:
    found = tax_json(unknowns())
    assert {one["value"] for one in found["estimates"]} == {None}
    json.dumps(found, allow_nan=False)


def test_numbers_of_numpy_become_plain() -> None:
    one = replace(estimate("x"), value=np.float64(0.5), n=np.int64(3))
    found = tax_json(replace(sample(), wrongful_refusal=one))
    assert orjson.loads(orjson.dumps(found))["estimates"][0]["n"] == 3


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(), max_size=50))
def test_any_text_can_be_written_and_read_back(text: str) -> None:
    found = tax_json(named(text))
    assert orjson.loads(orjson.dumps(found)) == found
    assert found["headline"] == text.encode("utf-8", "surrogatepass").decode(
        "utf-8", "replace"
    ) or ("\ufffd" in found["headline"])


def test_the_docs_hold_the_declared_keys(root: Path) -> None:
    assert reference() in (root / "docs" / "json.md").read_text(encoding="utf-8"), "run: make docs"
