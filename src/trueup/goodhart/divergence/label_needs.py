"""How many held-out labels would show a fall, when there are none."""

from __future__ import annotations

import math

from scipy import special

from trueup.goodhart.divergence.result import LabelNeed, LabelNeeds
from trueup.stats.power import paired_n, two_proportion_n

__all__ = ["label_needs"]

_SIZES = (0.02, 0.05, 0.1, 0.2)
_RATE = 0.5  # the rate of which a change is hardest to see
_CHANGED = 0.3  # share of examples whose verdict differs between two checkpoints, as a guess


def label_needs(
    level: float = 0.95, *, power: float = 0.8, checkpoints: int = 20, changed: float = _CHANGED
) -> LabelNeeds:
    """Labels per checkpoint that show a fall of 2, 5, 10 and 20 points with this probability.

    Parameters
    ----------
    level
        1 − α of one comparison, two-sided; 1 − δ of the alarm over all looks.
    checkpoints
        That are measured in all, for the alarm.
    changed
        Share of the same examples whose 0/1 verdict differs between two checkpoints, in (0, 1].
    """
    needs = []
    for size in _SIZES:
        flips = max(changed, size)
        paired = paired_n((flips + size) / 2, (flips - size) / 2, power=power, level=level)
        assert paired is not None  # the size is not 0
        needs.append(
            LabelNeed(
                size=size,
                paired=paired,
                fresh=two_proportion_n(
                    _RATE + size / 2, _RATE - size / 2, power=power, level=level
                ),
                watched=_watched(size, flips, 1 - level, power, checkpoints),
            )
        )
    return LabelNeeds(
        needs=tuple(needs),
        power=power,
        level=level,
        checkpoints=checkpoints,
        assumptions=(
            "The truth is a yes or no for each example, and about half of them are yes: other "
            "rates need fewer.",
            f"On the same examples, {100 * changed:.0f} % of the verdicts differ between two "
            "checkpoints.",
            "Examples are independent. Count users or prompts, not rows.",
        ),
    )


def _watched(size: float, flips: float, delta: float, power: float, checkpoints: int) -> int:
    """For the alarm: bets must reach s(s + 1)(s)/δ at the last of the looks (normal approximation).

    Their logarithm is about z²/2 less half the logarithm of the grid that they are averaged over.
    """
    looks = checkpoints - 1
    needed = math.log(looks * (looks + 1) / delta) + math.log(looks) + 0.5 * math.log(12)
    spread = flips - size**2
    z = math.sqrt(2 * needed) + float(special.ndtri(power))
    return math.ceil(spread * (z / size) ** 2)
