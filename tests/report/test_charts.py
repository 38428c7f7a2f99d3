"""The charts: right values, one row per group, drawn without leaving the machine."""

from __future__ import annotations

import http.server
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import altair as alt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.report.sample import UNKNOWN, crowded, estimate, group, layer, sample, unknowns
from trueup.report import charts
from trueup.report.render import UnsafeDrawing, clean, svg

DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'


def rows(chart: Any) -> list[dict[str, Any]]:
    spec = chart.to_dict()
    found = [spec.get("data", {}), *(one.get("data", {}) for one in spec["layer"])]
    return max((one.get("values", []) for one in found), key=len)


def test_segments_carry_value_and_limits_in_percent() -> None:
    drawn = rows(charts.segments_chart(sample().segments, sample().wrongful_refusal))
    assert len(drawn) == 7
    assert drawn[0]["name"] == "legal"
    assert drawn[0]["value"] == pytest.approx(24.3)
    assert (drawn[0]["low"], drawn[0]["high"]) == (pytest.approx(19.3), pytest.approx(29.3))


def test_names_that_shorten_to_the_same_keep_their_own_rows() -> None:
    long = "a very long tenant name that ends in "
    same = [group("tenant", long + str(i), 40, 0.1) for i in range(3)]
    names = [row["name"] for row in rows(charts.segments_chart(same, estimate("x")))]
    assert len(set(names)) == 3


def test_what_excludes_nothing_is_hollow_and_keeps_its_place() -> None:
    bare = replace(estimate("x", 0.9, labels=0), low=0.0, high=1.0)
    groups = [group("x", name, 40, 0.1) for name in "abc"]
    groups[1] = replace(groups[1], wrongful_refusal=bare)
    chart = charts.segments_chart(groups, estimate("x"))
    assert [row["filled"] for row in rows(chart)] == [1, 0, 1]
    assert rows(chart)[1]["low"] is None
    drawn = svg(chart, name="x", label="x")
    assert drawn.index(">a<") < drawn.index(">b<") < drawn.index(">c<")


def test_unknown_is_drawn_nowhere() -> None:
    report = unknowns()
    for chart in (
        charts.segments_chart(report.segments, report.wrongful_refusal),
        charts.layers_chart(report.layers),
        charts.stack_chart(report.stack),
        charts.time_chart(report.periods),
    ):
        assert {row["value"] for row in rows(chart)} == {None}
        assert {row["figure"] for row in rows(chart)} == {"unknown"}
        assert "<svg" in svg(chart, name="x", label="x")


def test_the_funnel_ends_at_the_headline() -> None:
    report = sample()
    bars = rows(charts.funnel_chart(report.layers, report.wrongful_refusal))
    assert bars[0]["end"] == 100.0
    assert bars[-1]["end"] == pytest.approx(100 * (1 - 0.142))
    taken = sum(bar["end"] - bar["start"] for bar in bars[1:-1])
    assert taken == pytest.approx(14.2)
    assert "not told apart" not in {bar["name"] for bar in bars}


def test_the_funnel_names_what_the_layers_do_not_explain() -> None:
    short = (layer("guard", "layer", (0.05, 0.05, 0.05, 0.05), None),)
    bars = {bar["name"]: bar for bar in rows(charts.funnel_chart(short, estimate("x")))}
    assert bars["not told apart"]["figure"] == "9.2 %"


def test_a_layer_may_be_called_like_one_of_our_rows() -> None:
    odd = (layer("legitimate", "layer", (0.142,) * 4, None),)
    names = [bar["name"] for bar in rows(charts.funnel_chart(odd, estimate("x")))]
    assert names == ["legitimate", "legitimate (2)", "not refused"]


def test_many_groups_are_cut() -> None:
    assert len(rows(charts.segments_chart(crowded(300).segments, estimate("x")))) == 24


def test_an_unknown_overall_rate_draws_no_line() -> None:
    report = sample()
    known = charts.segments_chart(report.segments, report.wrongful_refusal).to_dict()
    unknown = charts.segments_chart(report.segments, estimate("x", UNKNOWN, UNKNOWN)).to_dict()
    assert len(known["layer"]) == len(unknown["layer"]) + 1


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(), max_size=60), st.floats(0, 1) | st.just(math.nan))
def test_any_name_and_any_share_can_be_drawn(name: str, share: float) -> None:
    chart = charts.segments_chart([group("x", name, 9, share)], estimate("x"))
    drawn = svg(chart, name="x", label=name.encode("utf-8", "replace").decode())
    assert "<script" not in drawn


def test_ids_are_made_unique_within_a_page() -> None:
    chart = alt.Chart(alt.Data(values=[{"a": 1}])).mark_bar(clip=True).encode(x="a:Q")
    drawn = svg(chart, name="mine", label="x")
    assert 'id="mine-' in drawn
    assert "url(#mine-" in drawn


@pytest.mark.parametrize(
    "planted",
    [
        "<script>x</script>",
        '<image href="http://x/y.png"/>',
        '<a href="javascript:x"><text>y</text></a>',
        '<rect onload="x"/>',
        '<rect fill="url(http://x)"/>',
        "<foreignObject/>",
        "<style>@import 'http://x'</style>",
    ],
)
def test_a_drawing_that_could_act_is_refused(planted: str) -> None:
    with pytest.raises(UnsafeDrawing):
        clean(DRAWING.format(planted), name="x", label="x")


def test_a_plain_drawing_is_kept() -> None:
    kept = clean(DRAWING.format('<rect width="3" role="x"/>'), name="x", label='a "b"')
    assert '<rect width="3" />' in kept
    assert 'aria-label="a &quot;b&quot;"' in kept


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that remembers who asked for what."""
    asked: list[str] = []

    class Remember(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Remember) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_drawing_fetches_nothing(listener: tuple[str, list[str]]) -> None:
    address, asked = listener
    data = alt.Chart(f"{address}/data.json").mark_bar().encode(x="a:Q")
    image = alt.Chart(alt.Data(values=[{"u": f"{address}/x.png"}])).mark_image().encode(url="u:N")
    for chart in (data, image):
        with pytest.raises((ValueError, UnsafeDrawing)):
            svg(chart, name="x", label="x")
    assert asked == []


def test_the_same_chart_stands_alone() -> None:
    """A notebook shows the object itself: it must be a valid top-level chart."""
    for chart in (
        charts.layers_chart(sample().layers),
        charts.time_chart(replace(sample()).periods),
    ):
        assert chart.to_dict()["$schema"].startswith("https://vega.github.io/schema/vega-lite")
