"""Answers written for the judge that reads them: orders, fake verdicts, hidden text, flattery.

The text is an answer that a judge will read. A quotation, a block of code and a sentence that
speaks about such attacks are left out; so an order inside quotation marks is missed. Languages
other than English are covered by a few set phrases. Whether a judge would be swayed is not known.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson

from trueup.goodhart.scan.fences import blanked, fences
from trueup.goodhart.scan.judge_words import (
    FLATTERY,
    ORDERS,
    ROLES,
    TOKENS,
    TOPIC,
    VERDICTS,
    WHOLE,
)
from trueup.goodhart.scan.result import Confidence, Finding, Rule, Span
from trueup.goodhart.scan.spans import span_at

__all__ = ["RULES", "judge_findings"]


def _rule(name: str, techniques: tuple[str, ...], what: str, confirm: str) -> Rule:
    return Rule(f"judge-{name}", "judge", techniques, what, confirm)


RULES: tuple[Rule, ...] = (
    _rule(
        "orders", ("judge-injection",),
        "The answer gives orders to whoever judges it.",
        "Judge it again with that sentence removed, and compare the scores.",
    ),
    _rule(
        "fake-verdict", ("judge-injection",),
        "The answer contains a verdict in the form that a judge would write.",
        "See whether the question asked for one; parse the verdict from the judge's own message "
        "only.",
    ),
    _rule(
        "fake-turn", ("judge-injection",),
        "The answer contains the marks that end an answer or begin another speaker's turn.",
        "See whether the question is about such marks; escape them before the judge reads them.",
    ),
    _rule(
        "hidden-text", ("judge-injection",),
        "The answer holds text that a person does not see and a model reads.",
        "Make the characters visible, and judge the answer without them.",
    ),
    _rule(
        "token", ("judge-token",),
        "The whole answer is a phrase without content of a kind that has made judges say yes.",
        "Judge it with the reference at hand; an answer without content must fail.",
    ),
    _rule(
        "flattery", ("judge-injection",),
        "The answer flatters or begs whoever judges it.",
        "Judge it again with that sentence removed, and compare the scores.",
    ),
    _rule(
        "all-options", ("all-options",),
        "The answer names every option.",
        "See whether the question allows several; otherwise it must fail.",
    ),
)  # fmt: skip

_LEVELS: tuple[Confidence, ...] = ("low", "medium", "high")
_INLINE = re.compile(r"`[^`\n]{1,300}`")
_QUOTED = re.compile(r"[\"“«„][^\"“”«»„\n]{3,400}[\"”»]|(?<!\w)['‘][^'‘’\n]{8,300}['’](?!\w)")
_QUOTED_LINE = re.compile(r"^[ \t]*>[^\n]*$", re.MULTILINE)
_FIELDS = ("answer", "response", "completion", "output", "prediction", "text", "submission")
_MOST = 100
_LONGEST = 5_000_000


def judge_findings(text: str, path: str) -> list[Finding]:
    """Findings in one answer; in a file of JSON Lines, in the answer of every line."""
    if path.lower().endswith((".jsonl", ".ndjson")):
        found: list[Finding] = []
        for number, line in enumerate(text.split("\n"), start=1):
            for answer in _answers(line):
                for one in _answer(answer, path):
                    span = Span(number, 1, number, max(1, len(line)))
                    found.append(replace(one, span=span))
        return found
    return _answer(text, path)


def _answers(line: str) -> Iterator[str]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return
    if isinstance(record, str):
        yield record
    elif isinstance(record, dict):
        yield from (record[key] for key in _FIELDS if isinstance(record.get(key), str))


def _answer(text: str, path: str) -> list[Finding]:
    text = text[:_LONGEST]
    found: list[Finding] = []
    said = _said(text)
    for start, end, rule, level, detail in _hits(text, said):
        found.append(_finding(text, start, end, f"judge-{rule}", level, detail, path))
    unique: dict[tuple[str, int], Finding] = {}
    for one in sorted(found, key=lambda f: (f.span.line, f.span.column)):
        unique.setdefault((one.rule, one.span.line), one)
    return list(unique.values())[:_MOST]


Hit = tuple[int, int, str, Confidence, str]


def _hits(text: str, said: str) -> Iterator[Hit]:
    yield from _by_words(said, ORDERS, "orders", lambda _: "high")
    yield from _by_words(
        said, VERDICTS[:-1], "fake-verdict", lambda at: "medium" if at < 2 else "low"
    )
    yield from _by_words(text, VERDICTS[-1:], "fake-verdict", lambda _: "low")
    yield from _by_words(said, ROLES, "fake-turn", lambda at: "high" if at < 3 else "medium")
    yield from _by_words(said, FLATTERY, "flattery", lambda _: "medium")
    yield from _hidden(text)
    yield from _whole(text)
    yield from _options(said)


def _said(text: str) -> str:
    """The text without code and quotations, every place where it was."""
    text = blanked(text, ((found.start, found.end) for found in fences(text)))
    for pattern in (_QUOTED_LINE, _INLINE, _QUOTED):
        text = blanked(text, (found.span() for found in pattern.finditer(text)))
    return text


def _by_words(
    said: str,
    patterns: tuple[re.Pattern[str], ...],
    rule: str,
    level_of: Callable[[int], Confidence],
) -> Iterator[Hit]:
    ends = {one.strip() for one in (said.strip().split("\n")[:1] + said.strip().split("\n")[-1:])}
    for place, pattern in enumerate(patterns):
        flags = re.compile(pattern.pattern, pattern.flags | re.MULTILINE)
        for found in flags.finditer(said):
            level = level_of(place)
            if rule == "fake-verdict" and any(found[0].strip() in line for line in ends):
                level = "medium"  # where a judge's own verdict stands
            if rule in ("orders", "flattery") and TOPIC.search(_around(said, found)):
                continue
            yield found.start(), found.end(), rule, level, ""


def _around(said: str, found: re.Match[str]) -> str:
    """The sentence around a match, and the one before it."""
    start = max(
        said.rfind("\n", 0, found.start()), said.rfind(". ", 0, max(0, found.start() - 120))
    )
    end = said.find("\n", found.end())
    return said[
        max(0, start, found.start() - 250) : end
        if 0 <= end < found.end() + 80
        else found.end() + 80
    ]


_COMMENT = re.compile(r"<!--((?:(?!<!--|-->).)*+)-->|\[//\]:\s*#\s*\(([^\n]*)\)", re.DOTALL)
_UNSEEN = re.compile(
    r"(?:color\s*:\s*(?:white|#fff(?:fff)?|transparent)|font-size\s*:\s*0|display\s*:\s*none"
    r"|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0+)?\b|\\color\{white\}|\\textcolor\{white\})",
    re.IGNORECASE,
)
_TAGS = re.compile("[\U000e0020-\U000e007e]{3,}")
_ZERO = re.compile(
    "[\u200b\u2060-\u2064\ufeff\u180e\u3164\u115f]{2,}"
    "|(?<=[A-Za-z])[\u200b-\u200d\u2060\u00ad](?=[A-Za-z])"
)
_TURNED = re.compile("[\u202a-\u202e]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_SPEAKS = re.compile(
    r"grad(?:e|er|ing)|judge|scor|rate|rating|evaluat|correct|ignore|instruction|perfect"
    r"|full marks",
    re.IGNORECASE,
)


def _hidden(text: str) -> Iterator[Hit]:
    for found in _COMMENT.finditer(text):
        inside = found[1] or found[2] or ""
        if _SPEAKS.search(inside):
            ordered = any(pattern.search(inside) for pattern in ORDERS)
            yield (
                found.start(),
                found.end(),
                "hidden-text",
                "high" if ordered else "low",
                "a comment",
            )
    for found in _UNSEEN.finditer(text):
        near = text[found.end() : found.end() + 300]
        level: Confidence = "high" if any(p.search(near) for p in ORDERS) else "low"
        yield found.start(), found.end(), "hidden-text", level, "text in the colour of the page"
    for found in _TAGS.finditer(text):
        if text[found.start() - 1 : found.start()] != "\U0001f3f4":  # the flag of a region
            hidden = "".join(chr(ord(c) - 0xE0000) for c in found[0])
            yield (
                found.start(),
                found.end(),
                "hidden-text",
                "high",
                f"tag characters: {hidden[:80]}",
            )
    zero = list(_ZERO.finditer(text))
    if len(zero) >= 3 or any(len(found[0]) >= 6 for found in zero):
        detail = f"characters of no width, in {len(zero)} places"
        yield zero[0].start(), zero[0].end(), "hidden-text", "medium", detail
    turned = _TURNED.search(text)
    if turned and not _RIGHT_TO_LEFT.search(text):
        yield (
            turned.start(),
            turned.end(),
            "hidden-text",
            "medium",
            "the order of reading is turned",
        )


def _whole(text: str) -> Iterator[Hit]:
    bare = text.strip()
    if not bare or len(bare) > 60:
        return
    start = text.index(bare)
    if WHOLE.fullmatch(bare):
        yield start, start + len(bare), "token", "medium", "punctuation only"
    elif bare.lower().replace("’", "'").strip(" .:!*#") in TOKENS:
        yield start, start + len(bare), "token", "high", ""


_LETTERS = re.compile(
    r"(?<![\w(])\(?A\)?(?:\s*(?:,|/|;|and|or|&|\+)\s*|\s+)(?:and\s+|or\s+)?\(?B\)?"
    r"(?:(?:\s*(?:,|/|;|and|or|&|\+)\s*|\s+)(?:and\s+|or\s+)?\(?[C-H]\)?)+(?!\w)"
)
_EVERY = re.compile(
    r"\b(?:the\s+(?:correct\s+)?answer\s+is\s+)?(?:all\s+(?:of\s+)?the\s+(?:options|answers"
    r"|choices)\b"
    r"|(?:both\s+)?(?:yes\s+(?:and|or)\s+no|true\s+(?:and|or)\s+false))",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_SHORT = 200


def _options(said: str) -> Iterator[Hit]:
    if len(said.strip()) <= _SHORT:
        for pattern in (_LETTERS, _EVERY):
            found = pattern.search(said)
            if found:
                yield found.start(), found.end(), "all-options", "medium", ""
    boxes = list(_BOXED.finditer(said))
    if len({found[1].strip() for found in boxes}) >= 3:
        yield boxes[0].start(), boxes[-1].end(), "all-options", "medium", "several final answers"
    numbers = [int(n) for n in re.findall(r"\b\d{1,4}\b", said)]
    rows = sum(b - a == 1 for a, b in itertools.pairwise(numbers))
    letters = sum(letter.isalpha() for letter in said)
    if rows >= 20 and rows >= 0.9 * (len(numbers) - 1) and letters < 2 * rows:
        place = len(said) - len(said.lstrip())
        yield place, len(said.rstrip()), "all-options", "medium", f"{rows + 1} numbers in a row"


def _finding(
    text: str, start: int, end: int, rule: str, level: Confidence, detail: str, path: str
) -> Finding:
    shown = text[start : min(end, start + 400)]
    lead = len(shown) - len(shown.lstrip())
    start, shown = start + lead, shown.strip() or shown[:400]
    return Finding(rule, path, span_at(text, start, shown), shown, level, detail)
