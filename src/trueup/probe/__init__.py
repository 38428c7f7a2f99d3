"""Probes: suites of prompts, and asking them of a model."""

from __future__ import annotations

from trueup.probe.model import Progress
from trueup.probe.rows import VersionTally
from trueup.probe.run import ProbeRun, probe
from trueup.probe.suite import Prompt, Suite, load_suite

__all__ = [
    "ProbeRun",
    "Progress",
    "Prompt",
    "Suite",
    "VersionTally",
    "load_suite",
    "probe",
]
