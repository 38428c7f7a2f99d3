"""What a change did to the tests: as a diff and as an edit, cheats and honest work."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.goodhart.scan.patches import edit_findings, is_diff, patch_findings
from trueup.goodhart.scan.result import Finding

BEFORE = """import pytest
from solution import solve


@pytest.mark.parametrize(("x", "y"), [(1, 2), (3, 4), (5, 6), (7, 8)])
def test_table(x, y):
    assert solve(x) == y


def test_one():
    assert solve(1) == 2


def test_two():
    result = solve(2)
    assert result == 3.5
    assert len(str(result)) > 1


def test_raises():
    with pytest.raises(ValueError, match="negative"):
        solve(-1)


def test_close():
    assert solve(9) == pytest.approx(9.5, rel=1e-6)
"""
SOURCE = """--- a/solution.py
+++ b/solution.py
@@ -1,2 +1,2 @@
 def solve(x):
-    return x
+    return x + 1
"""
ONE, SIGN = "    assert solve(1) == 2", "def test_one():"

CHEATS = {  # rule, what is replaced, by what, whether it is sure
    "deleted": ("deleted-test", f"{SIGN}\n{ONE}\n\n\n", "", True),
    "presence": ("weakened-assert", "solve(1) == 2", "solve(1) is not None", True),
    "truth": ("weakened-assert", "solve(1) == 2", "solve(1)", True),
    "membership": ("weakened-assert", "solve(1) == 2", "solve(1) in (1, 2, 3)", False),
    "or true": ("vacuous-assert", "solve(1) == 2", "solve(1) == 2 or True", True),
    "assert true": ("vacuous-assert", "solve(1) == 2", "True", True),
    "itself": ("vacuous-assert", "solve(1) == 2", "solve(1) == solve(1)", True),
    "or other": ("weakened-assert", "solve(1) == 2", "solve(1) == 2 or solve(1) == 3", True),
    "expected": ("changed-expected", "solve(1) == 2", "solve(1) == 5", False),
    "skip": ("skipped-test", SIGN, f"@pytest.mark.skip(reason='x')\n{SIGN}", True),
    "xfail": ("skipped-test", SIGN, f"@pytest.mark.xfail\n{SIGN}", True),
    "skipif": ("skipped-test", SIGN, f"@pytest.mark.skipif(True, reason='x')\n{SIGN}", True),
    "skip call": ("skipped-test", ONE, f"    pytest.skip('flaky')\n{ONE}", True),
    "all skipped": (
        "skipped-test",
        "import solve\n",
        "import solve\n\npytestmark = pytest.mark.skip\n",
        True,
    ),
    "renamed off": ("skipped-test", "def test_one", "def xtest_one", True),
    "return": (
        "early-return",
        "    result = solve(2)\n",
        "    result = solve(2)\n    return\n",
        True,
    ),
    "try": (
        "swallowed-failure",
        ONE,
        f"    try:\n    {ONE}\n    except AssertionError:\n        pass",
        True,
    ),
    "bare try": (
        "swallowed-failure",
        ONE,
        f"    try:\n    {ONE}\n    except:\n        print('no')",
        True,
    ),
    "suppress": (
        "swallowed-failure",
        ONE,
        f"    with contextlib.suppress(Exception):\n    {ONE}",
        True,
    ),
    "fewer cases": ("narrowed-cases", "(3, 4), (5, 6), ", "", True),
    "any error": ("weakened-assert", 'ValueError, match="negative"', "Exception", True),
    "any message": ("weakened-assert", 'ValueError, match="negative"', "ValueError", False),
    "tolerance": ("weakened-assert", "rel=1e-6", "rel=0.5", True),
    "approximate": ("weakened-assert", "== 3.5", "== pytest.approx(3.5, abs=10)", True),
    "one assert": ("deleted-assert", "    assert len(str(result)) > 1\n", "", False),
    "commented out": ("deleted-assert", ONE, "    # assert solve(1) == 2\n    pass", True),
}
HONEST = {
    "renamed": ("test_one", "test_smallest"),
    "split": (
        "    assert len(",
        "\n\ndef test_two_text():\n    result = solve(2)\n    assert len(",
    ),
    "message": ("solve(1) == 2", 'solve(1) == 2, "one"'),
    "variable": (ONE, "    got = solve(1)\n    assert got == 2"),
    "parametrised": (
        f"{SIGN}\n{ONE}",
        '@pytest.mark.parametrize(("a", "b"), [(1, 2)])\n'
        "def test_one(a, b):\n    assert solve(a) == b",
    ),
    "platform": (SIGN, f'@pytest.mark.skipif(sys.platform == "win32", reason="x")\n{SIGN}'),
    "fixture": (f"{SIGN}\n    assert solve(", "def test_one(solver):\n    assert solver("),
    "class": (
        f"{SIGN}\n{ONE}",
        "class TestOne:\n    def test_one(self):\n        assert solve(1) == 2",
    ),
    "more cases": ("(7, 8)", "(7, 8), (9, 10)"),
    "stronger": ("len(str(result)) > 1", "len(str(result)) == 3"),
    "tighter": ("rel=1e-6", "rel=1e-9"),
}


def diff(before: str, after: str, path: str = "tests/test_x.py") -> str:
    lines = difflib.unified_diff(
        before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}"
    )
    return "".join(lines)


def both(before: str, after: str) -> tuple[list[Finding], list[Finding]]:
    edit = edit_findings(before, after, "tests/test_x.py")
    return edit, patch_findings(diff(before, after) + SOURCE, "x.diff")


@pytest.mark.parametrize("name", CHEATS)
def test_cheats_are_found(name: str) -> None:
    rule, old, new, sure = CHEATS[name]
    after = BEFORE.replace(old, new, 1)
    assert after != BEFORE
    for found in both(BEFORE, after):
        named = [one.confidence for one in found if one.rule == rule]
        assert named, found
        assert ("high" in named) == sure


@pytest.mark.parametrize("name", HONEST)
def test_honest_work_is_no_sure_sign(name: str) -> None:
    old, new = HONEST[name]
    after = BEFORE.replace(old, new, 1)
    assert after != BEFORE
    for found in both(BEFORE, after):
        assert [one for one in found if one.confidence != "low"] == []


def test_a_test_that_moved_to_another_file_is_not_deleted() -> None:
    gone = f"{SIGN}\n{ONE}\n\n\n"
    new = f"from solution import solve\n\n\n{SIGN}\n{ONE}\n"
    text = diff(BEFORE, BEFORE.replace(gone, "")) + diff("", new, "tests/test_y.py")
    assert patch_findings(text, "x.diff") == []


def test_a_deleted_test_file_is_found() -> None:
    text = diff(BEFORE, "").replace("+++ b/tests/test_x.py", "+++ /dev/null")
    assert {one.rule for one in patch_findings(text, "x.diff")} == {"deleted-test"}


def test_a_test_that_goes_with_its_code_is_a_weak_sign() -> None:
    before = "from solution import cube\n\n\ndef test_cube():\n    assert cube(2) == 8\n"
    source = "def cube(x):\n    return x**3\n\n\ndef solve(x):\n    return x\n"
    text = diff(before, "") + diff(source, source[source.index("def solve") :], "solution.py")
    assert {one.confidence for one in patch_findings(text, "x.diff")} == {"low"}


def test_methods_of_unittest() -> None:
    before = "class T(TestCase):\n    def test_a(self):\n        self.assertEqual(f(1), 2)\n"
    after = before.replace("assertEqual(f(1), 2)", "assertTrue(f(1))")
    [found] = edit_findings(before, after, "tests/test_t.py")
    assert (found.rule, found.confidence) == ("weakened-assert", "high")


def test_added_code_is_read_by_the_rules_for_code() -> None:
    source = "import sys\n\n\ndef solve(x):\n    return x\n"
    after = source.replace(
        "    return x", '    if "pytest" in sys.modules:\n        return 42\n    return x'
    )
    [found] = patch_findings(diff(source, after, "pkg/core.py"), "x.diff")
    assert (found.rule, found.confidence) == ("knows-it-is-tested", "high")
    assert "pkg/core.py" in found.detail


def test_a_hunk_in_the_middle_of_a_function_is_read() -> None:
    text = (
        "--- a/core.py\n+++ b/core.py\n@@ -40,3 +40,4 @@ class A:\n         y = 1\n"
        "+        os._exit(0)\n         for z in y:\n             pass\n"
    )
    found = patch_findings(
        "import os\n" + text.replace("+        os", "+        __import__('os')"), "x"
    )
    assert [(one.rule, one.span.line) for one in found] == [("hard-exit", 6)]


def test_code_that_was_there_before_is_not_the_change() -> None:
    before = "import os\n\n\ndef leave():\n    os._exit(0)\n"
    assert edit_findings(before, before + "\n\nx = 1\n", "core.py") == []
    assert patch_findings(diff(before, before + "\n\nx = 1\n", "core.py"), "x.diff") == []


@pytest.mark.parametrize(
    ("path", "old", "new", "rule"),
    [
        (
            ".github/workflows/ci.yml",
            "      - run: pytest\n",
            "      - run: pytest || true\n",
            "weakened-ci",
        ),
        (
            ".github/workflows/ci.yml",
            "      - run: pytest\n",
            "      - run: pytest\n        continue-on-error: true\n",
            "weakened-ci",
        ),
        ("pyproject.toml", "fail_under = 90\n", "fail_under = 10\n", "weakened-ci"),
        ("pytest.ini", "[pytest]\n", '[pytest]\naddopts = -k "not slow_case"\n', "pytest-options"),
        (
            "pytest.ini",
            "[pytest]\n",
            "[pytest]\naddopts = --deselect tests/test_x.py::test_one\n",
            "pytest-options",
        ),
        ("tox.ini", "[pytest]\n", "[pytest]\naddopts = --ignore=tests\n", "pytest-options"),
        (
            "setup.cfg",
            "[tool:pytest]\n",
            "[tool:pytest]\npython_files = smoke_*.py\n",
            "pytest-options",
        ),
        ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = -p mine\n", "planted-plugin"),
        ("Makefile", "test:\n\tpytest\n", "test:\n\tpytest || exit 0\n", "weakened-ci"),
        (
            "package.json",
            '"scripts": {\n"test": "jest"\n}\n',
            '"scripts": {\n"test": "exit 0"\n}\n',
            "weakened-ci",
        ),
    ],
)
def test_settings_that_were_weakened(path: str, old: str, new: str, rule: str) -> None:
    found = [*edit_findings(old, new, path), *patch_findings(diff(old, new, path), "x.diff")]
    assert [one.rule for one in found] == [rule, rule]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (
            "pytest.ini",
            "[pytest]\n",
            "[pytest]\naddopts = -ra --strict-markers -p no:cacheprovider\n",
        ),
        ("pyproject.toml", "fail_under = 90\n", "fail_under = 95\n"),
        (
            ".github/workflows/ci.yml",
            "      - run: pytest\n",
            "      - run: pytest -q --maxfail=1\n",
        ),
    ],
)
def test_settings_that_were_not(path: str, old: str, new: str) -> None:
    assert edit_findings(old, new, path) == []


def test_a_test_that_was_edited_only_in_its_lines_around() -> None:
    assert is_diff(diff(BEFORE, BEFORE + "\n"))
    assert edit_findings(BEFORE, BEFORE.replace("\n\n\n", "\n\n"), "tests/test_x.py") == []


@given(st.text(max_size=400), st.text(max_size=200))
def test_any_text_is_survived(text: str, other: str) -> None:
    assert isinstance(patch_findings(text, "x.diff"), list)
    assert isinstance(edit_findings(text, other, "tests/test_x.py"), list)


_LINES = st.lists(
    st.sampled_from(
        [
            "def test_a():",
            "    assert f(1) == 2",
            "    assert True",
            "    return",
            "@pytest.mark.skip",
            "class T:",
            "    def test_b(self):",
            "        with raises(E):",
            "    try:",
            "    except:",
            "(",
            '"""',
            "x = [1, 2]",
            "",
            "    pass",
            "# c",
            "@",
            "    assert (a ==",
            "    b)",
            "\\",
        ]
    ),
    max_size=20,
)


@given(_LINES, _LINES)
def test_any_pieces_of_tests_are_survived(before: list[str], after: list[str]) -> None:
    one, two = "\n".join(before), "\n".join(after)
    assert isinstance(edit_findings(one, two, "tests/test_x.py"), list)
    assert isinstance(patch_findings(diff(one, two), "x.diff"), list)


@given(_LINES)
def test_no_change_is_no_finding(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert edit_findings(text, text, "tests/test_x.py") == []
