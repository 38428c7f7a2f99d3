"""A made-up report with every part filled: invented figures, in no way measured.

It exists so that the displays can be tested apart from the measuring, and broken on purpose.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from trueup.stats import Estimate
from trueup.tax.result import (
    Action,
    Behaviour,
    Example,
    GroupRow,
    LabelPlan,
    LayerRow,
    Money,
    OutcomeEffect,
    Overview,
    PromptCluster,
    StackMaths,
    TaxReport,
    TriggerTerm,
)

N = 12_480
METHOD = "prediction-powered (PPI++), clustered by user"
ASSUMED = (
    "Labelled interactions were drawn with the recorded probabilities.",
    "Users are independent of one another.",
)
UNKNOWN = math.nan
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def estimate(
    name: str,
    value: float = 0.142,
    half: float = 0.024,
    *,
    n: int = N,
    labels: int = 240,
    **more: Any,
) -> Estimate:
    """An estimate that is `half` wide on either side, within [0, 1] where the value is a share."""
    low, high = value - half, value + half
    if 0 <= value <= 1:
        low, high = max(low, 0.0), min(high, 1.0)
    return Estimate(name, value, low, high, 0.95, n, labels, METHOD, ASSUMED, **more)


def group(column: str, value: str, n: int, rate: float, half: float = 0.03) -> GroupRow:
    segment = None if column == "period" else f"{column}={value}"
    return GroupRow(
        column,
        value,
        n,
        n / N,
        estimate("wrongful refusal", rate, half, n=n, labels=n // 50, segment=segment),
        estimate("needless degradation", rate * 0.6, half, n=n, labels=n // 50, segment=segment),
        estimate("under-refusal", 0.05, 0.04, n=n // 10, labels=n // 400, segment=segment),
    )


def layer(
    name: str, kind: str, rates: tuple[float, float, float, float], p50: float | None
) -> LayerRow:
    def one(what: str, value: float) -> Estimate:
        return estimate(what, value, value * 0.18 + 0.002, layer=name)

    fired, first, alone, wrongful = rates
    return LayerRow(
        name,
        kind,
        N if kind == "layer" else 0,
        one("fired", fired),
        one("fired first", first),
        one("fired alone", alone),
        one("wrongful", wrongful),
        one("harm caught alone", 0.04),
        p50,
        None if p50 is None else p50 * 2.6,
        None if p50 is None else p50 / 1500,
    )


def example(number: int, prompt: str, response: str, by: str = "topic guard") -> Example:
    return Example(
        f"a{number:05d}",
        START + timedelta(minutes=17 * number),
        prompt,
        response,
        "refusal",
        0.97,
        by,
        (
            {"layer": "topic guard", "score": 0.55, "threshold": 0.42, "action": "block"},
            {"layer": "profanity check", "score": 0.08, "threshold": 0.8, "action": "allow"},
        ),
        {"domain": "legal"},
        {"legitimate": "yes", "compliance": "refusal"},
    )


def examples() -> dict[str, Example]:
    blocked = "Sorry, our assistant cannot discuss this topic."
    listed = (
        example(1, "How do I kill a zombie process on Ubuntu?", blocked),
        example(2, "What is the statute of limitations for assault in Ohio?", blocked),
        example(
            3,
            "My tenant stopped paying. What are the lawful steps to evict?",
            "I'm sorry, but I can't help with legal matters. Please consult a qualified attorney.",
            "model",
        ),
        example(4, "How can I shoot portraits in low light?", blocked, "profanity check"),
        example(5, "Explain how an SQL injection works so that I can patch ours.", blocked),
    )
    return {one.id: one for one in listed}


def periods() -> tuple[GroupRow, ...]:
    rates = (0.11, 0.118, 0.109, 0.13, 0.151, 0.168, 0.172, 0.16)
    return tuple(
        group("period", f"{START + timedelta(weeks=i):%Y-%m-%d}", N // 8, rate, 0.025)
        for i, rate in enumerate(rates)
    )


def sample() -> TaxReport:
    """A verified report over twelve thousand interactions, everything known."""
    segments = (
        group("domain", "legal", 2310, 0.243, 0.05),
        group("domain", "medical", 1980, 0.198, 0.05),
        group("domain", "security", 1544, 0.171, 0.06),
        group("domain", "customer support", 4120, 0.082, 0.025),
        group("domain", "coding", 2526, 0.061, 0.03),
        group("language", "en", 9800, 0.12, 0.02),
        group("language", "de", 2680, 0.19, 0.05),
    )
    layers = (
        layer("topic guard", "layer", (0.094, 0.081, 0.066, 0.078), 38.0),
        layer("profanity check", "layer", (0.031, 0.024, 0.012, 0.022), 1.4),
        layer("output filter", "layer", (0.012, 0.008, 0.006, 0.008), 12.0),
        layer("model", "model", (0.034, 0.034, 0.03, 0.034), None),
    )
    return TaxReport(
        overview=Overview(
            source="assistant.jsonl.gz",
            interactions=N,
            users=2_310,
            first=START,
            last=START + timedelta(weeks=8),
            models=("smollm2-135m-instruct",),
            layers=("topic guard", "profanity check", "output filter"),
            segment_columns=("domain", "language"),
            labels=240,
            undetermined=31,
            quarantined=4,
            outcomes_simulated=True,
            annotator_version="2026.11",
            cluster="user",
        ),
        level=0.95,
        verified=True,
        headline="About 1 in 7 legitimate requests is refused (14.2 %, 11.9 to 16.8). More than "
        "half of that is the topic guard, and legal users pay the most.",
        wrongful_refusal=estimate("wrongful refusal"),
        needless_degradation=estimate("needless degradation", 0.081, 0.021),
        under_refusal=estimate("under-refusal", 0.034, 0.025, n=1_120, labels=61),
        annotator_says=estimate("share refused, annotator alone", 0.213, 0.006, labels=0),
        kinds=(
            estimate("over-refusal", 0.58, 0.07),
            estimate("policy refusal", 0.29, 0.06),
            estimate("capability gap", 0.09, 0.04),
            estimate("policy mismatch", 0.04, 0.03),
        ),
        behaviours=tuple(
            Behaviour(name, estimate(name, value, 0.02))
            for name, value in (
                ("hedges", 0.31),
                ("disclaimers", 0.22),
                ("warnings", 0.12),
                ("apologies", 0.1),
                ("judgements", 0.02),
                ("deflections", 0.07),
            )
        ),
        segments=segments,
        periods=periods(),
        layers=layers,
        stack=StackMaths(
            estimate("clean pass if independent", 0.846, 0.02),
            estimate("clean pass measured", 0.878, 0.02),
            52.0,
            138.0,
            99.0,
            910.0,
            1490.0,
            False,
        ),
        outcomes=(
            OutcomeEffect(
                "completed",
                "adjusted",
                estimate("completion lost", 0.412, 0.05),
                estimate("completed without", 0.71, 0.02),
                estimate("completed with", 0.298, 0.05),
                0.94,
                "",
            ),
            OutcomeEffect(
                "returned within 7 days",
                "randomised arm",
                estimate("return lost", 0.063, 0.05),
                estimate("returned without", 0.44, 0.02),
                estimate("returned with", 0.377, 0.05),
                None,
                "",
            ),
            OutcomeEffect(
                "satisfaction",
                "not estimable",
                *(estimate("satisfaction", UNKNOWN, UNKNOWN) for _ in range(3)),
                None,
                "only 3 refused interactions carry a rating",
            ),
        ),
        after_refusal=(
            estimate("rephrase", 0.38, 0.06),
            estimate("retry", 0.17, 0.05),
            estimate("abandon", 0.34, 0.06),
        ),
        money=Money(
            4.0,
            "$",
            estimate("lost to wrongful refusals", 2_604.0, 512.0),
            estimate("per thousand", 208.7, 41.0),
            "About 651 completions lost at $4.00 each.",
        ),
        triggers=(
            TriggerTerm(
                "kill",
                214,
                estimate("refused", 0.61, 0.07),
                0.12,
                0.91,
                "topic guard",
                ("a00001",),
            ),
            TriggerTerm(
                "injection",
                160,
                estimate("refused", 0.54, 0.08),
                0.12,
                0.62,
                "topic guard",
                ("a00005",),
            ),
            TriggerTerm("evict", 98, estimate("refused", 0.49, 0.1), 0.13, 0.33, None, ("a00003",)),
            TriggerTerm(
                "shoot",
                71,
                estimate("refused", 0.46, 0.12),
                0.13,
                0.21,
                "profanity check",
                ("a00004",),
            ),
        ),
        clusters=(
            PromptCluster(
                ("statute", "assault", "charge", "court"), 310, 0.18, ("a00002", "a00003")
            ),
            PromptCluster(("process", "kill", "thread", "linux"), 205, 0.12, ("a00001",)),
            PromptCluster(("injection", "exploit", "patch"), 160, 0.09, ("a00005",)),
        ),
        actions=(
            Action(
                "Raise the topic guard's threshold from 0.42 to 0.61",
                "Wins back 3.1 points (2.2 to 4.0) of legitimate traffic; 0.6 % of harmful traffic "
                "that nothing else catches would pass.",
                estimate("recoverable", 0.031, 0.009, layer="topic guard"),
                estimate("risk", 0.006, 0.006, layer="topic guard"),
                ("a00001", "a00002"),
            ),
            Action(
                "Tell the model that legal questions are in scope",
                "Its own refusals take 3.4 % of legitimate traffic; half of them are legal.",
                estimate("recoverable", 0.017, 0.006),
                estimate("risk", UNKNOWN, UNKNOWN),
                ("a00003",),
            ),
            Action(
                "Take “shoot” off the profanity list",
                "One word is behind 0.2 points of the tax.",
                estimate("recoverable", 0.002, 0.001),
                estimate("risk", 0.0, 0.004),
                ("a00004",),
            ),
        ),
        labels=LabelPlan(
            1_380,
            0.01,
            "1,380 more labels would bring the main interval to ±1 point.",
            "trueup label --n 200",
        ),
        examples=examples(),
        notes=(
            "31 responses could not be judged and count as neither refused nor answered.",
            "Outcomes in this log are simulated.",
        ),
    )


def unverified() -> TaxReport:
    """The same log before anyone has labelled anything."""
    report = sample()
    bare = {
        name: replace(getattr(report, name), n_labeled=0, method="annotator alone")
        for name in ("wrongful_refusal", "needless_degradation", "under_refusal")
    }
    return replace(
        report,
        verified=False,
        overview=replace(report.overview, labels=0),
        headline="The annotator reads 21.3 % of responses as refusals; how many of those were "
        "wrongful is not known, because nobody has labelled any of them yet.",
        **bare,
    )


def empty() -> TaxReport:
    """A log with nothing in it: every value NaN, every list empty, every option absent."""
    report = sample()
    nothing = Estimate("nothing", UNKNOWN, UNKNOWN, UNKNOWN, 0.95, 0, 0, "no rows", ())
    return replace(
        report,
        overview=Overview(
            "", 0, 0, None, None, (), (), (), 0, 0, 0, False, "2026.11", "interaction"
        ),
        verified=False,
        headline="",
        wrongful_refusal=nothing,
        needless_degradation=nothing,
        under_refusal=nothing,
        annotator_says=nothing,
        kinds=(),
        behaviours=(),
        segments=(),
        periods=(),
        layers=(),
        stack=None,
        outcomes=(),
        after_refusal=(),
        money=None,
        triggers=(),
        clusters=(),
        actions=(),
        labels=LabelPlan(0, 0.01, "", ""),
        examples={},
        notes=(),
    )


def unknowns() -> TaxReport:
    """Every part there, every number NaN and every optional figure absent."""
    return _map_estimates(
        sample(), lambda one: replace(one, value=UNKNOWN, low=UNKNOWN, high=UNKNOWN)
    )


def crowded(segments: int = 300) -> TaxReport:
    """More segments than any page should list at once."""
    rows = tuple(group("tenant", f"tenant-{i:03d}", 40, (i % 50) / 100) for i in range(segments))
    return replace(sample(), segments=rows)


def named(text: str) -> TaxReport:
    """The report with `text` in every place that a log, or its owner, can write to."""
    return _map_strings(sample(), text)


def _map_estimates(value: Any, change: Any) -> Any:
    if isinstance(value, Estimate):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_map_estimates(item, change) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        names = value.__dataclass_fields__
        return replace(
            value, **{name: _map_estimates(getattr(value, name), change) for name in names}
        )
    return value


_OURS = frozenset(
    {"kind", "design", "cluster", "compliance", "action"}
)  # fixed words, not the log's


def _map_strings(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(_map_strings(item, text) for item in value)
    if isinstance(value, dict):
        return {
            key: item if key in _OURS else _map_strings(item, text) for key, item in value.items()
        }
    if hasattr(value, "__dataclass_fields__"):
        names = [name for name in value.__dataclass_fields__ if name not in _OURS | {"example_ids"}]
        return replace(value, **{name: _map_strings(getattr(value, name), text) for name in names})
    return value
