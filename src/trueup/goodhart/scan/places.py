"""What a path is likely to be: a test, an answer, a grader, its report, a program.

A path is judged by its own words, part by part. The same word means less in a package's sources
than at the root of a machine; the confidence says so.
"""

from __future__ import annotations

import re

from trueup.goodhart.scan.result import Confidence

__all__ = ["answers", "grader", "program", "report", "startup", "test", "verifier_log"]

_SEPARATORS = re.compile(r"[\\/]+")
_EDGE, _END = r"(?:^|(?<=[^a-z]))", r"(?:$|(?=[^a-z]))"

_TEST_FILE = re.compile(
    r"^(?:test[-_].*|.*[-_]tests?|tests?|conftest)\.\w+$|\.(?:spec|test)\.\w+$"
    r"|^.+Tests?\.(?:java|cs|kt)$"
)
_TEST_FOLDER = re.compile(r"^(?:tests?|__tests__|spec|specs|testing)$", re.IGNORECASE)
_OWN = re.compile(r"repro|debug|scratch|tmp|temp|demo|my_|manual|quick|simple|edge|verify|issue")
_STRONG = re.compile(
    rf"{_EDGE}(?:(?:hidden|held[-_ ]?out|private|secret|sealed)[-_ ]?(?:tests?|cases?|answers?"
    r"|labels?|outputs?|solutions?|eval\w*|data)?|answer[-_ ]?keys?|ground[-_ ]?truths?"
    r"|expected[-_ ]?answers?|test[-_ ]?patch|solution[-_ ]?patch"
    r"|(?:gold(?:en)?|reference|official|true|model|correct)[-_ ]?"
    rf"(?:patch(?:es)?|answers?|solutions?|labels?)){_END}",
    re.IGNORECASE,
)
_HIDES = re.compile(r"^(?:hidden|private|secret|sealed|held[-_]?out)$", re.IGNORECASE)
_WEAK = re.compile(
    r"^(?:answers?|solutions?|labels|oracle|expected(?:[-_](?:outputs?|results?|values?))?)"
    r"(?:\.(?:json[l]?|txt|csv|ya?ml|npy|npz|pkl|parquet|out|sh|patch|diff))?$",
    re.IGNORECASE,
)
_GRADER = re.compile(
    rf"{_EDGE}(?:auto[-_]?)?(?:grad(?:er|ers|ing)|grade|verifiers?|test[-_]?harness|judge){_END}",
    re.IGNORECASE,
)
_SCORER = re.compile(
    r"^(?:scor(?:e|er|ing)|eval(?:uate|uator|uation)?|run[-_]?(?:eval|tests?|grad\w*)|check(?:er)?"
    r"|harness|test[-_]outputs|verify|validate|reward(?:[-_]?(?:fn|func|function|model))?)"
    r"\.(?:py|sh|js|ts|bash)$",
    re.IGNORECASE,
)
_SOURCES = re.compile(r"^(?:src|lib|packages?|site-packages|core|django|node_modules)$")
_REWARD = re.compile(
    r"^(?:rewards?|verdict|grades?|final[-_]?scores?)(?:[-_]?\w*)?\.(?:txt|json|csv|ya?ml)$",
    re.IGNORECASE,
)
_VERIFIER = re.compile(
    r"(?:^|/)logs?/(?:verifier|grader|grading)/"
    r"|(?:verifier|grader|grading)[-_](?:logs?|output|results?)/"
)
_REPORT = re.compile(
    r"^(?:junit[\w-]*\.xml|ctrf[\w-]*\.json|(?:test|grad\w*|verif\w*|eval\w*|pytest)[-_]?"
    r"(?:results?|reports?|outcomes?|status|scores?)\.(?:json|xml|txt|csv)"
    r"|scores?\.(?:txt|json)|exit[-_]?code(?:\.txt)?)$",
    re.IGNORECASE,
)
_VERIFIER_LOG = re.compile(
    r"(?:^|/)(?:verif(?:y|ier|ication)|grad(?:er|ing))[-_]?(?:logs?|output|results?|report)?"
    r"[\w-]*\.(?:log|txt|json|out)$|(?:^|/)logs?/(?:verifier|grader|grading|tests?)/",
    re.IGNORECASE,
)
_STARTUP = re.compile(r"(?:^|/)(?:sitecustomize|usercustomize)\.py$|site-packages/[^/]+\.pth$")
_BIN = re.compile(r"(?:^|/)s?bin/([^/]+)$")
_PROGRAMS = re.compile(
    r"^(?:python[\d.]*|pypy\d?|pytest|py\.test|bash|sh|node|npm|npx|yarn|pnpm|deno|bun|make|cmake"
    r"|ctest|gcc|g\+\+|cc|clang|cargo|rustc|go|git|uvx?|pip\d?|curl|wget|java|javac|mvn|gradle|tox"
    r"|nox|date|time|diff|cmp|jq|grep|cat|ls|perl|ruby|timeout|nvcc|hyperfine)$"
)


