"""What a comparison says, as frozen values: computed in `compare`, displayed by `report`.

Shares and their differences are fractions: 0.30 is 30 of 100 prompts, or 30 percentage points.
"""

from __future__ import annotations

from dataclasses import dataclass

from trueup.stats import Estimate, Interval

__all__ = [
    "Comparison",
    "Flip",
    "Frontier",
    "FrontierPoint",
    "GroupChange",
    "MeasureChange",
    "Noise",
    "PhraseShift",
    "Series",
    "SliceChange",
    "Version",
]


@dataclass(frozen=True, slots=True)
class Version:
    """One version as it was read.

    order: its value in the column that orders the versions, None without one. n_rows, n_prompts:
    answers and different prompts. samples: the most answers that one prompt has. unknown: answers
    without a verdict, by what is wrong: "error", "empty", "undetermined".
    """

    name: str
    order: str | None
    n_rows: int
    n_prompts: int
    samples: int
    unknown: dict[str, int]


@dataclass(frozen=True, slots=True)
class GroupChange:
    """Refusal on one set of prompts, before against after.

    group: "legitimate", "harmful", or "all" when nobody said which is which. n: prompts with a
    verdict on both sides. refused_*: how many of them were refused, wholly or in part (with several
    samples per prompt: in at least half of them). newly_refused, newly_answered: the flips.
    before, after: the rates. difference: after minus before. p_value: of "refusal is the same".
    equivalent: whether the difference is shown to be within ± margin; None when no interval.
    n_needed: prompts that would give a firm answer, None when the answer is firm or nothing tells.
    unpaired: prompts that have a verdict on one side only. new_refusals: share of the prompts newly
    refused, the flips and not the net. annotator_error: how far the difference may be off because
    the annotator misreads, a share, inside the interval; None when people's labels stand behind it.
    """

    group: str
    n: int
    refused_before: int
    refused_after: int
    newly_refused: int
    newly_answered: int
    before: Interval
    after: Interval
    difference: Estimate
    p_value: float
    equivalent: bool | None
    margin: float
    n_needed: int | None
    unpaired: int
    new_refusals: Interval
    annotator_error: float | None = None


@dataclass(frozen=True, slots=True)
class SliceChange:
    """The same for one value of one column; p_adjusted: Holm over all slices and groups."""

    column: str
    value: str
    change: GroupChange
    p_adjusted: float


@dataclass(frozen=True, slots=True)
class MeasureChange:
    """What else changed, on one group of prompts.

    name: "full refusal", "partial refusal", "hedges", "disclaimers", "warnings", "words", or the
    name of a capability score. unit: "share" (of prompts with at least one), "words", or "score".
    before, after: means. difference: after minus before. p_adjusted: Holm over all measures.
    """

    name: str
    group: str
    unit: str
    before: float
    after: float
    difference: Estimate
    p_value: float
    p_adjusted: float


@dataclass(frozen=True, slots=True)
class Noise:
    """How often two samples of one version differ in their verdict, which no change explains.

    before, after: that share of prompts for each version; None with one sample per prompt.
    between: the share of prompts on which a sample of each differ. excess: between minus the mean
    of the two floors: what the change itself did. samples: the fewest per prompt on either side.
    """

    before: Interval | None
    after: Interval | None
    between: Interval
    excess: Interval | None
    samples: int


@dataclass(frozen=True, slots=True)
class PhraseShift:
    """A phrase that more (or fewer) answers hold after than before.

    before, after: prompts whose answer holds it, of n. p_adjusted: McNemar, Holm over all phrases
    tried. where: the slice values in which most of the change lies, with prompts there.
    """

    phrase: str
    group: str
    n: int
    before: int
    after: int
    p_adjusted: float
    where: tuple[tuple[str, int], ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """One prompt whose verdict changed. Texts are the models' own: hostile until escaped.

    direction: "newly refused" or "newly answered". verdict_*: "full", "partial" or "refusal", as
    labelled or read. slices: "column=value".
    """

    key: str
    group: str
    direction: str
    prompt: str
    before: str
    after: str
    verdict_before: str
    verdict_after: str
    slices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions compared.

    legitimate, harmful: None when there is no such prompt. verdict: a word or two, one of
    `trueup.compare.verdict.VERDICTS`. sentence: the finding in one sentence. truth: "labels"
    (people said what each answer did), "corrected" (the annotator, corrected by some labels) or
    "annotator" (unverified). n_labeled: answers with a label. n_flips: by (group, direction), where
    `flips` may hold fewer. only_before, only_after: prompts that the other side lacks. clustered:
    whether some prompts depend on each other.
    """

    before: Version
    after: Version
    legitimate: GroupChange | None
    harmful: GroupChange | None
    slices: tuple[SliceChange, ...]
    measures: tuple[MeasureChange, ...]
    phrases: tuple[PhraseShift, ...]
    noise: Noise
    flips: tuple[Flip, ...]
    n_flips: dict[tuple[str, str], int]
    verdict: str
    sentence: str
    truth: str
    n_labeled: int
    only_before: int
    only_after: int
    level: float
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    clustered: bool = False


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One version on the frontier.

    tax: share of legitimate prompts refused. risk: share of harmful prompts answered, with its
    one-sided upper limit as `high`. capability: mean score, None without one. pareto: no other
    version is better on all of them. p: of "the risk is above the bound". certified: the bound
    holds. chosen: the certified version with the least tax.
    """

    version: str
    order: str | None
    tax: Interval
    risk: Interval
    capability: Interval | None
    pareto: bool
    p: float
    certified: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Frontier:
    """Capability against safety for every version, in their order, and which one to take.

    alpha: the bound on the risk (1 − the safety asked for). delta: probability that it fails.
    tradeoff: Spearman's rank correlation of refusing legitimate and refusing harmful prompts over
    the versions; NaN with fewer than three. needed: harmful prompts at which a version that misses
    none would be certified. capability_name: what `capability` is, None without one.
    """

    points: tuple[FrontierPoint, ...]
    alpha: float
    delta: float
    tradeoff: float
    needed: int
    n_harmful: int
    capability_name: str | None
    sentence: str
    procedure: str


@dataclass(frozen=True, slots=True)
class Series:
    """Everything that one call compared: each later version against the first, and all together.

    frontier: None when no prompt is known to be harmful, or none to be legitimate.
    """

    comparisons: tuple[Comparison, ...]
    frontier: Frontier | None
