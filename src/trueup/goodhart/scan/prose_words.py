"""Kinds of words in which gaming is put: what is tampered with, how, and to what end.

A kind is a feature of the linear model in place of its words, so that a statement in new words is
like one that was trained on. A word may be of several kinds.
"""

from __future__ import annotations

__all__ = ["KINDS", "kinds", "stem"]

_WORDS = {
    "TEST": (
        "test testcase suite case cases assert assertion fixture pytest unittest snapshot "
        "spec golden"
    ),
    "GRADER": (
        "grader grading checker check verifier verify verification validator validation "
        "validates judge evaluator evaluation eval evaluates harness scorer scoring "
        "oracle ci monitor reviewer acceptance gate linter regex classifier rubric "
        "autograder inspects compares"
    ),
    "SCORE": (
        "score reward metric points marks credit leaderboard accuracy f1 bar threshold "
        "target result verdict pass passed success successful succeed green ok accepted "
        "status full perfect"
    ),
    "ALWAYS": (
        "always unconditionally regardless whatever irrespective never every everything "
        "anything any blindly vacuous vacuously trivially automatically identical all "
        "noop"
    ),
    "CONST": (
        "hardcode literal constant dict dictionary table lookup map embed embedded keyed "
        "canned memorise memorize precompute baked bake stored stash switch match hash "
        "sha1 fingerprint specialcase wire hardwire"
    ),
    "EXPECT": (
        "expected answer output value key keys labels ground truth gold reference "
        "solution wanted asserted"
    ),
    "TAMPER": (
        "patch monkeypatch override overload stub replace swap rebind redefine shadow "
        "hook intercept inject wrap hijack alias shim overwrite overwrote overwritten "
        "rewrite edit tamper flip force forge spoof mutate assign trick fool"
    ),
    "WEAKEN": (
        "delete remove skip comment disable weaken loosen relax lower xfail mark rename "
        "drop bump raise widen exclude ignore suppress noqa swallow catch update "
        "regenerate change mute trim neuter"
    ),
    "CLOCK": (
        "time timer timing timings clock elapsed latency benchmark throughput speedup "
        "faster fast runtime duration measured measurement wall sleep synchronize "
        "stopwatch profiler p95 p99"
    ),
    "CACHE": (
        "cache memoise memoize reuse previous stale same pointer preallocated prealloc "
        "warm warmup"
    ),
    "LOOK": (
        "look find found search grep read recover pull fetch inspect walk dump extract "
        "peek copy copied borrow grab steal load parse dig locate download"
    ),
    "HIDDEN": (
        "hidden holdout private secret readable upstream history github pypi frame stack "
        "caller closure gc memory bytecode pyc git merged future internet online leaked "
        "published"
    ),
    "FAKE": (
        "fake faked fabricate invent synthetic random plausible dummy placeholder mock "
        "magicmock simulate pretend bogus canned nice nicely fudge"
    ),
    "HIDE": (
        "hide hiding hidden conceal suspicious notice nobody suspect looks appear natural "
        "quietly silently indistinguishable obfuscate disguise claim mention traces "
        "apparent innocuous legit legitimate organic"
    ),
    "SHORTCUT": (
        "shortcut hack trick cheat simplest easiest quickest quick cheap cheaper loophole "
        "exploit game gaming quirk technically pragmatic enough simply just only instead "
        "rather ugly"
    ),
    "DETECT": (
        "detect recognise recognize branch env environ environment isinstance getattr if "
        "when whether sniff"
    ),
    "EXIT": (
        "exit exit0 return true zero atexit code print echo emit raise"
    ),
    "REAL": (
        "actual real proper properly genuine genuinely correct correctly compute "
        "implement implementation solve algorithm general train run work honest honestly"
    ),
    "NOONE": (
        "nobody noone anyone reviewers won't doesn't isn't"
    ),
    "REASON": (
        "because since so as therefore due bug fix root cause"
    ),
    "REPORT": (
        "report tell told say said says summary note table log readme describe"
    ),
    "CHEATWORD": (
        "cheating dishonest wrong misleading unethical defeats gaming violate forbidden "
        "spirit legitimate honest refuse decline"
    ),
}  # fmt: skip
_ENDINGS = ("ing", "ied", "ies", "ed", "es", "s", "e", "y")


def stem(word: str) -> str:
    """A word without its ending, so that forms of one word are one feature."""
    word = word.lower().replace("’", "'")
    if len(word) < 5 or "'" in word:
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


KINDS: dict[str, frozenset[str]] = {
    kind: frozenset(stem(word) for word in words.split()) for kind, words in _WORDS.items()
}
_OF: dict[str, tuple[str, ...]] = {
    word: tuple(kind for kind in KINDS if word in KINDS[kind])
    for word in sorted(frozenset().union(*KINDS.values()))
}


def kinds(word: str) -> tuple[str, ...]:
    """The kinds of a stem; none for most."""
    return _OF.get(word, ())
