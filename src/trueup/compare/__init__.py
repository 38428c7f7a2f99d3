"""Before against after: what got safer, what got worse, for whom, beyond noise."""

from __future__ import annotations

from trueup.compare.answers import (
    FULL,
    PARTIAL,
    REFUSAL,
    UNABLE,
    UNDETERMINED,
    UNKNOWN,
    Answers,
)
from trueup.compare.result import Comparison, Frontier, Series
from trueup.compare.series import compare
from trueup.compare.settings import Settings

__all__ = [
    "FULL",
    "PARTIAL",
    "REFUSAL",
    "UNABLE",
    "UNDETERMINED",
    "UNKNOWN",
    "Answers",
    "Comparison",
    "Frontier",
    "Series",
    "Settings",
    "compare",
]
