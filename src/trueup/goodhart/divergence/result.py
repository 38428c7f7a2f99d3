"""What a watch on a proxy found: frozen, and read by every display."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from trueup.stats import Interval

__all__ = [
    "Alarm",
    "AngleStop",
    "BestOfN",
    "BestStep",
    "Curve",
    "Delay",
    "DivergenceReport",
    "LabelNeed",
    "LabelNeeds",
    "RunReport",
    "ScalingFit",
    "Visible",
]

Regime = Literal["paired", "fresh", "series", "none"]


@dataclass(frozen=True)
class Curve:
    """Readings over the steps, and the course fitted through them.

    Attributes
    ----------
    at
        Places of the readings among the run's steps.
    value
        The readings: the mean over examples where there are several.
    fit, low, high
        The course with its pointwise limits; NaN where too few readings allow none.
    """

    at: tuple[int, ...]
    value: tuple[float, ...]
    fit: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Alarm:
    """Whether it was shown that the proxy rose while the truth fell.

    Attributes
    ----------
    fired
        With probability 1 − delta this never becomes true for a run in which it is not so.
    at, since
        Places among the steps: of the look at which it was shown, and from where it fell.
    truth, proxy
        Before and now, as the test compared them; None without an alarm.
    fell_at
        Place of the look at which the truth alone was first shown to have fallen, whatever the
        proxy did; None: not shown.
    looks
        How often the test looked so far; 0: too early to look.
    evidence
        How far on the way to an alarm, in [0, 1], on a scale of log-probabilities.
    delta
        Share of the false-alarm probability that this test was given.
    method
        A short phrase.
    """

    fired: bool
    at: int | None
    since: int | None
    truth: tuple[float, float] | None
    proxy: tuple[float, float] | None
    fell_at: int | None
    looks: int
    evidence: float
    delta: float
    method: str


@dataclass(frozen=True)
class BestStep:
    """The checkpoint to keep, and where the best may be instead.

    Attributes
    ----------
    at, low, high
        Places among the steps; low and high None: nothing is known beyond the first and last.
    truth
        The fitted truth there.
    drop
        NDH: the truth at the last reading minus its highest, ≤ 0.
    method
        A short phrase.
    """

    at: int
    low: int | None
    high: int | None
    truth: float
    drop: Interval
    method: str


@dataclass(frozen=True)
class Delay:
    """How soon an abrupt fall of this size would be shown, by simulation with the run's own noise.

    Attributes
    ----------
    size
        Of the fall, in the unit of the truth, > 0.
    median
        Measured checkpoints until it is shown; infinite when most falls were not, within `horizon`.
    seen
        Share of the simulated falls that were shown within it.
    horizon
        Measured checkpoints that were simulated after the fall.
    """

    size: float
    median: float
    seen: float
    horizon: int


@dataclass(frozen=True)
class Visible:
    """The noise of one reading of the truth.

    deviation: standard deviation around the course. memory: correlation with the next reading.
    """

    deviation: float
    memory: float


@dataclass(frozen=True)
class RunReport:
    """One run, or all of them together.

    Attributes
    ----------
    name
        None for the only run of a table; "together" for the mean of several.
    regime
        paired: the same held-out examples at each checkpoint; fresh: new ones each time; series:
        one number for each; none: the truth was never measured.
    steps
        As the table names them, in order.
    position
        Where each stands on an axis: the step itself when it is a number.
    n_truth
        Measured checkpoints.
    n_units
        Independent units (examples, or clusters of them) at a typical measured checkpoint.
    observed_delay
        Measured checkpoints between the best one and the alarm; None without an alarm.
    """

    name: str | None
    regime: Regime
    steps: tuple[str, ...]
    position: tuple[float, ...]
    n_truth: int
    n_units: int
    proxy: Curve
    truth: Curve | None
    alarm: Alarm | None
    best: BestStep | None
    noise: Visible | None
    delays: tuple[Delay, ...]
    observed_delay: int | None
    assumptions: tuple[str, ...]
    together: bool = False


@dataclass(frozen=True)
class ScalingFit:
    """Gold reward as a function of d = √KL (Gao et al. 2022).

    Attributes
    ----------
    form
        "best-of-n": start + d(α − βd). "rl": start + d(α − β ln d).
    start
        The reward before any optimisation.
    peak, peak_reward
        d at which the fit is highest, and the reward there; None: unknown, and `unknown` says why.
    peak_n
        For best-of-n: the n of that peak.
    d, value
        What was fitted; `low`, `high` its own limits where the table had them.
    """

    form: Literal["best-of-n", "rl"]
    start: Interval
    alpha: Interval
    beta: Interval
    peak: Interval | None
    peak_reward: Interval | None
    peak_n: Interval | None
    unknown: str
    rmse: float
    d: tuple[float, ...]
    value: tuple[float, ...]
    method: str


@dataclass(frozen=True)
class BestOfN:
    """What picking the best of n by the proxy brings in truth.

    Attributes
    ----------
    n
        Samples that the proxy picks from, rising.
    kl
        ln n − (n − 1)/n nats: an upper bound of the divergence from the policy sampled.
    truth, proxy
        At each n, with limits where there are prompts to tell them from.
    n_prompts
        0 for a table of means.
    best_n
        The n with the highest truth.
    covariance
        Of the truths at each n, over prompts; empty for a table of means.
    """

    n: tuple[float, ...]
    kl: tuple[float, ...]
    truth: tuple[Interval, ...]
    proxy: tuple[Interval, ...]
    n_prompts: int
    best_n: float
    covariance: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class LabelNeed:
    """Held-out labels per checkpoint that show a fall of this size with 80 % probability.

    size: of a rate, 0.05 is five percentage points. paired: the same examples at both checkpoints.
    fresh: new examples at each. watched: the same examples, when looking at every checkpoint.
    """

    size: float
    paired: int
    fresh: int
    watched: int


@dataclass(frozen=True)
class LabelNeeds:
    """How many held-out labels would do, and what that rests on."""

    needs: tuple[LabelNeed, ...]
    power: float
    level: float
    checkpoints: int
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class DivergenceReport:
    """The whole of it.

    Attributes
    ----------
    source
        Name of the table.
    columns
        Role to column, as used.
    alarm
        Whether any test fired; together they do so falsely with probability at most delta.
    runs
        Each run; the last is all of them together where there are several.
    labels
        When no truth was measured: how many labels would show a fall.
    """

    source: str
    columns: dict[str, str]
    level: float
    delta: float
    alarm: bool
    runs: tuple[RunReport, ...]
    best_of_n: BestOfN | None = None
    scaling: tuple[ScalingFit, ...] = ()
    labels: LabelNeeds | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def main(self) -> RunReport | None:
        """The run that the headline speaks of: one with an alarm, else all together."""
        fired = [run for run in self.runs if run.alarm and run.alarm.fired]
        together = [run for run in fired if run.together]
        return next(iter([*together, *fired, *self.runs[::-1]]), None)


@dataclass(frozen=True)
class AngleStop:
    """A path of policies of a tabular MDP, and where the angle says to stop.

    Attributes
    ----------
    stop
        Place of the last policy before the proxy's gain becomes too flat; the last of the path when
        it never does.
    proxy, true
        Returns along the path.
    """

    stop: int
    proxy: tuple[float, ...]
    true: tuple[float, ...]
