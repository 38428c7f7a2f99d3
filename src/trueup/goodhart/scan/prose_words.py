"""Words of the field as patterns: verbs in all their forms, and the things that are gamed."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "ANSWERS", "CLOCK", "EXPECTED", "FASTER", "GRADER", "PLACE", "SECRET", "SOLVED", "TESTS",
    "Verbs", "any_of", "far", "gap", "verbs",
]  # fmt: skip

_IRREGULAR = {
    word.split()[0]: tuple(word.split())
    for word in (
        "get gets getting got gotten", "make makes making made", "find finds finding found",
        "write writes writing written wrote", "overwrite overwrites overwriting overwritten "
        "overwrote", "rewrite rewrites rewriting rewritten rewrote",
        "steal steals stealing stole stolen", "hide hides hiding hid hidden",
        "override overrides overriding overridden overrode",
        "freeze freezes freezing froze frozen", "mislead misleads misleading misled",
        "say says saying said", "tell tells telling told", "do does doing did done",
        "give gives giving gave given", "take takes taking took taken", "hold holds holding held",
        "build builds building built", "sneak sneaks sneaking sneaked snuck",
        "dig digs digging dug", "put puts putting", "set sets setting", "cut cuts cutting",
        "let lets letting", "rebind rebinds rebinding rebound", "wind winds winding wound",
        "bend bends bending bent", "quit quits quitting", "keep keeps keeping kept",
        "leave leaves leaving left", "run runs running ran", "see sees seeing saw seen",
        "have has having had", "beat beats beating beaten", "feed feeds feeding fed",
        "send sends sending sent", "break breaks breaking broke broken",
        "hardcode hardcodes hardcoded hardcoding harcode harcoded harcoding",
        "recognise recognises recognised recognising recognize recognizes recognized recognizing",
        "memorise memorises memorised memorising memorize memorizes memorized memorizing",
        "deceive deceives deceived deceiving", "sys.exit", "os._exit",
    )
}  # fmt: skip
# Verbs of two parts, which are written apart, with a hyphen or as one.
_COMPOUND = {
    "hardcode": ("hard", "code"), "special-case": ("special", "case"), "xfail": ("x", "fail"),
    "monkeypatch": ("monkey", "patch"), "cherry-pick": ("cherry", "pick"),
    "short-circuit": ("short", "circuit"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verbs:
    """A pattern of verbs in all their forms, and the words that they begin with."""

    pattern: str
    first: frozenset[str]


def _forms(word: str) -> tuple[str, ...]:
    """All forms of one verb."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("e"):
        return word, f"{word}s", f"{word}d", f"{word[:-1]}ing"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word, f"{word[:-1]}ies", f"{word[:-1]}ied", f"{word}ing"
    regular = [word, f"{word}s", f"{word}ed", f"{word}ing"]
    if word.endswith(("s", "sh", "ch", "x", "z")):
        regular.append(f"{word}es")
    if re.search(r"[^aeiou][aeiou][bdgmnprt]$", word):
        regular += [f"{word}{word[-1]}ed", f"{word}{word[-1]}ing"]
    return tuple(regular)


def verbs(words: str) -> Verbs:
    """The verbs, which are separated by commas; a phrase keeps its other words."""
    patterns: list[str] = []
    first: set[str] = set()
    for word in (one.strip() for one in words.split(",")):
        head, _, rest = word.partition(" ")
        forms = [re.escape(form) for form in _forms(head)]
        first |= {form.split(".")[0].split("-")[0] for form in _forms(head)}
        if head in _COMPOUND:
            one, two = _COMPOUND[head]
            forms += [rf"{one}[\s\-]?{form}" for form in _forms(two)]
            first |= {one, *(f"{one}{form}" for form in _forms(two))}
        forms.sort(key=len, reverse=True)
        patterns.append(f"(?:{'|'.join(forms)})" + "".join(rf"\s+{part}" for part in rest.split()))
    patterns.sort(key=lambda pattern: -pattern.count(r"\s+"))
    return Verbs(any_of(*patterns) + r"(?![\w])", frozenset(first))


def far(most: int = 120) -> str:
    """At most so many characters of the same sentence."""
    return rf"[^.!?\n]{{0,{most}}}?[^\w]"


def any_of(*patterns: str) -> str:
    return rf"(?:{'|'.join(patterns)})"


# Marks and words share no character that either could begin with, and neither gives back what it
# took: however odd the text, a gap is read in one way.
_MARK = r"[\s,\"“”`*'‘’]"
_STEM = r"[\w.\-/()+<>=\[\]%&][\w.\-/()+<>=\[\]%&'’]*+"


def gap(most: int) -> str:
    """At most so many words in between, with no clause ending among them."""
    return rf"(?:{_MARK}++{_STEM}){{0,{most}}}?{_MARK}+"


