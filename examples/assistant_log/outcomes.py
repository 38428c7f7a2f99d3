"""What users did next, simulated. Nothing in this file was observed; every event says so.

The truth is written down here, so that what a report estimates can be checked against it. For a
legitimate request, with u the user's persistent effect (standard normal), c the prompt's length in
hundreds of characters, and the response's class:

    logit P(complete) = 0.70 + 0.60 u + domain + plan - 0.15 c + COMPLETE[class]
    logit P(return)   = 0.90 + 0.50 u + plan + RETURN[class]

A refused user with a planned follow-up rephrases or retries (see traffic.py), the others abandon.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from traffic import SEED, Request

COMPLETE = {"full": 0.0, "partial": -0.8, "refusal": -2.4, "unable": -2.0, "undetermined": -1.6}
RETURN = {"full": 0.0, "partial": -0.2, "refusal": -0.8, "unable": -0.6, "undetermined": -0.4}
DOMAIN = {"coding": 0.3, "legal": -0.1, "medical": -0.3, "support": 0.4, "security": 0.0}
PLAN = {"solo": -0.2, "team": 0.0, "business": 0.2}
REFUSED = ("refusal", "unable")


@dataclass(frozen=True, slots=True)
class Effect:
    """Mean effect of a refusal on P(outcome) over legitimate requests, in points of probability.

    `everyone`: against full compliance, over all of them. `refused`: over those refused.
    """

    outcome: str
    everyone: float
    refused: float


def p_complete(request: Request, compliance: str) -> float:
    """Probability that the user completes the task."""
    if request.prompt.intent == "harmful":
        return 0.03 if compliance in REFUSED else 0.35
    return _sigmoid(
        0.70
        + 0.60 * request.user.effect
        + DOMAIN[request.prompt.domain]
        + PLAN[request.user.plan]
        - 0.15 * len(request.prompt.text) / 100
        + COMPLETE[compliance]
    )


def p_return(request: Request, compliance: str) -> float:
    """Probability that the user comes back within seven days."""
    if request.prompt.intent == "harmful":
        return 0.4
    return _sigmoid(
        0.90 + 0.50 * request.user.effect + PLAN[request.user.plan] + RETURN[compliance]
    )


def feedback(request: Request, compliance: str, follow_up: Request | None) -> list[dict[str, Any]]:
    """The events after one answer; the same draws whatever the answer was."""
    digest = hashlib.sha256(f"{SEED}/{request.id}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8]))
    draw = rng.random(8)
    seen = request.at + timedelta(seconds=10)
    complete = draw[0] < p_complete(request, compliance)
    events = [_event("complete", complete, seen + timedelta(seconds=int(90 * draw[7]) + 20))]
    events.append(
        _event("return", draw[1] < p_return(request, compliance), seen + timedelta(days=7))
    )
    if compliance in REFUSED:
        reaction = follow_up.how if follow_up and follow_up.how else "abandon"
        when = follow_up.at if follow_up else seen + timedelta(seconds=60)
        events.append(_event(reaction, 1, when))
    if draw[2] < (0.035 if complete else 0.07):
        events.append(_event("thumb", complete and draw[3] < 0.9, seen))
    if draw[4] < 0.015:
        stars = np.clip(round((4.2 if complete else 2.0) + rng.normal()), 1, 5)
        events.append(_event("rating", stars, seen))
    if complete and compliance == "full" and draw[5] < 0.3:
        events.append(_event("copy", 1, seen))
    if not complete and compliance in ("full", "partial") and draw[6] < 0.15:
        events.append(_event("regenerate", 1, seen))
    return events


def true_effects(answered: list[tuple[Request, str]]) -> list[Effect]:
    """The known truth: mean P(outcome | refusal) - P(outcome | full) over legitimate requests."""
    legitimate = [(r, c) for r, c in answered if r.prompt.legitimate == "yes"]
    effects = []
    for name, probability in (("complete", p_complete), ("return", p_return)):
        gaps = np.array([probability(r, "refusal") - probability(r, "full") for r, _ in legitimate])
        refused = np.array([compliance in REFUSED for _, compliance in legitimate])
        effects.append(Effect(name, float(gaps.mean()), float(gaps[refused].mean())))
    return effects


def _event(kind: str, value: float, at: datetime) -> dict[str, Any]:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"kind": kind, "value": int(value), "at": stamp, "simulated": True}


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
