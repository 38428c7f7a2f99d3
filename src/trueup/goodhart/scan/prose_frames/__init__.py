"""What gaming sounds like when an agent states it: an act, what it is done to, and to what end.

Each frame is a verb, an object within a few words of it and, where verb and object are ordinary
words, the outcome that tells gaming from work. Who speaks, and whether it is meant, is no matter
of a frame: `prose` reads that off the words around it.
"""

from __future__ import annotations

import re

from trueup.goodhart.scan.prose_frames.bypass import BYPASS
from trueup.goodhart.scan.prose_frames.clock import CLOCKS
from trueup.goodhart.scan.prose_frames.concealment import CONCEALMENT
from trueup.goodhart.scan.prose_frames.false_pass import FALSE_PASS
from trueup.goodhart.scan.prose_frames.frame import Frame
from trueup.goodhart.scan.prose_frames.lookup import LOOKUP
from trueup.goodhart.scan.prose_frames.special import SPECIAL
from trueup.goodhart.scan.prose_frames.test_change import TEST_CHANGE

__all__ = ["FRAMES", "INDEX", "TRIGGER", "Frame"]

FRAMES: tuple[Frame, ...] = (
    *SPECIAL, *BYPASS, *TEST_CHANGE, *FALSE_PASS, *CLOCKS, *LOOKUP, *CONCEALMENT,
)  # fmt: skip
# The frames that may begin at a word: no other is tried there.
INDEX: dict[str, tuple[Frame, ...]] = {
    word: tuple(frame for frame in FRAMES if word in frame.first)
    for word in sorted(frozenset().union(*(frame.first for frame in FRAMES)))
}
# A sentence without any of these is no statement of any frame: it is not read any further.
TRIGGER = re.compile(
    r"test|grad[ei]|harness|check|verif|evaluat|scor|judge|reward|benchmark|tim[ei]|measur"
    r"|elapsed|clock|expect|answer|solution|upstream|hidden|cheat|assert|review|notice|__eq__|equal"
    r"|look|fix|honest|stack|visible|sample|trick|hack|fak|pass|example|metric|oracle|genuine|real"
    r"|git|pypi|synchro|result|green|gam[ei]|verdict|held|gc\.|truth|private|secret|option|ran\b"
    r"|cod"
    r"|shortcut|frame|memory|suite|ci\b|reference|baseline",
    re.IGNORECASE,
)
