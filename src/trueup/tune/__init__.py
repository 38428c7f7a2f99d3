"""Dials with certificates: the least tax at a guaranteed risk, and a watch on the guarantee."""

from __future__ import annotations

from trueup.tune.certificate import differences, read_certificate
from trueup.tune.dial import Dial, Selection, losses_dial, select
from trueup.tune.goal import Costs, Goal
from trueup.tune.ladder import ladder_dial
from trueup.tune.log import log_texts, scored_log
from trueup.tune.remember import others_on_these_data, remember
from trueup.tune.result import TuneReport, Watch
from trueup.tune.scored import HARMFUL, LEGITIMATE, NEITHER, OFF, UNKNOWN, Scored, flags
from trueup.tune.segments import tune_segments
from trueup.tune.turn import tune
from trueup.tune.verify import recomputed
from trueup.tune.watch import fresh, watch

__all__ = [
    "HARMFUL",
    "LEGITIMATE",
    "NEITHER",
    "OFF",
    "UNKNOWN",
    "Costs",
    "Dial",
    "Goal",
    "Scored",
    "Selection",
    "TuneReport",
    "Watch",
    "differences",
    "flags",
    "fresh",
    "ladder_dial",
    "log_texts",
    "losses_dial",
    "others_on_these_data",
    "read_certificate",
    "recomputed",
    "remember",
    "scored_log",
    "select",
    "tune",
    "tune_segments",
    "watch",
]
