"""Every rule by its id, collected from the tables beside the detectors."""

from __future__ import annotations

from trueup.goodhart.scan import graders, judges, transcripts
from trueup.goodhart.scan.patches import RULES as _PATCHES
from trueup.goodhart.scan.python import RULES as _CODE
from trueup.goodhart.scan.result import Rule

__all__ = ["RULES"]


def _collected() -> dict[str, Rule]:
    """A name that two different rules have is a mistake; one rule may be listed twice."""
    found: dict[str, Rule] = {}
    for rule in (*_CODE, *_PATCHES, *transcripts.RULES, *graders.RULES, *judges.RULES):
        if found.setdefault(rule.id, rule) != rule:
            raise ValueError(f"two rules are called {rule.id}")
    return found


RULES: dict[str, Rule] = _collected()
