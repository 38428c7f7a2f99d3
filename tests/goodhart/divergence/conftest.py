"""Made-up runs with a planted fall, and without."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from trueup.goodhart.divergence.table import Run, tabulate


@pytest.fixture
def series() -> Callable[..., Run]:
    """One number for each of n steps: the truth rises to `peak` and then falls by `fall`."""

    def make(n: int, fall: float, *, peak: float = 0.4, noise: float = 0.03, seed: int = 0) -> Run:
        rng = np.random.default_rng(seed)
        x = np.linspace(0, 1, n)
        rise = 0.5 + 0.3 * np.minimum(x / peak, 1.0)
        truth = rise - fall * np.maximum(x - peak, 0) / (1 - peak) + rng.normal(0, noise, n)
        return tabulate(1 - np.exp(-3 * x) + rng.normal(0, noise, n), truth, step=range(n))

    return make


@pytest.fixture
def examples() -> Callable[..., Run]:
    """A run with 0/1 truths of n examples at each of the rates, and a rising proxy by step."""

    def make(
        n: int, rates: list[float], *, same: bool = True, seed: int = 0, repeats: int = 1
    ) -> Run:
        rng = np.random.default_rng(seed)
        k = len(rates)
        ease = np.repeat(rng.random((n, 1)), k, axis=1) if same else rng.random((n, k))
        again = rng.random((n, k)) < 0.5  # half of the verdicts are drawn anew each time
        values = (np.where(again, rng.random((n, k)), ease) < rates).astype(float)
        step = np.tile(np.arange(k), n)
        example = np.repeat(np.arange(n), k) if same else np.arange(n * k)
        proxy = np.tile(np.linspace(0, 1, k), n)
        many = [np.tile(one, repeats) for one in (proxy, values.ravel(), step, example)]
        return tabulate(many[0], many[1], step=many[2].tolist(), example=many[3].tolist())

    return make
