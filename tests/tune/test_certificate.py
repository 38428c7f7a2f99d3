"""Certificates: what they hold, and that no change of them or of their data goes unseen."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UserError
from trueup.tune import (
    Goal,
    Scored,
    differences,
    read_certificate,
    recomputed,
    tune,
    tune_segments,
)
from trueup.tune.certificate import FORMAT, data_hash, digest

SOURCE = {"kind": "table", "label": "y", "scores": ["g0"], "segment": None}


def examples(layers: int = 1, n: int = 300, **more: Any) -> Scored:
    rng = np.random.default_rng(7)
    label = rng.integers(0, 2, n).astype(np.int8)
    scores = rng.normal(1.5 * label[:, None], 1, (n, layers))
    names = tuple(f"g{k}" for k in range(layers))
    return Scored(names, scores, label, source=SOURCE, **more)


@cache
def made(layers: int = 1, kind: str = "miss") -> dict[str, Any]:
    scored = examples(layers, today=np.zeros(layers))
    found = tune(scored, Goal(0.2, 0.1, kind), seed=5).certificate
    assert found is not None
    return found


def again(layers: int, kind: str = "miss") -> dict[str, Any] | None:
    return recomputed(made(layers, kind), examples(layers, today=np.zeros(layers)))


@pytest.mark.parametrize("kind", ["miss", "new_miss"])
@pytest.mark.parametrize("layers", [1, 2])
def test_it_holds_on_its_own_data(layers: int, kind: str) -> None:
    one = made(layers, kind)
    assert differences(one, again(layers, kind)) == ()
    read = read_certificate(json.dumps(one, indent=2), "c.json")
    assert read == (one,)
    assert differences(read[0], again(layers, kind)) == ()


def test_what_it_says() -> None:
    one = made()
    assert one["format"] == FORMAT
    assert "at most 20 %" in one["statement"]
    assert one["seed"] is None
    assert made(2)["seed"] == 5
    assert one["data"]["sha256"] == data_hash(examples(today=np.zeros(1)))
    assert {"label", "scores", "segment", "kind"} < set(one["data"])
    assert one["digest"] == digest(one)
    tested = one["tested"]
    assert len(tested) <= one["grid_size"]
    assert [row["p"] <= one["delta"] for row in tested] == [True] * (len(tested) - 1) + [False]
    assert one["assumptions"]
    assert one["voided_by"]
    assert set(one["versions"]) == {"trueup", "numpy", "scipy"}


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where everything in a certificate lies."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    out = []
    for key, inner in items:
        out.append((*at, key))
        if isinstance(inner, dict | list):
            out += paths(inner, (*at, key))
    return out


def changed(value: Any, how: int) -> Any:
    """Another value: of the same type where it can be, or null, or a little more."""
    if how == 0 and value is not None:
        return None
    if isinstance(value, bool) or value is None:
        return "other"
    if isinstance(value, int | float):
        return value * (1 + 1e-6) + 1e-9 if how == 1 else value + 1
    if isinstance(value, str):
        return value + " " if how == 1 else "other"
    if isinstance(value, list):
        return value[1:] if how == 1 and value else [*value, "other"]
    return {} if how == 1 and value else {**value, "other": 1}


@given(st.data(), st.integers(0, 2), st.sampled_from([(1, "miss"), (2, "new_miss")]))
def test_no_change_of_any_field_goes_unseen(data: st.DataObject, how: int, which: Any) -> None:
    one = deepcopy(made(*which))
    path = data.draw(st.sampled_from([path for path in paths(one) if path != ("data",)]))
    holder = one
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = changed(holder[path[-1]], how)
    assert differences(one, made(*which)), path


@given(st.data(), st.integers(0, 2))
def test_nor_one_that_a_forger_signs_again(data: st.DataObject, how: int) -> None:
    # All that the data decide; when it was made, with which versions, and by which columns it was
    # read is its word alone.
    one = deepcopy(made(2, "new_miss"))
    taken = {"made", "versions", "digest", "data"}
    path = data.draw(st.sampled_from([path for path in paths(one) if path[0] not in taken]))
    holder = one
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = changed(holder[path[-1]], how)
    one["digest"] = digest(one)
    (found,) = differences(one, made(2, "new_miss"))
    assert found.startswith(str(path[0]))


def test_a_field_that_is_gone_or_new_is_seen() -> None:
    for key in made():
        one = {name: value for name, value in made().items() if name != key}
        assert differences(one | ({"data": {}} if key == "data" else {}), made()), key
    assert differences({**made(), "more": 1}, made())


def test_other_data_are_seen() -> None:
    scored = examples(today=np.zeros(1))
    score, label = scored.scores.copy(), scored.label.copy()
    score[17] += 1e-9
    label[17] = 1 - label[17]
    others = {
        "score": replace(scored, scores=score),
        "label": replace(scored, label=label),
        "order": scored.where(np.arange(300)[::-1]),
        "one row less": scored.where(np.arange(299)),
        "weight": replace(scored, weight=np.ones(300)),
        "today": replace(scored, today=np.full(1, 0.1)),
        "cluster": replace(scored, cluster=np.arange(300) // 2),
    }
    for what, other in others.items():
        assert data_hash(other) != data_hash(scored), what
        found = differences(made(), recomputed(made(), other))
        assert any("hash differs" in line for line in found), what
    few = scored.where(np.arange(5))
    assert differences(made(), recomputed(made(), few)) == ("These data certify nothing.",)


def test_codes_of_users_may_differ_and_who_is_who_may_not() -> None:
    users = np.arange(300) // 3
    scored = examples(cluster=users)
    assert data_hash(replace(scored, cluster=1000 - users)) == data_hash(scored)
    swapped = users.copy()
    swapped[[0, 5]] = swapped[[5, 0]]
    assert data_hash(replace(scored, cluster=swapped)) != data_hash(scored)


def test_other_layers_are_a_mistake() -> None:
    with pytest.raises(UserError, match="is about g0; the data have g0, g1"):
        recomputed(made(), examples(2))


def test_certificates_are_read_from_what_tune_writes() -> None:
    from trueup.report.tune_json import tune_json

    segments = np.array(["a", "b", "few"] * 100, dtype=object)
    segments[6:] = np.where(segments[6:] == "few", "a", segments[6:])
    scored = examples(segments={"s": segments}, n=300)
    reports = tune_segments(scored, Goal(0.3, 0.3), "s")
    assert [report.certified for report in reports] == [True, True, False]
    whole = read_certificate(json.dumps(tune_json(reports)), "t.json")
    assert [one["segment"] for one in whole] == ["s=a", "s=b"]
    assert read_certificate(json.dumps([made(), made(2)]), "c.json") == (made(), made(2))
    single = tune(scored, Goal(0.3, 0.3))
    (one,) = read_certificate(json.dumps(tune_json([single])), "t.json")
    assert one == single.certificate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ('{"format": NaN}', "is not JSON"),
        ("[]", "holds no certificate"),
        ("{}", "is not a certificate"),
        ("7", "is not a certificate"),
        ('["a"]', "is not a certificate"),
        ('{"format": "trueup-certificate/9"}', "is not a certificate"),
        ('{"certified": false, "certificate": null}', "holds no certificate"),
        (json.dumps({"format": FORMAT}), "is damaged: its layers"),
    ],
)
def test_what_is_no_certificate(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_certificate(text, "c.json")


@given(st.data(), st.integers(0, 2))
def test_a_changed_certificate_is_read_or_refused_and_never_a_bug(
    data: st.DataObject, how: int
) -> None:
    one = deepcopy(made())
    key = data.draw(st.sampled_from(sorted(one)))
    if how == 2 and data.draw(st.booleans()):
        del one[key]
    else:
        one[key] = changed(one[key], how)
    try:
        (read,) = read_certificate(json.dumps(one), "c.json")
        found = differences(read, recomputed(read, examples(today=np.zeros(1))))
    except UserError:
        return
    assert found
