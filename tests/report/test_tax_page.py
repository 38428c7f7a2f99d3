"""The page: self-contained, safe with any text of the log, and honest about what is unknown."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.report.sample import (
    crowded,
    empty,
    estimate,
    named,
    sample,
    unknowns,
    unverified,
)
from trueup.report import charts, tax_html
from trueup.report.html import passage
from trueup.tax.result import TaxReport

ATTACK = (
    "</bdi></style></title><script>alert(1)</script><img src=x onerror=alert(2)>\"'`${7*7}{{7*7}}"
)
SLOW = settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a page takes too long to shrink by
    suppress_health_check=[HealthCheck.too_slow],
)
VOID = {"meta", "link", "br", "wbr", "img", "input", "hr"}
TAGS = (
    "html head meta link title style body header main section footer div span p h1 h2 h3 "
    "strong code sup bdi wbr ol ul li dl dt dd details summary figure figcaption i b "
    "table thead tbody tr th td svg g path rect line circle text tspan defs clippath"
)
MAY_APPEAR = set(TAGS.split())


class Page(HTMLParser):
    """What a browser would make of the file: elements, attributes, text, and whether they close."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def assert_harmless(html: str) -> Page:
    """Only our elements, no handlers, nothing loaded, everything closed."""
    page = Page(html)
    assert not page.open
    for tag, attributes in page.tags:
        assert tag in MAY_APPEAR, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("src", "srcset", "action", "xlink:href", "background"), name
            assert name != "href" or value == "data:,", value
            assert "url(" not in (value or "").replace("url(#", ""), value
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    hidden = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", html)
    assert not hidden, hidden
    return page


@pytest.mark.parametrize("make", [sample, unverified, empty, unknowns, crowded])
def test_the_page_is_whole_and_loads_nothing(make: Callable[[], TaxReport]) -> None:
    html = tax_html(make())
    assert_harmless(html)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "script" not in policy[1]
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, never fetched


def test_markup_in_every_text_stays_text() -> None:
    html = tax_html(named(ATTACK))
    page = assert_harmless(html)
    assert "<script" not in html
    assert "<img" not in html
    assert ATTACK in page.text
    assert "49" not in re.findall(r"`\$(\S+?)<", html)


@SLOW
@example("00\x1e\x1b\x08\x05ó\U000cce00")  # was cut in two halves by the drawing library
@given(st.text(st.characters(), max_size=80) | st.sampled_from([ATTACK, "</svg>", "<!--", "]]>"]))
def test_any_text_in_every_place_is_harmless(text: str) -> None:
    html = tax_html(named(text))
    assert_harmless(html)
    html.encode("utf-8")


def test_the_check_sees_what_it_must_catch() -> None:
    for planted in ("<script>x</script>", '<p onclick="x">y</p>', '<img src="http://x">', "<p>"):
        with pytest.raises(AssertionError):
            assert_harmless(tax_html(empty()).replace("<main>", f"<main>{planted}"))


def test_it_says_what_a_lead_needs() -> None:
    text = Page(tax_html(sample())).text
    for part in (
        "About 1 in 7 legitimate requests is refused",
        "14.2 %",
        "11.8 to 16.6",
        "12,480 interactions, 240 labelled; prediction-powered (PPI++), clustered by user",
        "Fix this first",
        "+3.1 points",
        "0.9 points",
        "240 LABELLED",
        "SIMULATED",
        "kill a zombie process",
        "only 3 refused interactions carry a rating",
        "Users are independent of one another.",
    ):
        assert part in text, part
    assert "UNVERIFIED" not in text


def test_without_labels_it_says_so_and_what_to_do() -> None:
    text = Page(tax_html(unverified())).text
    assert "UNVERIFIED" in text
    assert "No human has labelled any of these interactions" in text
    assert "trueup label --n 200" in text
    assert "LABELLED" not in text


def test_observed_outcomes_are_not_called_simulated() -> None:
    report = sample()
    seen = replace(report.overview, outcomes_simulated=False)
    text = Page(tax_html(replace(report, overview=seen, notes=()))).text
    assert "SIMULATED" not in text


