"""The page of tuning: self-contained, only our script can run, and it says no more than is so."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.report import tune_sample as made
from tests.report.test_tax_page import MAY_APPEAR, Page, browse, requests
from trueup.report import charts, tune_html
from trueup.report.tune_figures import alternatives
from trueup.tune.result import TuneReport

ATTACK = (
    "</script></bdi></style><script>alert(1)</script><img src=x onerror=alert(2)>"
    "\"'${7*7}{{7*7}}<!--"
)
REPORTS = {
    "certified": (made.certified(),),
    "refused": (made.refused(),),
    "costs": (made.costs(),),
    "plain table": (made.plain_table(),),
    "layered": (made.layered(),),
    "unknowns": (made.unknowns(),),
    "nothing": (made.nothing(),),
    "segments": made.segments(),
    "no segment": (),
}
SLOW = settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
ALLOWED = MAY_APPEAR | {"label", "input", "a"}


def pieces(html: str) -> tuple[str, list[list[dict[str, Any]]], str]:
    """The page without its two script elements, the data in the one, the code of the other."""
    found = re.fullmatch(
        r'(.*)<script type="application/json" id="settings">([^<>]*)</script>\n'
        r"<script>(.*?)</script>(.*)",
        html,
        re.DOTALL,
    )
    assert found
    return found[1] + found[4], json.loads(found[2]), found[3]


def assert_harmless(html: str) -> Page:
    """Our elements, our one script, no handlers, nothing loaded, everything closed."""
    rest, _, script = pieces(html)
    assert script == (Path(charts.__file__).parent / "templates" / "tune.js").read_text()
    assert "<script" not in rest.lower()
    page = Page(rest)
    assert not page.open
    for tag, attributes in page.tags:
        assert tag in ALLOWED, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("src", "srcset", "action", "xlink:href", "background"), name
            assert name != "href" or value == "data:," or re.fullmatch(r"#s\d+", value or "")
            assert "url(" not in (value or "").replace("url(#", ""), value
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", html
    )
    return page


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_is_whole_and_loads_nothing(name: str) -> None:
    html = tune_html(REPORTS[name])
    assert_harmless(html)
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, never fetched


def test_the_policy_lets_only_our_script_run() -> None:
    html = tune_html(REPORTS["certified"])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy
    _, _, script = pieces(html)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{hashed}';" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "unsafe-eval" not in policy[1]
    assert policy[1].count("'unsafe-inline'") == 1  # the style


def test_markup_in_every_text_stays_text() -> None:
    report = made.named(ATTACK)
    for reports in ((report,), (report, report)):
        html = tune_html(reports)
        page = assert_harmless(html)
        assert "<img" not in html
        assert ATTACK in page.text
        assert "49" not in re.findall(r"\$(\S+?)<", html)


@SLOW
@given(st.text(st.characters(), max_size=80) | st.sampled_from([ATTACK, "</svg>", "<!--", "]]>"]))
def test_any_text_in_every_place_is_harmless(text: str) -> None:
    html = tune_html((made.named(text),))
    assert_harmless(html)
    html.encode("utf-8")


@pytest.mark.parametrize("name", REPORTS)
def test_the_data_fit_the_drawing(name: str) -> None:
    """Each setting that has a point names its own: the script finds it by counting tooltips."""
    html = tune_html(REPORTS[name])
    rest, data, _ = pieces(html)
    assert len(data) == len(REPORTS[name])
    tips = re.findall(r"<title>([^<]*)</title></path>", rest)
    drawn = [step for steps in data for step in steps if step["drawn"] is not None]
    assert len(tips) == len(drawn)
    for report, steps in zip(REPORTS[name], data, strict=True):
        assert len(steps) == len(alternatives(report))
        places = [step["drawn"] for step in steps if step["drawn"] is not None]
        assert places == list(range(len(places)))
        assert all(len(step["cells"]) == 5 + len(report.layers) for step in steps)
    for tip, step in zip(tips, drawn, strict=True):
        assert f"at most {step['cells'][-1]}" in tip
        assert ("certified" in tip) == step["certified"]


def test_it_says_what_a_lead_needs() -> None:
    text = Page(pieces(tune_html(REPORTS["certified"]))[0]).text
    for part in (
        "Raise topic guard's threshold from 0.42 to 0.61",
        "3.1\xa0points",
        "0.78 %",
        "Asked for: harm missed under 1\xa0% with 95\xa0% confidence.",
        "0.609999 against 0.61",
        "kill a zombie process",
        "412 of these examples, 4 shown",
        "212 examples without a label are left out.",
        "Traffic that has changed since these examples were drawn",
        made.DIGEST,
    ):
        assert part in text, part
    assert "NOT CERTIFIED" not in text


def flat(reports: Sequence[TuneReport]) -> str:
    return " ".join(Page(pieces(tune_html(reports))[0]).text.split())


def test_what_is_not_certified_is_not_called_so() -> None:
    refused = flat(REPORTS["refused"])
    assert "NOT CERTIFIED" in refused
    assert "Label at least 245 more harmful examples" in refused
    assert "The certificate" not in refused
    html = tune_html(REPORTS["costs"])
    costs = flat(REPORTS["costs"])
    assert "COSTS, NOT CERTIFIED" in costs
    assert "This is not certified" in costs
    assert not any(step["certified"] for step in pieces(html)[1][0])
    assert not re.search(r"(?<!NOT )CERTIFIED", costs)


def test_each_segment_has_its_section() -> None:
    html = tune_html(REPORTS["segments"])
    for index in range(3):
        assert f'href="#s{index}"' in html
        assert f'id="s{index}"' in html
    text = flat(REPORTS["segments"])
    assert "2 OF 3 CERTIFIED" in text
    assert "2 of 3 segments have a certified setting." in text
    assert text.count("212 examples without a label") == 1
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", ["unknowns", "nothing", "plain table"])
def test_unknown_is_never_a_number(name: str) -> None:
    text = flat(REPORTS[name])
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert "None" not in text
    assert "unknown" in text or name == "nothing"


def test_every_chart_colour_has_its_dark_partner() -> None:
    for name in ("certified", "refused", "costs"):
        drawn = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', tune_html(REPORTS[name])))
        assert drawn
        assert drawn <= set(charts.DARK)


# What a reader does, done by a script of the test: the page's own policy has to let it.
_WALK = """
const slider = document.querySelectorAll("input")[AT];
slider.value = STEP;
slider.dispatchEvent(new Event("input"));
"""


def walked(html: str, at: int, step: int) -> str:
    """The page with the slider of one section moved to a step once our own script has run."""
    script = _WALK.replace("AT", str(at)).replace("STEP", str(step))
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    html = html.replace("script-src ", f"script-src 'sha256-{hashed}' ", 1)
    return html.replace("</body>", f"<script>{script}</script></body>")


def test_the_slider_walks_along_the_settings(chromium: str, tmp_path: Path) -> None:
    page, log = tmp_path / "page.html", tmp_path / "net.json"
    html = tune_html(REPORTS["segments"])
    _, data, _ = pieces(html)
    page.write_text(walked(html, 2, 30), encoding="utf-8")
    done = browse(chromium, page, "--dump-dom", f"--log-net-log={log}")
    shown = re.findall(r"<(?:td|span)[^>]* data-cell(?:=\"\")?>([^<]*)<", done.stdout)
    assert shown[-6:] == data[2][30]["cells"], done.stderr
    assert data[2][30]["cells"] != data[2][0]["cells"]
    rings = re.findall(r'class="ring"[^>]* transform="([^"]+)"', done.stdout)
    assert len(rings) == 3
    tips = re.findall(r'<path[^>]* transform="([^"]+)"[^>]*><title>', done.stdout)
    assert rings[2] == tips[len(data[0]) + len(data[1]) + 30]
    assert 'class="slide" hidden' not in done.stdout
    assert requests(log) == set()


def test_hostile_text_does_not_run(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    planted = (
        "</script><script>document.title='run'</script><img src=x onerror=document.title='run'>"
    )
    page.write_text(tune_html((made.named(planted),)), encoding="utf-8")
    done = browse(chromium, page, "--dump-dom")
    assert "<title>Guard thresholds: CERTIFIED</title>" in done.stdout, done.stderr
    assert 'class="ring"' in done.stdout  # our own script did


def test_another_script_would_be_stopped(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    html = tune_html(REPORTS["certified"])
    page.write_text(html.replace("</body>", "<script>document.title='run'</script></body>"))
    shown = browse(chromium, page, "--dump-dom").stdout
    assert 'class="ring"' in shown
    assert "<title>run</title>" not in shown


def test_it_prints_on_a_few_pages_of_a4(chromium: str, tmp_path: Path) -> None:
    page, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(tune_html(REPORTS["layered"]), encoding="utf-8")
    done = browse(chromium, page, f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF"), done.stderr
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", content)) <= 3
