"""Why a gate cannot say anything: what it would speak of is not there."""

from __future__ import annotations

from trueup.compare.result import Comparison, GroupChange

__all__ = ["why_absent", "why_too_little"]


def why_absent(comparison: Comparison, group: str) -> str:
    """Why there is nothing to hold a limit against."""
    tax = comparison.legitimate
    if tax is not None and tax.group == "all":
        return f"nobody said which prompts are {group}"
    unknown = [
        f"{count:,} {'answer' if count == 1 else 'answers'} {side}: {what}"
        for side, version in (("before", comparison.before), ("after", comparison.after))
        for what, count in version.unknown.items()
        if count
    ]
    reason = f"no {group} prompt has a verdict on both sides"
    return f"{reason} ({'; '.join(unknown)})" if unknown else reason


def why_too_little(comparison: Comparison, change: GroupChange, most: float) -> str:
    """Why too little is known, if it is: of this group's prompts, or of all prompts."""
    hidden = _without_verdict(comparison)
    known = sum(one.n for one in (comparison.legitimate, comparison.harmful) if one)
    group = "" if change.group == "all" else f"{change.group} "
    for missing, total, which in (
        (change.unpaired, change.n + change.unpaired, f"{group}prompts"),
        (hidden, known + hidden, "prompts"),
    ):
        if missing > most * total:
            return (
                f"{missing:,} of {total:,} {which} lack a verdict (an error, an empty answer, or "
                f"not asked), more than the {100 * most:g} % that max-missing allows"
            )
    return ""


def _without_verdict(comparison: Comparison) -> int:
    """Prompts that lack a verdict on some side.

    Those that lack it on both are at most the answers without one, and at most the prompts that are
    in no group; the latter also hold prompts of which nobody said whether they are legitimate.
    """
    groups = [one for one in (comparison.legitimate, comparison.harmful) if one]
    one_side = sum(group.unpaired for group in groups)
    rest = comparison.after.n_prompts + comparison.only_before
    rest -= sum(group.n for group in groups) + one_side
    sides = (comparison.before, comparison.after)
    unknown = min(sum(side.unknown.values()) for side in sides)
    return one_side + max(0, min(rest, unknown))
