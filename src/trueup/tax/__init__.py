"""The cost of the safety layer, measured from a log and corrected by human labels."""

from __future__ import annotations

from trueup.tax.layers import JointPass, stack_from_fires
from trueup.tax.measurement import measure
from trueup.tax.result import TaxReport

__all__ = ["JointPass", "TaxReport", "measure", "stack_from_fires"]