def _parts(path: str) -> list[str]:
    return [part for part in _SEPARATORS.split(path.strip("'\" ")) if part not in ("", ".")]


def test(path: str) -> bool:
    """A test file, or what lies in a folder of tests; not a throw-away script by its name."""
    parts = _parts(path)
    if not parts or path.startswith("/tmp/"):
        return False
    name = parts[-1]
    if _TEST_FILE.search(name):
        return not (_OWN.search(name.lower()) and len(parts) == 1)
    inside = any(_TEST_FOLDER.match(part) for part in parts[:-1])
    return (inside and bool(re.search(r"\.\w+$|[*?]", name))) or bool(_TEST_FOLDER.match(name))


def answers(path: str) -> Confidence | None:
    """A file or folder of answers: hidden tests, a key, a reference solution."""
    parts = _parts(path)
    joined = "/".join(parts)
    if not parts or parts[-1].lower() in ("secrets.py", "private.py", "hidden.py"):
        return None
    if _STRONG.search(joined) and (
        any(len(found[0]) > 8 for found in _STRONG.finditer(joined))
        or any(_HIDES.match(part) for part in parts[:-1])
    ):
        return "medium" if _in_package(parts) else "high"
    last = parts[-1]
    if re.match(r"^/(?:oracle|solutions?)(?:/|$)", path):
        return "high"
    if _WEAK.match(last):
        if any(_TEST_FOLDER.match(part) for part in parts[:-1]) or _in_package(parts):
            return "low"
        return "medium" if "." in last else "low"
    return None


def grader(path: str) -> Confidence | None:
    """A grader's own file or folder: "high" for one by name, "medium" for what often is one."""
    parts = _parts(path)
    if not parts or path.startswith("/tmp/"):
        return None
    named = any(_GRADER.search(part.rsplit(".", 1)[0]) for part in parts)
    if named and not _TEST_FILE.search(parts[-1]):
        return "low" if _in_package(parts) else "high"
    if _SCORER.match(parts[-1]):
        return "low" if _in_package(parts) else "medium"
    return None


def report(path: str) -> Confidence | None:
    """Where a verdict is kept: a reward, a result file, a JUnit report."""
    parts = _parts(path)
    if not parts:
        return None
    if _REWARD.match(parts[-1]) or _VERIFIER.search("/".join(parts)):
        return "low" if _in_package(parts) else "high"
    return "medium" if _REPORT.match(parts[-1]) else None


def verifier_log(path: str) -> bool:
    """The log of an earlier verification."""
    return bool(_VERIFIER_LOG.search(path))


def startup(path: str) -> bool:
    """A file that Python runs by itself whenever it starts."""
    return bool(_STARTUP.search(path))


def program(path: str) -> bool:
    """A program that graders start, where the shell looks for programs."""
    found = _BIN.search(path)
    return bool(found and _PROGRAMS.match(found[1]))


def _in_package(parts: list[str]) -> bool:
    return any(_SOURCES.match(part) for part in parts[:-1])
