"""Made-up versions held against limits, for the tests of the gate and of what displays it."""

from __future__ import annotations

from typing import Any

from tests.compare.versions import version
from trueup.compare.answers import Answers
from trueup.compare.gate import gate
from trueup.compare.gate_result import GateReport
from trueup.compare.limits import parse_limits
from trueup.compare.series import compare_two
from trueup.compare.settings import Settings


def sides(
    before: str, after: str, harmful: tuple[str, str] = ("", ""), *, labelled: bool = True
) -> tuple[Answers, Answers]:
    """Two versions from the verdicts on legitimate prompts and on harmful ones."""
    group = "l" * len(before) + "h" * len(harmful[0])
    one, two = (
        version(name, said, legitimate=group, labels=said if labelled else None)
        for name, said in (("before", before + harmful[0]), ("after", after + harmful[1]))
    )
    return one, two


def held(one: Answers, two: Answers | None = None, **limits: Any) -> GateReport:
    """The gate's report on two versions, or on one alone; limits as in a file, with underscores."""
    asked = parse_limits({name.replace("_", "-"): value for name, value in limits.items()})
    settings = Settings(level=asked.two_sided, replicates=200)
    comparison = compare_two(one, two or one, settings)
    return gate(comparison, asked, alone=two is None)
