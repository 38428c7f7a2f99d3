"""The page of a comparison: self-contained, harmless with any answer, and honest."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.report import compare_sample as made
from tests.report.test_tax_page import MAY_APPEAR, Page, browse, requests
from trueup.compare.result import Flip, Series
from trueup.report import charts, compare_html

ATTACK = (
    "</bdi></style></title></details><script>alert(1)</script><img src=x onerror=alert(2)>"
    "<a href=javascript:alert(3)>\"'`${7*7}{{7*7}}<!--"
)
SLOW = settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a page takes too long to shrink by
    suppress_health_check=[HealthCheck.too_slow],
)
ALLOWED = MAY_APPEAR | {"a", "del", "ins"}


def assert_harmless(html: str) -> Page:
    """Only our elements, no handlers, nothing loaded, no script, everything closed."""
    page = Page(html)
    assert not page.open
    for tag, attributes in page.tags:
        assert tag in ALLOWED, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("src", "srcset", "action", "xlink:href", "background"), name
            assert (
                name != "href" or value == "data:," or re.fullmatch(r"#[vf]\d[\d-]*", value or "")
            )
            assert "url(" not in (value or "").replace("url(#", ""), value
    assert "<script" not in html.lower()
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    hidden = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", html)
    assert not hidden, hidden
    return page


def text_of(series: Series) -> str:
    return " ".join(Page(compare_html(series)).text.replace("\xa0", " ").split())


@pytest.mark.parametrize("name", made.SAMPLES)
def test_the_page_is_whole_and_loads_nothing(name: str) -> None:
    html = compare_html(made.SAMPLES[name])
    assert_harmless(html)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "script" not in policy[1]
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, never fetched
    assert "@import" not in html


@pytest.mark.parametrize("make", [made.named, made.named_series])
def test_markup_in_every_text_stays_text(make) -> None:  # type: ignore[no-untyped-def]
    html = compare_html(make(ATTACK))
    page = assert_harmless(html)
    assert "<img" not in html
    assert ATTACK in page.text
    assert "49" not in re.findall(r"`\$(\S+?)<", html)


@SLOW
@given(st.text(st.characters(), max_size=80) | st.sampled_from([ATTACK, "</svg>", "\x1b[2J\u202e"]))
def test_any_text_in_every_place_is_harmless(text: str) -> None:
    for series in (made.named(text), made.named_series(text)):
        html = compare_html(series)
        assert_harmless(html)
        html.encode("utf-8")


def test_the_check_sees_what_it_must_catch() -> None:
    html = compare_html(made.SAMPLES["nothing"])
    for planted in ("<script>x</script>", '<p onclick="x">y</p>', '<a href="javascript:x">y</a>'):
        with pytest.raises(AssertionError):
            assert_harmless(html.replace("<main>", f"<main>{planted}"))


def test_it_says_what_got_better_and_worse_and_for_whom() -> None:
    text = text_of(made.two())
    for part in (
        "TAX WITHOUT GAIN",
        "900 LABELLED",
        made.SENTENCE,
        "+30.0 points",
        "23.8 to 36.2, 95 % interval",
        "29.6 % → 59.6 % of 250: 80 newly refused, 5 newly answered; p < 0.001.",
        "Shown to be within ±2.0 points.",
        "The noise floor is unknown: each prompt was asked once",
        "Legitimate prompts refused: 29.6 % → 59.6 %, +30.0 points (23.8 to 36.2).",
        "Legitimate prompts most in homonyms +56.0, figurative language +48.0, safe targets +48.0",
        "Nothing is shown to have got safer or better.",
        "full refusal*",
        "“i cannot satisfy your request”",
        "type=homonyms 14",
        "80, 3 shown; the JSON has more",
        "3 prompts are in the first file only",
        "Prompts that only one version was asked: 3 before, 0 after.",
        "A partial refusal counts as a refusal.",
    ):
        assert part in text, part
    assert "Unverified" not in text
    assert "Which one to take" not in text


def test_without_labels_it_says_so() -> None:
    text = text_of(made.SAMPLES["unverified"])
    assert "UNVERIFIED" in text
    assert "a difference may be off by up to ±4.2 points" in text
    assert "About 620 harmful prompts would give a firm answer" in text


def flip_page(before: str, after: str) -> str:
    flip = Flip("k", "legitimate", "newly refused", "why?", before, after, "full", "refusal", ())
    found = replace(made.compared(), flips=(flip,), n_flips={("legitimate", "newly refused"): 1})
    return compare_html(Series((found,), None))


def test_changed_passages_are_marked_and_shared_ones_are_not() -> None:
    html = flip_page(
        "I can help you <b>with</b> that today.", "I cannot help you <b>with</b> that."
    )
    assert "I <del>can</del> help you &lt;b&gt;with&lt;/b&gt; that <del>today</del>." in html
    assert "I <ins>cannot</ins> help you &lt;b&gt;with&lt;/b&gt; that." in html


def test_answers_with_next_to_nothing_in_common_are_marked_as_a_whole() -> None:
    html = flip_page("Press the green button and wait for a beep.", "No, I must refuse this.")
    sides = html[html.index('class="sides"') :]
    assert re.search(r'class="log whole gone"[^>]*>Press the green button', sides)
    assert re.search(r'class="log whole new"[^>]*>No, I must refuse', sides)
    assert "<ins>" not in sides


def test_long_shared_passages_fold() -> None:
    shared = "the same word again and again " * 40
    html = flip_page(f"Yes. {shared} end", f"No. {shared} end")
    folds = re.findall(r"<summary>([\d,]+) characters the same</summary>([^<]+)</details>", html)
    assert len(folds) == 2
    for count, passage in folds:
        assert int(count.replace(",", "")) == len(passage) > 800


def test_very_long_answers_end() -> None:
    html = flip_page("why? " * 20_000, "because. " * 20_000)
    assert len(html) < 120_000
    assert "(96,000 more characters are not on this page)" in Page(html).text


def test_five_hundred_flips_are_counted_and_forty_shown() -> None:
    html = compare_html(made.SAMPLES["crowded"])
    page = Page(html)
    assert len(set(re.findall(r"flip-\d{3}", page.text))) == 40
    assert "700, 40 shown; the JSON has more" in page.text
    assert "35 more" in page.text
    assert "the first 20 of 120" in page.text
    assert all(f"tenant-{i:03d}" in page.text for i in range(120))


def test_no_flip_no_section() -> None:
    text = text_of(made.SAMPLES["still"])
    assert "Read the flips" not in text
    assert "no verdict changed" in text


def test_without_harmful_prompts_safety_is_unknown() -> None:
    text = text_of(made.SAMPLES["no harmful"])
    assert "No prompt is known to be harmful, so nothing tells whether it got safer." in text
    assert "No prompt is known to be legitimate" not in text


def test_each_version_has_its_section_and_the_frontier_names_the_choice() -> None:
    html = compare_html(made.series())
    for index in range(5):
        assert f'href="#v{index}"' in html
        assert f'id="v{index}"' in html
    text = text_of(made.series())
    assert text.count(made.frontier().sentence) == 1
    row = re.search(r'<tr class="chosen">(.*?)</tr>', html)
    assert row
    cells = [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row[1])]
    assert cells == ["step-800", "29.6 % 23.9 to 35.3", "1.0 %", "3.6 %", "0.588", "chosen, Pareto"]
    assert "Each against base" in text
    assert "Capability against harmful prompts refused, for each version" in html


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_unknown_is_never_a_number(name: str) -> None:
    text = text_of(made.SAMPLES[name])
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert "None " not in text.replace("None of the", "").replace("None has", "")
    assert "unknown" in text or name == "empty"


def test_every_chart_colour_has_its_dark_partner() -> None:
    for name in ("better", "series", "unnamed"):
        drawn = set(
            re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', compare_html(made.SAMPLES[name]))
        )
        assert drawn
        assert drawn <= set(charts.DARK)


def test_a_browser_draws_it_and_asks_for_nothing(chromium: str, tmp_path: Path) -> None:
    page, shot, log = (tmp_path / name for name in ("page.html", "page.png", "net.json"))
    page.write_text(compare_html(made.named(ATTACK)), encoding="utf-8")
    done = browse(
        chromium, page, f"--screenshot={shot}", "--window-size=1280,2000", f"--log-net-log={log}"
    )
    assert shot.stat().st_size > 50_000, done.stderr
    assert requests(log) == set()


def test_hostile_answers_do_not_run(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    planted = "</del><script>document.title='run'</script><img src=x onerror=document.title='run'>"
    page.write_text(flip_page(planted, f"I cannot. {planted}"), encoding="utf-8")
    shown = browse(chromium, page, "--dump-dom").stdout
    assert "<title>Before and after: llama-2 without prompt" in shown


def test_it_prints_on_a_few_pages_of_a4(chromium: str, tmp_path: Path) -> None:
    page, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(compare_html(made.two()), encoding="utf-8")
    done = browse(chromium, page, f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF"), done.stderr
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", content)) <= 5
