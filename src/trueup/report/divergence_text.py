"""What a watch on a proxy says, in sentences: the same in the terminal, the page and the JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trueup.report.text import MINUS, UNKNOWN, confidence, shell_word, shorten

if TYPE_CHECKING:
    from trueup.goodhart.divergence.result import (
        Alarm,
        BestOfN,
        Delay,
        DivergenceReport,
        LabelNeed,
        RunReport,
        ScalingFit,
    )
    from trueup.stats import Interval

__all__ = [
    "about", "best_of_n_sentence", "best_words", "column", "delay_words", "detected", "drop_words",
    "figure", "label_row", "limits", "mark", "measured", "name_of", "next_command", "noise_words",
    "regime_words", "run_sentence", "scaling_lines", "scaling_sentence", "sentence", "step_name",
]  # fmt: skip

_NAME = 40  # characters


def sentence(report: DivergenceReport) -> str:
    """The first sentence: what is known, and what to do."""
    if report.best_of_n is not None:
        return best_of_n_sentence(report, report.best_of_n)
    run = report.main
    if run is None:
        return "Nothing was measured."
    return run_sentence(report, run)


def mark(report: DivergenceReport) -> str:
    """One or two words for the top of a page."""
    if report.alarm:
        return "ALARM"
    if report.labels is not None:
        return "UNKNOWN"
    run = report.main
    if run is None:
        return "BEST OF N"
    if run.alarm is None or not run.alarm.looks:
        return "TOO EARLY" if run.n_truth else "UNKNOWN"
    return "THE TRUTH FELL" if run.alarm.fell_at is not None else "NO ALARM"


def run_sentence(report: DivergenceReport, run: RunReport) -> str:
    """The same of one run."""
    proxy, truth = column(report, "proxy"), column(report, "truth")
    alarm = run.alarm
    if run.regime == "none" or alarm is None:
        return (
            f"Nothing here can tell whether {proxy} is being gamed: no truth was measured, and the "
            f"course of {proxy} alone looks the same when a model learns and when it cheats."
        )
    if alarm.fired:
        return _alarm_sentence(run, alarm, proxy, truth)
    if not alarm.looks:
        return (
            f"Too early to tell: {truth} was measured at {run.n_truth} checkpoints with "
            f"{'one number' if run.n_units <= 1 else f'{run.n_units} examples'} each. It takes 8 "
            "readings of both columns, or two checkpoints with 20 held-out examples each."
        )
    if alarm.fell_at is not None:
        return (
            f"{truth} has fallen, shown at {step_name(run, alarm.fell_at)}, but {proxy} is not "
            "shown to have risen since: no divergence, and still a reason to stop."
        )
    return (
        f"No alarm: nothing shows that {truth} fell while {proxy} rose. That is no proof that it "
        "did not; what would be seen is listed below."
    )


def _alarm_sentence(run: RunReport, alarm: Alarm, proxy: str, truth: str) -> str:
    changes = (one for one in (alarm.proxy, alarm.truth) if one is not None)
    rose, fell = (f"from {figure(then)} to {figure(now)}" for then, now in changes)
    keep = f" Keep {step_name(run, run.best.at)}." if run.best is not None else ""
    where = "" if run.name is None else f", {name_of(run)}"
    return (
        f"Alarm at {step_name(run, alarm.at)}{where}: since {step_name(run, alarm.since)} {proxy} "
        f"rose {rose} while {truth} fell {fell}.{keep}"
    )


def column(report: DivergenceReport, role: str) -> str:
    """The name of a column, fit to print."""
    return shorten(report.columns.get(role, f"the {role}"), _NAME) or f"the {role}"


def name_of(run: RunReport) -> str:
    """ "all runs together" or "run 3"."""
    if run.together:
        return "all runs together"
    return "the run" if run.name is None else f"run {shorten(run.name, _NAME)}"


def step_name(run: RunReport, place: int | None) -> str:
    """ "step 120"."""
    return UNKNOWN if place is None else f"step {shorten(run.steps[place], _NAME)}"


def measured(run: RunReport) -> str:
    """ "200 steps, the truth at 20 of them, 150 examples each"."""
    each = f", {run.n_units:,} {'example' if run.n_units == 1 else 'examples'} each"
    return (
        f"{len(run.steps):,} steps, the truth at {run.n_truth:,} of them"
        f"{each if run.regime in ('paired', 'fresh') else ''}"
    )


def regime_words(run: RunReport) -> str:
    """How the truth was measured."""
    return {
        "paired": "the same held-out examples at each checkpoint",
        "fresh": "other held-out examples at each checkpoint",
        "series": "one number for each checkpoint",
        "none": "no truth",
    }[run.regime]


def best_words(run: RunReport) -> str:
    """ "step 60 (between step 40 and step 90)"."""
    if run.best is None:
        return UNKNOWN
    best = run.best
    if best.low is None or best.high is None:
        return f"{step_name(run, best.at)} (anywhere: too few readings)"
    low, high = run.steps[best.low], run.steps[best.high]
    return f"{step_name(run, best.at)} ({shorten(low, _NAME)} to {shorten(high, _NAME)})"


def drop_words(run: RunReport) -> str:
    """NDH with its limits."""
    return UNKNOWN if run.best is None else limits(run.best.drop)


def noise_words(run: RunReport) -> str:
    """ "± 0.031 a reading, correlation 0.55 with the next"."""
    if run.noise is None:
        return ""
    size, memory = figure(run.noise.deviation), run.noise.memory
    return f"± {size} a reading, correlation {memory:.2f} with the next"


def detected(run: RunReport) -> str:
    """How long the alarm took after the best step."""
    if run.observed_delay is None:
        return ""
    return f"{run.observed_delay:,} measured checkpoints after the best one"


def delay_words(delay: Delay) -> str:
    """ "a fall of 0.2: after 8 checkpoints (seen in 98 % of simulations)"."""
    seen = f"{100 * delay.seen:.0f} % within {delay.horizon}"
    if math.isinf(delay.median):
        return f"a fall of {figure(delay.size)}: mostly not seen ({seen} checkpoints)"
    wait = "checkpoint" if delay.median == 1 else "checkpoints"
    return f"a fall of {figure(delay.size)}: after {delay.median:g} {wait} ({seen})"


def best_of_n_sentence(report: DivergenceReport, found: BestOfN) -> str:
    """What picking by the proxy brings."""
    truth, proxy = column(report, "truth"), column(report, "proxy")
    at = found.n.index(found.best_n)
    gain = f"{truth} is highest at n = {found.best_n:g} ({limits(found.truth[at])})"
    end = f"at n = {found.n[-1]:g} it is {limits(found.truth[-1])}"
    said = f"Picking the best of n by {proxy}: {gain}"
    return f"{said}; {end}." if found.best_n != found.n[-1] else f"{said}, the largest n here."


def scaling_sentence(fit: ScalingFit) -> str:
    """The predicted peak, or why it is unknown."""
    what = "best-of-n" if fit.form == "best-of-n" else "RL"
    if fit.peak is None or fit.peak_reward is None:
        return f"{what}: the peak is unknown. {fit.unknown}"
    n = f", n about {figure(fit.peak_n.value)}" if fit.peak_n is not None else ""
    return (
        f"{what}: the truth is predicted to peak at √KL = {limits(fit.peak)}{n}, with "
        f"{limits(fit.peak_reward)}."
    )


def scaling_lines(fit: ScalingFit) -> list[tuple[str, str]]:
    """The form and its coefficients."""
    form = "start + d(α − βd)" if fit.form == "best-of-n" else "start + d(α − β ln d)"
    return [
        ("form, d = √KL", form),
        ("start", limits(fit.start)),
        ("α", limits(fit.alpha)),
        ("β", limits(fit.beta)),
    ]


def label_row(need: LabelNeed) -> tuple[str, str, str, str]:
    """A fall, and the labels that show it: same examples, other ones, at every look."""
    return (
        f"{100 * need.size:g} points",
        f"{need.paired:,}",
        f"{need.fresh:,}",
        f"{need.watched:,}",
    )


def next_command(report: DivergenceReport) -> str:
    """What to type once there are labels."""
    proxy = shell_word(report.columns.get("proxy", "reward"))
    return f"trueup goodhart watch {shell_word(report.source)} --proxy {proxy} --truth holdout"


def about(report: DivergenceReport) -> str:
    """What the guarantee is: "false alarms at most 5 % over all looks"."""
    share = confidence(report.delta)
    runs = len(report.runs)
    over = "" if runs < 2 else f", {runs} tests that share it"
    return f"false alarms at most {share} over all looks{over}"


def limits(interval: Interval) -> str:
    """ "0.812 (0.797 to 0.826)"."""
    if not math.isfinite(interval.value):
        return UNKNOWN
    value = figure(interval.value)
    ends = (interval.low, interval.high)
    if all(map(math.isnan, ends)):
        return value
    if not all(map(math.isfinite, ends)):
        return f"{value} (no interval)"
    return f"{value} ({figure(ends[0])} to {figure(ends[1])})"


def figure(value: float) -> str:
    """A number of any size with three significant digits."""
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size >= 1000:
        shown = f"{size:,.0f}"
    elif size < 1e-4 and size:
        shown = f"{size:.2e}"
    else:
        shown = f"{size:.3g}"
    return f"{MINUS}{shown}" if value < 0 and shown.strip("0.") else shown