@pytest.mark.parametrize("make", [empty, unknowns])
def test_unknown_is_never_a_number(make: Callable[[], TaxReport]) -> None:
    text = Page(tax_html(make())).text
    assert "nan" not in text.lower().replace("tenant", "")
    assert "None" not in text
    assert "unknown" in text


def test_three_hundred_segments_fold_after_the_first() -> None:
    html = tax_html(crowded(300))
    page = Page(html)
    assert "276 more" in page.text
    assert all(f"tenant-{i:03d}" in page.text for i in range(300))
    shown, folded = page.text.split("276 more")
    assert len(set(re.findall(r"tenant-\d{3}", folded))) == 276
    assert len(set(re.findall(r"tenant-\d{3}", shown))) == 24


def test_a_number_without_labels_is_marked_in_a_labelled_report() -> None:
    report = sample()
    bare = estimate("wrongful refusal", 0.3, 0.1, labels=0)
    rows = (replace(report.segments[0], wrongful_refusal=bare), *report.segments[1:])
    assert "30.0 %†" in Page(tax_html(replace(report, segments=rows))).text


def test_very_long_texts_fold_and_end() -> None:
    report = sample()
    long = replace(report.examples["a00001"], prompt="why? " * 100_000)
    html = tax_html(replace(report, examples={**report.examples, "a00001": long}))
    assert len(html) < 200_000
    assert "the rest of 500,000 characters" in Page(html).text
    assert "494,000 more are not on this page" in Page(html).text


@given(st.text(st.characters(), max_size=9_000))
def test_a_passage_loses_nothing_below_its_limit(text: str) -> None:
    cut = passage(text)
    assert cut.length == len(text)
    assert cut.left_out == max(0, len(text) - 6_000)
    assert len(cut.short) <= 320 * 10  # an escape is at most ten characters long


def test_every_chart_colour_has_its_dark_partner() -> None:
    html = tax_html(sample())
    drawn = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', html))
    assert drawn
    assert drawn <= set(charts.DARK)


FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
)
ITS_OWN = re.compile(r"https?://[\w.-]+\.google(apis)?\.com/")  # what Chromium asks for by itself


def browse(chromium: str, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    profile = page.parent / "profile"
    return subprocess.run(
        [chromium, *FLAGS.split(), f"--user-data-dir={profile}", *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HOME": str(page.parent)},
    )


def requests(log: Path) -> set[str]:
    """Addresses in a Chromium network log that a page asked for."""
    found = re.findall(r'"url":"((?:https?|wss?|ftp):[^"]+)"', log.read_text(errors="replace"))
    return {address for address in found if not ITS_OWN.match(address)}


def test_a_browser_draws_it_and_asks_for_nothing(chromium: str, tmp_path: Path) -> None:
    page, shot, log = (tmp_path / name for name in ("page.html", "page.png", "net.json"))
    page.write_text(tax_html(named(ATTACK)), encoding="utf-8")
    done = browse(
        chromium, page, f"--screenshot={shot}", "--window-size=1280,2000", f"--log-net-log={log}"
    )
    assert shot.stat().st_size > 50_000, done.stderr
    assert requests(log) == set()


def test_the_network_log_would_show_a_request(chromium: str, tmp_path: Path) -> None:
    page, log = tmp_path / "page.html", tmp_path / "net.json"
    page.write_text('<img src="http://127.0.0.1:9/planted.png">', encoding="utf-8")
    browse(chromium, page, f"--screenshot={tmp_path / 'x.png'}", f"--log-net-log={log}")
    assert any("planted" in one for one in requests(log))


def test_it_prints_on_a_few_pages_of_a4(chromium: str, tmp_path: Path) -> None:
    page, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(tax_html(sample()), encoding="utf-8")
    done = browse(chromium, page, f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF"), done.stderr
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", content))
    assert 2 <= pages <= 6
    assert re.search(rb"/MediaBox\s*\[\s*0 0 59[45](\.\d+)? 84[12]", content)
