"""Coverage of the whole chain, log to interval, with an annotator that errs and few labels."""

from __future__ import annotations

import pytest
import world as w
from scipy import stats

from trueup.tax.facts import facts
from trueup.tax.overall import OVERALL_QUANTITIES, main_rates
from trueup.tax.rates import Rates, sum_cells
from trueup.tax.survey import survey
from trueup.tax.truth import answers, labelled

RUNS = 30
LEVEL = 0.9


@pytest.mark.parametrize("stratified", [True, False])
def test_wrongful_refusal_covers_the_worlds_rate(stratified: bool) -> None:
    """At 90 %: at least as many of the runs as the 1 % quantile of Binomial(runs, 0.9)."""
    world = w.World(
        n=800, users=300, labels=120, stratified=stratified, outcomes=False, annotator_misses=0.4
    )
    truth = w.truth(world)
    inside = narrower = 0
    for seed in range(RUNS):
        with w.workspace(world.but(seed=seed)) as ws:
            found = survey(ws, period="none")
            with facts(ws, found) as table:
                rows = labelled(ws, table, answers(ws))
                rates = Rates(rows, LEVEL, ())
                one = main_rates(rates, sum_cells(table, OVERALL_QUANTITIES))["wrongful_refusal"]
        inside += one.low <= truth <= one.high
        narrower += one.high - one.low < 0.25
    assert inside >= stats.binom.ppf(0.01, RUNS, LEVEL)
    assert narrower > RUNS / 2, "intervals so wide that covering is no art"


def test_the_worlds_rate_is_what_its_draws_have() -> None:
    world = w.World(n=60_000, users=20_000, outcomes=False, labels=0)
    assert w.make(world).wrongful == pytest.approx(w.truth(world), abs=0.01)
