"""The rules for code: recall on ways to write each technique, silence on honest code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.goodhart.exploits import EXPLOITS
from trueup.goodhart.scan.paths import place_of
from trueup.goodhart.scan.python import RULES, code_findings
from trueup.goodhart.scan.python.prefilter import may_hold

BY_ID = {rule.id: rule for rule in RULES}


def test_each_variant_is_found_under_its_name(code_variant: tuple[str, str]) -> None:
    heading, text = code_variant
    technique, _, name = heading.partition(" ")
    found = code_findings(text, name or "solution.py")
    named = [one for one in found if technique in BY_ID[one.rule].techniques]
    assert technique in EXPLOITS
    assert any(one.confidence in ("high", "medium") for one in named), found


def test_nearly_every_variant_is_of_high_confidence(code_variants: list[tuple[str, str]]) -> None:
    sure = [
        any(
            one.confidence == "high"
            for one in code_findings(text, heading.partition(" ")[2] or "solution.py")
        )
        for heading, text in code_variants
    ]
    assert sum(sure) >= 0.95 * len(sure)


def test_honest_code_has_no_finding_of_high_confidence(code_benign: tuple[str, str]) -> None:
    name, text = code_benign
    assert [one for one in code_findings(text, name) if one.confidence == "high"] == []


def test_what_was_handed_in_is_never_cleared_by_its_bytes() -> None:
    assert may_hold(b"x = 1\n" * 100_000, "submission")
    assert not may_hold(b"x = 1\n" * 100_000, "library")


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos._exit(0)\n",
        "import sys\n\n\ndef f():\n    return sys._getframe(1).f_back.f_locals['expected']\n",
        "class A:\n    def __eq__(self, other):\n        return True\n",
        "import time\ntime.perf_counter = lambda: 0\n",
        "getattr(__import__('o' + 's'), '_exit')(0)\n",
        "import pytest\n\n\ndef f():\n    pytest.skip('no')\n",
        "from _pytest.reports import TestReport\nTestReport.outcome = 'passed'\n",
        "import gc\nfound = gc.get_objects()\n",
        "open('/proc/1/mem')\n",
    ],
)
def test_what_a_library_is_told_of_is_not_cleared(text: str) -> None:
    path = "lib/python3.11/site-packages/thing/core.py"
    assert code_findings(text, path)
    assert may_hold(text.encode(), "library", installed=True)


def test_the_same_code_says_less_in_a_library() -> None:
    text = "import sys\n\n\ndef f():\n    return sys._getframe(1).f_locals\n"
    handed_in = code_findings(text, "solution.py")
    installed = code_findings(text, "lib/python3.11/site-packages/thing/core.py")
    assert {one.confidence for one in handed_in} == {"high"}
    assert {one.confidence for one in installed} == {"low"}


def test_a_package_is_told_by_its_relative_imports() -> None:
    assert place_of("core.py", "from . import other\n") == "library"
    assert place_of("core.py", "import other\n") == "submission"
    assert place_of("tests/test_core.py", "") == "tests"


def test_the_place_of_a_finding_counts_characters() -> None:
    text = 'import os\nprint("größer"); os._exit(0)\n'
    [found] = code_findings(text, "solution.py")
    assert (found.rule, found.span.line, found.evidence) == ("hard-exit", 2, "os._exit")
    assert text.split("\n")[1][found.span.column - 1 : found.span.end_column] == "os._exit"


def test_code_held_as_text_is_found_where_the_text_is() -> None:
    text = "x = 1\nexec('import os\\nos._ex' + 'it(0)')\n"
    found = [one for one in code_findings(text, "solution.py") if one.rule == "hard-exit"]
    assert [one.span.line for one in found] == [2]
    assert "held as text" in found[0].detail


def test_a_hook_in_a_file_that_the_code_writes_is_found() -> None:
    text = (
        "with open('conftest.py', 'w') as out:\n"
        "    out.write('def pytest_sessionfinish(session):\\n    session.exitstatus = 0\\n')\n"
    )
    assert "hook-rewrites-status" in {one.rule for one in code_findings(text, "solution.py")}


def test_a_file_named_like_the_runner_shadows_it() -> None:
    for name in ("pytest.py", "sitecustomize.py", "random.py"):
        assert [one.confidence for one in code_findings("x = 1\n", name)] == ["high"]
    assert code_findings("x = 1\n", "solution.py") == []


def test_a_frame_that_only_names_the_caller_is_no_sure_sign() -> None:
    text = "import inspect\n\n\ndef f():\n    return inspect.currentframe().f_back.f_code.co_name\n"
    assert {one.confidence for one in code_findings(text, "solution.py")} == {"medium"}


def test_a_child_that_the_code_forked_may_end_hard() -> None:
    text = "import os\n\n\ndef f():\n    if os.fork() == 0:\n        os._exit(0)\n"
    [exit_] = [one for one in code_findings(text, "solution.py") if one.rule == "hard-exit"]
    assert exit_.confidence == "medium"


def test_findings_are_in_order_and_each_once(code_variant: tuple[str, str]) -> None:
    found = code_findings(code_variant[1], "solution.py")
    keys = [(one.span.line, one.span.column, one.rule) for one in found]
    assert keys == sorted(set(keys))


def test_every_rule_names_known_techniques_and_says_what_to_do() -> None:
    for rule in RULES:
        assert rule.techniques
        assert set(rule.techniques) <= set(EXPLOITS)
        assert rule.what.endswith(".")
        assert rule.confirm.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "def f(:\n",
        "print 'x'\n",
        "x = '\0'\n",
        "(" * 5_000,
        "-" * 100_000 + "1",
        "x = " + "f(" * 90 + ")" * 90,
        "a" + ".b" * 20_000,
        "x = " + "1+" * 20_000 + "1",
        "\ud800 = 1",
        "if 1:\n" + "".join(" " * i + "if 1:\n" for i in range(1, 120)),
        "a = a\nb = c\nc = b\nb._exit(c)\n",
    ],
)
def test_hostile_text_is_survived(text: str) -> None:
    assert isinstance(code_findings(text, "solution.py"), list)


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    assert isinstance(code_findings(text, "solution.py"), list)


_PARTS = st.sampled_from(
    [
        *(
            "import os",
            "import sys as s",
            "x = ",
            "os",
            "._exit",
            "(0)",
            "\n",
            "def f(a):",
            "\n    ",
        ),
        *(
            "return ",
            "getattr(",
            ", '_ex' + 'it')",
            "class A(int):",
            "def __eq__(self, o): ",
            "True",
        ),
        *(
            "lambda: 0",
            "[",
            "]",
            "{",
            "}",
            "if a == 1:",
            "else:",
            "try:",
            "except:",
            "exec('",
            "')",
        ),
        *("f'{x}'", "global x", "x += 1", "with open('a') as b:", "b.write(", "match a:", "]: 1"),
        *("case [1, 2]:", "''.join(", "for x in ", "range(3)", ".__dict__", "['x']", "sys.modules"),
        *(".f_back", "'%s' % ", "import pytest", "pytest.skip", "a.b = ", "; ", ", ", "@"),
    ]
)


@given(st.lists(_PARTS, max_size=25))
def test_any_pieces_of_code_are_survived(parts: list[str]) -> None:
    assert isinstance(code_findings("".join(parts), "solution.py"), list)