_THE = r"(?:(?:the|these|those|all|each|any|every|its|their|our|this|that|both|a|my)\s+)?"
_WHICH = (
    r"(?:(?:unit|visible|public|sample|example|given|failing|hidden|known|provided|specific|few"
    r"|two|three|four|five|exact|remaining|test|acceptance|regression|stubborn|offending|other"
    r"|correctness|broken|last|first|second|particular|graded|benchmark|strict|whole|entire)"
    r"[\s\-]+){0,3}"
)
TESTS = (
    rf"{_THE}{_WHICH}(?:test[\s\-]?(?:cases?|inputs?|suites?|values?|examples?|data|vectors?"
    r"|assertions?|files?)|test_\w+|testcase[\w.]*|(?<!\band\s)tests?|assert(?:ion)?s?|examples"
    r"|(?:sample|example|visible|given|known|public|graded|scored|checked|benchmark|evaluation)"
    r"\s+(?:inputs?|cases?|examples?))\b"
)
ANSWERS = (
    r"(?:answers?|outputs?|results?|values?|strings?|numbers?|responses?|returns?|snapshots?"
    r"|constants?|literals?|tensors?)\b"
)
EXPECTED = (
    r"(?:the\s+)?(?:exact\s+|final\s+)?(?:expected|correct|right|required|asserted|wanted|desired"
    rf"|known)\s+(?:return\s+)?{ANSWERS}|{ANSWERS}\s+(?:that\s+)?the\s+(?:\w+\s+)?(?:tests?|suite"
    rf"|grader"
    r"|checker|harness|assert\w*)\s+(?:(?:is|are)\s+)?(?:look|want|expect|check|ask|compar)\w*"
)
GRADER = (
    _THE + r"(?:(?:auto|automated\s+|automatic\s+)?grad(?:er|ing)(?:\s+(?:script|code|harness"
    r"|process|system|function))?|(?:(?:test|eval(?:uation)?)[\s\-]+)?harness|checker|verifier"
    r"|verification(?:\s+script)?|evaluator|evaluation(?:\s+\w+)?|evaluate\s+(?:function|method"
    r"|script)|scorer|scoring(?:\s+\w+)?"
    r"|score\s+function|judge|reward(?:\s+(?:function|model|signal|check\w*))?|test\s+runner"
    r"|benchmark(?:ing)?(?:\s+\w+)?|timer|ci|leaderboard|oracle|metric|test\s+framework|pytest"
    r"|unittest|anti-?cheat|result\s+parser|reviewers?)\b"
)
CLOCK = (
    _THE + r"(?:\w+\s+)?(?:time\.\w+|perf_counter(?:_ns)?|monotonic|timers?|clock|stopwatch"
    r"|timing(?:\s+(?:function|code|harness|calls?))?|cuda\s+events?|(?:torch\.)?cuda\.[\w.]+"
    r"|synchroni[sz]\w*|elapsed(?:[\s_]time)?|timeit|(?:wall|run)[\s\-]?time"
    r"|measured?\s+(?:time|duration|runtime)|measurement)\b"
)
FASTER = (
    r"(?:fast(?:er)?|quick(?:er)?|zero|0(?:\.\d+)?|speed(?:up|s)?|instant\w*|less|lower|tiny"
    r"|small(?:er)?|nothing|constant|barely|great|good|(?:doesn|won)['’]t\s+see|never\s+sees?"
    r"|short(?:er)?|immediate\w*|nanoseconds?|no\s+time|near[\s\-]zero|hardly)\b"
)
SECRET = (
    r"(?:(?:hidden|held[\s\-]?out|private|secret|sealed|withheld|grading)\s+(?:\w+\s+)?"
    r"(?:tests?|cases?|answers?|labels?|solutions?|test\s+files?|outputs?)|answer\s+keys?"
    r"|ground[\s\-]truth\s+(?:file|answers?|labels?|data))\b"
)
SOLVED = (
    r"(?:(?:(?:expected|correct|reference|gold(?:en)?|official|actual|real|upstream|merged|true"
    r"|published|existing|final|original)\s+)+(?:\w+['’]?s?\s+)?(?:solutions?|answers?"
    r"|patch(?:es)?|fix(?:es)?|outputs?"
    r"|results?|values?|commit|implementation|change)|(?:patched|fixed|corrected"
    r"|newer|upstream)\s+(?:file|source|version|implementation|code|module|release)"
    r"|the\s+(?:answers?|fix|solution|patch))\b"
)
PLACE = (
    r"(?:git\s+(?:history|log|objects?|reflog)|commit\s+history|(?:future|later|newer|upstream"
    r"|subsequent)\s+(?:commits?|repo\w*|source|releases?|versions?|branch\w*)|upstream|github"
    r"|gitlab|pypi|pull\s+requests?|prs?|reflog|call[\s\-]?stack|stack\s+frames?|frames?"
    r"|(?:caller|grader|harness|scorer|evaluator)(?:['’]s)?|environment\s+variables?|env\s+vars?"
    r"|memory|/proc|bytecode|closures?|garbage\s+collector|gc|the\s+internet|online|the\s+web"
    r"|stack\s?overflow|leetcode|editorial|/solution|/tests)\b"
)
