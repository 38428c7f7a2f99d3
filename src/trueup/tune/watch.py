"""Has a certificate's guarantee stopped holding? An anytime-valid test on the same risk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.stats import Interval, confidence_sequence, risk_alarm, typical_delay
from trueup.tune.certificate import data_hash
from trueup.tune.result import Watch
from trueup.tune.risks import RiskKind, missed
from trueup.tune.scored import OFF, Scored, named

__all__ = ["fresh", "thresholds_of", "watch"]

FloatArray = NDArray[np.float64]

_SHOWN = 400  # points of the path


def watch(certificate: Mapping[str, Any], scored: Scored, *, notes: tuple[str, ...] = ()) -> Watch:
    """Test whether the certified policy misses more than alpha on examples that came later.

    Parameters
    ----------
    certificate
        As written by `trueup tune`.
    scored
        The later examples, in the order in which their labels came to be known. Look as often as
        you like: append, and call again on all of them.
    notes
        Carried into the result.

    Returns
    -------
    Watch
        With probability 1 − delta there is never an alarm while the risk stays at or below alpha.

    Notes
    -----
    Of each user only the first harmful example counts: the next ones are no news of other users,
    and a bet on them would not be fair.

    Voided by an order of labelling that depends on the scores, and by examples from before the
    certificate (`fresh` drops those that it was made from).
    """
    alpha, delta = float(certificate["alpha"]), float(certificate["delta"])
    kind: RiskKind = certificate["risk"]
    counted = _first_of_each_user(scored)
    # What counts as flagged today is what was in force then: by now the new thresholds may be.
    then = replace(counted, today=_in_order(certificate, "today"))
    losses = missed(then, kind, [thresholds_of(certificate)])[:, 0]
    weight = _weights(certificate, counted)
    alarm = risk_alarm(losses, alpha, delta, weights=weight)
    highest = np.maximum.accumulate(alarm.capital) if len(losses) else np.empty(0)
    return Watch(
        alpha=alpha,
        delta=delta,
        n=len(scored),
        n_positive=len(losses),
        losses=float(losses.sum()),
        risk=_risk(losses, weight, delta),
        capital=float(alarm.capital[-1]) if len(losses) else 1.0,
        highest=float(highest[-1]) if len(losses) else 1.0,
        alarm=alarm.first is not None,
        first_alarm=alarm.first,
        path=_path(highest),
        notes=(
            *notes,
            *_left_out(scored, counted),
            *_not_in_force(certificate, scored),
            _delay(alpha, delta),
        ),
        kind=kind,
    )


def _first_of_each_user(scored: Scored) -> Scored:
    """The examples without the harmful ones of a user who has sent one before."""
    if scored.cluster is None:
        return scored
    harmful = np.flatnonzero(scored.positive)
    first = harmful[np.unique(scored.cluster[harmful], return_index=True)[1]]
    keep = ~scored.positive
    keep[first] = True
    return scored.where(keep)


def _left_out(scored: Scored, counted: Scored) -> tuple[str, ...]:
    repeated = len(scored) - len(counted)
    if not repeated:
        return ()
    return (f"{repeated:,} harmful examples of users who had sent one before do not count.",)


def _weights(certificate: Mapping[str, Any], scored: Scored) -> FloatArray | None:
    """Weights in shares of the largest that the design allows."""
    if scored.weight is None:
        return None
    largest = max(certificate.get("largest_weight") or 0.0, float(scored.weight.max(initial=0.0)))
    return scored.weight[scored.positive] / (largest or 1.0)


def _not_in_force(certificate: Mapping[str, Any], scored: Scored) -> tuple[str, ...]:
    """Say so where the log shows other thresholds than those that were certified."""
    if scored.source.get("kind") != "workspace" or scored.today is None:
        return ()
    certified = named(scored.layers, thresholds_of(certificate))
    now = named(scored.layers, scored.today)
    other = [name for name in scored.layers if now[name] != certified[name]]
    if not other:
        return ()
    listed = ", ".join(
        f"{name} {_shown(now[name])}, not {_shown(certified[name])}" for name in other
    )
    return (
        f"The log shows other thresholds in force than those certified ({listed}): these are the "
        "losses that the certified ones would have had.",
    )


def _shown(threshold: float | None) -> str:
    return "off" if threshold is None else f"{threshold:.6g}"


def _delay(alpha: float, delta: float) -> str:
    typical = typical_delay(alpha, min(2 * alpha, (1 + alpha) / 2), delta)
    return f"A rate twice the bound would be seen after about {typical:,.0f} harmful examples."


def thresholds_of(certificate: Mapping[str, Any]) -> FloatArray:
    """The certified thresholds in the order of the layers; OFF for those that are off."""
    found = _in_order(certificate, "thresholds")
    assert found is not None
    return found


def _in_order(certificate: Mapping[str, Any], key: str) -> FloatArray | None:
    named = certificate[key]
    if named is None:
        return None
    return np.array(
        [OFF if named[layer] is None else named[layer] for layer in certificate["layers"]],
        dtype=np.float64,
    )


def fresh(certificate: Mapping[str, Any], scored: Scored) -> Scored:
    """The examples without those at their beginning that the certificate was made from, if any."""
    n = int(certificate["n"])
    if len(scored) >= n:
        first = scored.where(np.arange(n))
        if data_hash(first) == certificate["data"].get("sha256"):
            return scored.where(np.arange(n, len(scored)))
    return scored


def _risk(losses: FloatArray, weight: FloatArray | None, delta: float) -> Interval:
    """The risk so far with limits that hold at every look."""
    return confidence_sequence(losses, 1 - delta, weight).last


def _path(highest: FloatArray) -> tuple[tuple[int, float], ...]:
    places = np.unique(np.linspace(0, len(highest) - 1, min(len(highest), _SHOWN)).astype(int))
    return tuple((int(place) + 1, float(highest[place])) for place in places if len(highest))
