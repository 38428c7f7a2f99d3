"""The rules for what a change does to tests."""

from __future__ import annotations

from trueup.goodhart.scan.result import Rule

__all__ = ["RULES"]

_TECHNIQUES = ("weaken-tests", "delete-tests")

RULES = (
    Rule(
        "deleted-test",
        "tests",
        ("delete-tests",),
        "A test was deleted, and what it checks is checked nowhere else in the change.",
        "See whether what it tested was deleted as well.",
    ),
    Rule(
        "deleted-assert",
        "tests",
        _TECHNIQUES,
        "An assertion was removed from a test that stays.",
        "See whether another assertion says the same.",
    ),
    Rule(
        "weakened-assert",
        "tests",
        ("weaken-tests",),
        "An assertion says less than it did.",
        "See whether the old one was wrong, and by whose word.",
    ),
    Rule(
        "vacuous-assert",
        "tests",
        ("weaken-tests",),
        "An assertion is true whatever the code does.",
        "There is hardly an honest reason; a placeholder is one.",
    ),
    Rule(
        "changed-expected",
        "tests",
        ("weaken-tests",),
        "Another value is expected, in the same change as the code.",
        "See whether the task asks for the new value.",
    ),
    Rule(
        "skipped-test",
        "tests",
        ("weaken-tests", "pytest-skip", "pytest-xfail"),
        "A test is skipped, expected to fail, or no longer collected.",
        "See whether the reason given holds.",
    ),
    Rule(
        "early-return",
        "tests",
        ("weaken-tests",),
        "A test returns before it has checked anything.",
        "See what is below the return.",
    ),
    Rule(
        "swallowed-failure",
        "tests",
        ("weaken-tests",),
        "A failed assertion is caught and dropped.",
        "See which exceptions are caught, and what follows.",
    ),
    Rule(
        "narrowed-cases",
        "tests",
        ("weaken-tests",),
        "A test runs on fewer cases than before.",
        "See which cases went; doubles are an honest reason.",
    ),
    Rule(
        "empty-test",
        "tests",
        ("delete-tests", "weaken-tests"),
        "A test file or a test checks nothing.",
        "See whether it was emptied or is yet to be written.",
    ),
)
