from __future__ import annotations

import numpy as np

from trueup.store import Workspace
from trueup.tune import Goal, Scored, others_on_these_data, remember, tune

SCORES = np.random.default_rng(0).beta(2, 5, size=(400, 1))
LABEL = (SCORES[:, 0] > 0.3).astype(np.int8)
EXAMPLES = Scored(("guard",), SCORES, LABEL, today=np.array([0.2]))


def test_the_same_certificate_is_kept_once_and_another_is_told() -> None:
    strict, loose = (tune(EXAMPLES, Goal(alpha, 0.05)) for alpha in (0.05, 0.1))
    elsewhere = tune(EXAMPLES.where(np.arange(300)), Goal(0.05, 0.05))
    with Workspace.scratch() as ws:
        for report in (strict, strict, elsewhere):
            remember(ws, report)
        assert ws.count("certificates") == 2
        assert others_on_these_data(ws, strict) == 0
        assert others_on_these_data(ws, loose) == 1


def test_what_is_not_certified_is_not_kept() -> None:
    few = tune(EXAMPLES.where(np.arange(5)), Goal(0.01, 0.05))
    assert few.certificate is None
    with Workspace.scratch() as ws:
        remember(ws, few)
        assert ws.count("certificates") == 0
        assert others_on_these_data(ws, few) == 0
