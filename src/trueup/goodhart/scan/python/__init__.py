"""Signs of gaming in Python source, told from its syntax tree."""

from __future__ import annotations

from trueup.goodhart.scan.python.analysis import RULES, code_findings, read_code
from trueup.goodhart.scan.python.source import Unreadable

__all__ = ["RULES", "Unreadable", "code_findings", "read_code"]
