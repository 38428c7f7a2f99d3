"""Signs of gaming in changes: patches, edits of a file, and what either does to the tests."""

from __future__ import annotations

from trueup.goodhart.scan.patches.diff import is_diff
from trueup.goodhart.scan.patches.findings import RULES, edit_findings, patch_findings
from trueup.goodhart.scan.patches.settings import config_findings
from trueup.goodhart.scan.patches.standing import test_findings

__all__ = [
    "RULES",
    "config_findings",
    "edit_findings",
    "is_diff",
    "patch_findings",
    "test_findings",
]
