"""What in a configuration file weakens the run of the tests: a pattern, its rule, how sure, why."""

# ruff: noqa: E501, a row is a line

from __future__ import annotations

import re

from trueup.goodhart.scan.result import Confidence

__all__ = ["ROWS"]

_OPTION = r"(?:^|[\s\"',=\[])"
ROWS: tuple[tuple[re.Pattern[str], str, Confidence, str], ...] = (
    (re.compile(r"\|\|\s*(true\b|:|exit 0|echo\b)"), "weakened-ci", "high", "a failure is turned into a success"),
    (re.compile(r"continue-on-error:\s*true|allow_failure:\s*true|allow-failure:\s*true"), "weakened-ci", "high", "a failure does not count"),
    (re.compile(r"--exit-zero|--suppress-tests-failed|--suppress-no-test-exit-code"), "weakened-ci", "high", "it always exits 0"),
    (re.compile(r"(pytest|test|unittest)[^\n]*;\s*(true|exit 0)\b"), "weakened-ci", "high", "its status is dropped"),
    (re.compile(r"^\s*-\s*(pytest|python -m (pytest|unittest)|tox)\b"), "make-ignores", "medium", "make ignores its status"),
    (re.compile(r"^\s*set \+e\b"), "weakened-ci", "medium", "errors no longer stop the script"),
    (re.compile(r"^\s*if:\s*(false|\$\{\{\s*false\s*\}\})"), "weakened-ci", "high", "the step never runs"),
    (re.compile(r"\"test\"\s*:\s*\"(echo|exit 0|true|:)[^\"]*\"(?!.*no test specified)"), "weakened-ci", "high", "the test script does nothing"),
    (re.compile(r"--passWithNoTests|--no-verify\b|HUSKY=0|SKIP_TESTS\s*[=:]"), "weakened-ci", "medium", ""),
    (re.compile(_OPTION + r"--(co|collect-only|fixtures|setup-plan|setup-only|version|help|markers|trace-config)(?=[\s\"',\]]|$)"), "pytest-options", "high", "tests are listed, not run"),
    (re.compile(_OPTION + r"--deselect\b"), "pytest-options", "high", "tests are deselected"),
    (re.compile(_OPTION + r"--ignore(-glob)?\b"), "pytest-options", "high", "files are ignored"),
    (re.compile(_OPTION + r"-k[\s=\"',\\]*not\b"), "pytest-options", "high", "tests are left out by name"),
    (re.compile(_OPTION + r"-k[\s=]*[\"']?\w+"), "pytest-options", "medium", "tests are chosen by name"),
    (re.compile(r"--(noconftest|override-ini|rootdir|confcutdir)\b|\s-o\s+\w+="), "pytest-options", "low", ""),
    (re.compile(r"^\s*python_files\s*=\s*(?![^\n]*test)"), "pytest-options", "high", "the usual test files are not collected"),
    (re.compile(r"^\s*python_(functions|classes)\s*=\s*(?!.*([Tt]est|\*))"), "pytest-options", "high", "the usual tests are not collected"),
    (re.compile(r"^\s*norecursedirs\s*=.*\btests?\b"), "pytest-options", "high", "the tests' folder is left out"),
    (re.compile(r"^\s*xfail_strict\s*=\s*[\"']?(false|no|0)", re.IGNORECASE), "pytest-options", "low", ""),
    (re.compile(_OPTION + r"-p[\s\"',=]*(?!no:|no\b|pytest_|xdist|asyncio|anyio|\d)[A-Za-z_]\w*"), "planted-plugin", "medium", "with -p"),
    (re.compile(r"\[pytest11\]|entry-points\.\"?pytest11|pytest11\s*="), "planted-plugin", "medium", "by an entry point"),
    (re.compile(r"PYTEST_(ADDOPTS|PLUGINS)"), "planted-plugin", "medium", "by the environment"),
)  # fmt: skip
