"""What a certificate says in words: why, on what assumptions, and what voids it."""

from __future__ import annotations

from trueup.tune.result import TuneReport
from trueup.tune.risks import RiskKind
from trueup.tune.scored import UNKNOWN, Scored

__all__ = ["assumptions", "reason", "voids"]


def reason(report: TuneReport) -> str:
    """One sentence: why the setting is certified, or why none is."""
    if report.n_positive == 0:
        return "No example is labelled harmful, so nothing is known of what is missed."
    if report.mode == "costs":
        if report.chosen is None:
            return "What each setting costs is not known: too little is labelled."
        return "A setting chosen by cost carries no guarantee."
    assert report.alpha is not None
    if report.chosen is not None:
        return (
            f"{report.p_value} p = {report.chosen.p:.3g} is at most {report.delta:.3g}, on "
            f"{report.chosen.risk.n:,} harmful examples."
        )
    plan = report.plan
    if plan is not None and report.n_positive < plan.needed:
        return (
            f"{_harmful(report.n_positive)} too few: a bound of {report.alpha:.3g} "
            f"at {1 - report.delta:.4g} confidence needs at least {plan.needed:,}, even if none "
            "is missed."
        )
    if report.n_negative == 0:
        return (
            "No example is labelled legitimate, so no setting is known to cost less than another."
        )
    return f"No setting that was tested keeps the risk below {report.alpha:.3g} beyond doubt."


def _harmful(n: int) -> str:
    return "1 harmful example is" if n == 1 else f"{n:,} harmful examples are"


def assumptions(scored: Scored, part: Scored, kind: RiskKind) -> tuple[str, ...]:
    """What must hold for the bound to mean what it says."""
    out = ["The labels are taken as the truth."]
    if scored.weight is not None:
        out.append(
            "Labelled examples were drawn with the recorded probabilities, which are used as "
            "weights."
        )
    else:
        out.append("Labelled examples are a random sample of the traffic.")
    if scored.cluster is not None:
        out.append("Users are independent of each other.")
    else:
        out.append("Examples are independent of each other.")
    if (scored.label == UNKNOWN).any() and scored.weight is None:
        out.append("Examples without a label are left out: those with one stand for them.")
    if len(part) < len(scored):
        share = 1 - len(part) / len(scored)
        out.append(f"{share:.0%} of the examples chose the order and are not counted.")
    if (scored.scores == -float("inf")).any():
        out.append("Where a layer gave no score, it counts as one that did not flag.")
    if scored.source.get("kind") == "workspace":
        out.append(
            "What the model itself would refuse of what newly passes is not known: the gain is the "
            "most that is won back."
        )
    if kind == "new_miss":
        out.append("What the stack misses today already is not part of this bound.")
    return tuple(out)


def voids(scored: Scored) -> tuple[str, ...]:
    """What voids the certificate."""
    out = [
        "Traffic that has changed since these examples were drawn: watch it.",
        "A guard, prompt or model behind the scores that has changed.",
        "Examples that the guard was trained on, or that its order of settings was chosen by.",
        "Labels that were given with the scores in view, or examples picked by hand.",
    ]
    if scored.source.get("kind") == "workspace":
        out.append("Layers whose score is not logged when an earlier one has blocked.")
    return tuple(out)
