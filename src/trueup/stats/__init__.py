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
from trueup.stats.fall_evidence import fall_evidence
from trueup.stats.falls import Falls, FallScores, fall_doubt, fall_threshold, look_times
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
from trueup.stats.multiplicity import holm
from trueup.stats.noise import between_disagreement, disagreement, excess_flips, noise_floor
from trueup.stats.paired import (
    PairedDifference,
    is_equivalent,
    mcnemar,
    paired_difference,
    tango_interval,
)
from trueup.stats.power import (
    LabelPlan,
    equivalence_n,
    interval_half_width_after,
    labels_needed,
    neyman_allocation,
    paired_n,
    two_proportion_n,
)
from trueup.stats.ppi import ppi_mean, ppi_ratio, prediction_interval
from trueup.stats.ppi_inputs import Population, Sample
from trueup.stats.rank import pareto_set, spearman
from trueup.stats.risk_control import (
    BoundedRisks,
    CountedRisks,
    Risks,
    betting_p,
    binomial_p,
    hoeffding_bentkus_p,
    least_n,
    most_losses,
)
from trueup.stats.sequential import RiskAlarm, risk_alarm, typical_delay

__all__ = [
    "BoundedRisks",
    "Cells",
    "ConfidenceSequence",
    "CountedRisks",
    "ErrorRates",
    "Estimate",
    "FallScores",
    "Falls",
    "Interval",
    "LabelPlan",
    "OutcomeDifference",
    "PairedDifference",
    "Population",
    "RiskAlarm",
    "Risks",
    "Sample",
    "adjusted_difference",
    "betting_interval",
    "betting_p",
    "between_disagreement",
    "binomial_p",
    "clopper_pearson",
    "cluster_mean",
    "cohen_kappa",
    "confidence_sequence",
    "difference",
    "disagreement",
    "equivalence_n",
    "error_rates",
    "excess_flips",
    "f1_score",
    "fall_doubt",
    "fall_evidence",
    "fall_threshold",
    "hoeffding_bentkus_p",
    "holm",
    "interval_half_width_after",
    "is_equivalent",
    "krippendorff_alpha",
    "labels_needed",
    "least_n",
    "look_times",
    "mcnemar",
    "most_losses",
    "neyman_allocation",
    "noise_floor",
    "paired_difference",
    "paired_n",
    "pareto_set",
    "ppi_mean",
    "ppi_ratio",
    "prediction_interval",
    "randomised_difference",
    "ratio",
    "risk_alarm",
    "spearman",
    "tango_interval",
    "two_proportion_n",
    "typical_delay",
    "wilson",
]
