"""Statistics: arrays in, frozen results out. Numpy and scipy only."""

from __future__ import annotations

from trueup.stats.adjust import (
    Cells,
    OutcomeDifference,
    adjusted_difference,
    randomised_difference,
)
from trueup.stats.agreement import (
    ErrorRates,
    cohen_kappa,
    error_rates,
    f1_score,
    krippendorff_alpha,
)
from trueup.stats.estimate import Estimate, Interval
from trueup.stats.intervals import (
    ConfidenceSequence,
    betting_interval,
    clopper_pearson,
    cluster_mean,
    confidence_sequence,
    difference,
    ratio,
    wilson,
)
from trueup.stats.power import (
    LabelPlan,
    interval_half_width_after,
    labels_needed,
    neyman_allocation,
    two_proportion_n,
)
from trueup.stats.ppi import ppi_mean, ppi_ratio, prediction_interval
from trueup.stats.ppi_inputs import Population, Sample
from trueup.stats.rank import pareto_set, spearman

__all__ = [
    "Cells",
    "ConfidenceSequence",
    "ErrorRates",
    "Estimate",
    "Interval",
    "LabelPlan",
    "OutcomeDifference",
    "Population",
    "Sample",
    "adjusted_difference",
    "betting_interval",
    "clopper_pearson",
    "cluster_mean",
    "cohen_kappa",
    "confidence_sequence",
    "difference",
    "error_rates",
    "f1_score",
    "interval_half_width_after",
    "krippendorff_alpha",
    "labels_needed",
    "neyman_allocation",
    "pareto_set",
    "ppi_mean",
    "ppi_ratio",
    "prediction_interval",
    "randomised_difference",
    "ratio",
    "spearman",
    "two_proportion_n",
    "wilson",
]
