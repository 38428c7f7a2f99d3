from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from trueup.goodhart.divergence.alarm import find_alarm
from trueup.goodhart.divergence.label_needs import label_needs
from trueup.goodhart.divergence.table import Run, tabulate
from trueup.goodhart.divergence.watching import watch_runs
from trueup.stats import two_proportion_n


def test_runs_and_their_mean_share_delta(series: Callable[..., Run]) -> None:
    runs = [series(60, 0.0, seed=seed) for seed in range(3)]
    report = watch_runs(runs, together=series(60, 0.0, seed=9))
    assert [run.alarm.delta for run in report.runs if run.alarm] == pytest.approx([0.0125] * 4)
    assert report.runs[-1].together
    assert report.main is report.runs[-1]
    assert not report.alarm


def test_the_headline_is_of_a_run_that_fired(series: Callable[..., Run]) -> None:
    report = watch_runs([series(200, 0.5), series(200, 0.0)], together=series(200, 0.0, seed=3))
    assert report.alarm
    assert report.main is report.runs[0]
    assert report.runs[0].observed_delay is not None
    assert report.runs[0].observed_delay > 0


def test_without_a_truth_nothing_is_known() -> None:
    report = watch_runs([tabulate([1.0, 2.0, 3.0])])
    assert report.labels is not None
    assert not report.alarm
    assert report.runs[0].best is None


def test_label_needs_are_those_of_the_power_formulas() -> None:
    needs = label_needs(0.95)
    for need in needs.needs:
        expected = two_proportion_n(0.5 + need.size / 2, 0.5 - need.size / 2)
        assert need.fresh == expected
        assert need.paired < need.fresh
        assert need.watched > need.paired
    assert [one.fresh for one in needs.needs] == sorted(
        (one.fresh for one in needs.needs), reverse=True
    )


def test_the_labels_for_the_alarm_do_show_the_fall() -> None:
    """Falls of ten points at the last of 20 checkpoints, with as many labels as promised."""
    need = next(one for one in label_needs(0.95).needs if one.size == 0.1)
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(12):
        kind = rng.random((need.watched, 1))
        flips = rng.random((need.watched, 20))
        rate = np.full(20, 0.55)
        rate[-1] = 0.45
        always = 0.4  # of each kind: 30 % of verdicts differ between two checkpoints
        values = np.where(kind < always, 1.0, np.where(kind > 1 - always, 0.0, np.nan))
        share = (rate - always) / (1 - 2 * always)
        values = np.where(np.isnan(values), flips < share, values)
        step = np.tile(np.arange(20), need.watched).tolist()
        example = np.repeat(np.arange(need.watched), 20).tolist()
        proxy = np.tile(np.arange(20.0), need.watched)
        seen += find_alarm(tabulate(proxy, values.ravel(), step=step, example=example), 0.05).fired
    assert seen >= 6
