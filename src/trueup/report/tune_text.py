"""What tuning recommends, in sentences that the terminal and the page share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from trueup.report.text import interval, percent, shorten
from trueup.report.tune_figures import layer_name, share, sure, threshold

if TYPE_CHECKING:
    from trueup.stats import Estimate
    from trueup.tune.result import Change, Point, TuneReport

__all__ = ["gain", "goal", "needs", "place", "risk_name", "sentences", "verdict"]

_NAME = 60  # characters of a segment's column or value


def sentences(report: TuneReport) -> list[str]:
    """What to do and what it brings; or plainly that nothing is certified, and what is needed.

    Names out of the log are made fit to print, not escaped for HTML.
    """
    if report.chosen is None or not (report.certified or report.mode == "costs"):
        return [_nothing(report), *needs(report)]
    acts = _acts(report)
    effects = "; ".join(
        filter(None, [_effect(report, report.chosen), _promise(report, report.chosen)])
    )
    if len(acts) == 1:
        said = [f"{acts[0]}: {effects}."]
    else:
        said = [*(f"{act}." for act in acts), f"Together: {effects}."]
    if report.mode == "costs":
        said.append("This is not certified: nothing bounds the harm that is missed.")
    return said


def needs(report: TuneReport) -> list[str]:
    """What it would take to certify the bound, and the best that can be certified now."""
    plan, alpha = report.plan, report.alpha
    if plan is None or alpha is None:
        return []
    said = []
    if plan.needed > plan.n_positive:
        said.append(
            f"Label at least {_examples(plan.needed - plan.n_positive, 'more harmful')}: with "
            f"{plan.needed:,} in all and none of them missed, {share(alpha)} is certified."
        )
    if plan.needed_today is not None and plan.needed_today > plan.n_positive:
        said.append(
            f"Today's setting would be certified with about {plan.needed_today:,} harmful examples "
            "in all, if it goes on missing as few."
        )
    elif report.today is not None and report.today.risk.value >= alpha:
        said.append(
            f"Today's setting {_misses(report)} {percent(report.today.risk.value)} of the harmful "
            f"examples, which is not under {share(alpha)}: more labels alone will not certify it."
        )
    if plan.best is not None and plan.best_alpha is not None:
        said.append(
            f"Asked for a bound of {share(plan.best_alpha)}, these labels would have certified: "
            f"{_flagging(plan.best.thresholds)}, which flags {interval(plan.best.tax)} of "
            f"legitimate traffic{_there(report)}."
        )
    else:
        said.append("On these labels no bound at all can be certified.")
    if report.mode == "miss" and report.today is not None:
        said.append("--max-new-miss asks for less: a bound on what is newly let through.")
    return said


def verdict(report: TuneReport) -> str:
    """The headline: what kind of statement this is."""
    if report.mode == "costs":
        return "COSTS, NOT CERTIFIED"
    return "CERTIFIED" if report.certified else "NOT CERTIFIED"


def goal(report: TuneReport) -> str:
    """What was asked for, in a phrase."""
    if report.costs is not None:
        miss, block = report.costs
        return f"least cost at {miss:g} per miss and {block:g} per block"
    if report.alpha is None:
        return "no bound"
    return f"{risk_name(report)} under {share(report.alpha)} with {sure(report.delta)} confidence"


def risk_name(report: TuneReport) -> str:
    """What the risk of a setting is called in a table."""
    return "harm newly let through" if report.mode == "new_miss" else "harm missed"


def gain(won_back: Estimate) -> tuple[str, Estimate]:
    """ "wins back" and how much; or "costs", with the sign turned round."""
    if not won_back.value < 0:
        return "wins back", won_back
    lost = replace(won_back, value=-won_back.value, low=-won_back.high, high=-won_back.low)
    return "costs", lost


def place(report: TuneReport) -> str:
    """The segment as "domain = legal", or "all traffic"."""
    if report.segment is None:
        return "all traffic"
    return " = ".join(_segment(report.segment))


def _acts(report: TuneReport) -> list[str]:
    """One act per threshold that moves."""
    where = _where(report)
    assert report.chosen is not None
    if report.today is None:
        return [f"{_flag(layer, at)}{where}" for layer, at in report.chosen.thresholds.items()]
    if not report.changes:
        kept = "threshold as it is" if len(report.layers) == 1 else "thresholds as they are"
        return [f"Leave the {kept}{where}"]
    return [f"{_move(change)}{where}" for change in report.changes]


def _move(change: Change) -> str:
    name = layer_name(change.layer)
    if change.then is None:
        return f"Turn {name} off"
    if change.now is None:
        return f"Turn {name} on, at a threshold of {threshold(change.then)}"
    verb = "Raise" if change.then > change.now else "Lower"
    return f"{verb} {name}'s threshold from {threshold(change.now)} to {threshold(change.then)}"


def _effect(report: TuneReport, chosen: Point) -> str:
    """What happens to legitimate traffic."""
    whose = f"of legitimate traffic{_there(report)}"
    if report.today is None or report.won_back is None:
        return f"flags {interval(chosen.tax)} {whose}"
    if not report.changes:
        return f"flags {interval(chosen.tax)} {whose}, as today"
    verb, won = gain(report.won_back)
    if not math.isfinite(won.value):
        return f"what it wins back {whose} is unknown"
    chance = " (this may be chance)" if won.low <= 0 <= won.high else ""
    return f"{verb} {interval(won, 'points')} {whose}{chance}"


def _promise(report: TuneReport, chosen: Point) -> str:
    """What holds of the harm, in the words of what was asked."""
    if report.costs is not None:
        prices = goal(report).removeprefix("least cost ")
        missed = f"misses {percent(chosen.risk.value)} of the harmful examples"
        return f"it {missed} and is the cheapest setting {prices}"
    if report.alpha is None:
        return ""
    sure_of = f"with {sure(report.delta)} confidence"
    if report.mode == "new_miss":
        return f"at most {share(report.alpha)} of harmful traffic is newly let through, {sure_of}"
    return f"harm missed stays under {share(report.alpha)} {sure_of}"


def _nothing(report: TuneReport) -> str:
    if report.mode == "costs":
        return f"No setting can be recommended{_where(report)}. {report.reason}"
    return f"Nothing is certified{_where(report)}, so no change is recommended. {report.reason}"


def _flagging(thresholds: dict[str, float | None]) -> str:
    said = [_flag(layer, at) for layer, at in thresholds.items()]
    return " and ".join(one[:1].lower() + one[1:] for one in said)


def _flag(layer: str, at: float | None) -> str:
    name = layer_name(layer)
    return f"Leave {name} off" if at is None else f"Flag {name} scores of {threshold(at)} or more"


def _where(report: TuneReport) -> str:
    if report.segment is None:
        return ""
    return " where {} is {}".format(*_segment(report.segment))


def _segment(segment: str) -> tuple[str, str]:
    """Its column and its value, fit to print."""
    column, _, value = segment.partition("=")
    return shorten(column, _NAME) or "(no name)", shorten(value, _NAME) or "(blank)"


def _there(report: TuneReport) -> str:
    return " there" if report.segment is not None else ""


def _misses(report: TuneReport) -> str:
    return "newly lets through" if report.mode == "new_miss" else "misses"


def _examples(count: int, kind: str) -> str:
    return f"{count:,} {kind} example{'' if count == 1 else 's'}"
