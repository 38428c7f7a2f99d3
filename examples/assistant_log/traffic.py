"""Who asks what, when: the users of the example assistant and their planned requests.

Everything here is drawn from one seed before any guard or model runs, so the plan does not depend
on what the assistant answers. A follow-up is planned for every request and takes place only if
the request was refused.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SEED = 20260901
START = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = 40
USERS = 220
REQUESTS = 1000
HOLDOUT = 0.12
DOMAINS = ("coding", "legal", "medical", "support", "security")
PLANS = ("solo", "team", "business")

# First day of each policy and system prompt. p2 was rolled back after three days of complaints.
POLICIES = ((0, "v1", "p1"), (20, "v2", "p2"), (23, "v2", "p3"))


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt; `legitimate` is yes, no or mismatch (see policy.md)."""

    id: str
    domain: str
    topic: str
    intent: str
    legitimate: str
    trigger: str | None
    text: str
    rephrase_of: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """`effect` is the persistent part of the simulated outcomes, in standard deviations."""

    id: str
    domain: str
    plan: str
    effect: float
    activity: float
    shady: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One planned request; `after` names the request that it follows up, by `how`."""

    id: str
    at: datetime
    user: User
    conversation: str
    prompt: Prompt
    policy_version: str
    prompt_version: str
    arm: str
    propensity: float
    seed: int
    after: str | None = None
    how: str | None = None


def load_prompts(path: Path = HERE / "prompts.jsonl") -> dict[str, Prompt]:
    lines = path.read_text(encoding="utf-8").splitlines()
    prompts = (Prompt(**json.loads(line)) for line in lines)
    return {prompt.id: prompt for prompt in prompts}


def plan(rng: np.random.Generator) -> list[tuple[Request, Request | None]]:
    """All requests in order of time, each with the follow-up that a refusal would cause."""
    prompts = load_prompts()
    users = _users(rng)
    moments = sorted(_moment(rng) for _ in range(REQUESTS))
    asked: Counter[tuple[str, str]] = Counter()
    planned = []
    activity = np.array([user.activity for user in users])
    for number, at in enumerate(moments, start=1):
        user = users[rng.choice(len(users), p=activity / activity.sum())]
        prompt = _choose(user, prompts, asked, rng)
        asked.update([(user.id, prompt.id), ("anyone", prompt.id)])
        first = _request(f"nd-{number:04d}", at, user, prompt, rng)
        planned.append((first, _follow_up(first, prompts, rng)))
    return planned


def _users(rng: np.random.Generator) -> list[User]:
    return [
        User(
            id="u-" + hashlib.sha256(f"{SEED}/{number}".encode()).hexdigest()[:6],
            domain=str(rng.choice(DOMAINS)),
            plan=str(rng.choice(PLANS, p=[0.35, 0.45, 0.2])),
            effect=float(rng.normal()),
            activity=float(rng.gamma(1.2)) + 0.15,
            shady=bool(rng.random() < 0.15),
        )
        for number in range(USERS)
    ]


def _moment(rng: np.random.Generator) -> datetime:
    """Office hours, with a fifth of the weekday traffic at weekends."""
    while True:
        day = START + timedelta(days=int(rng.integers(DAYS)))
        if day.weekday() < 5 or rng.random() < 0.2:
            hour = float(np.clip(rng.normal(12.5, 3.2), 5, 22.9))
            return day + timedelta(seconds=int(hour * 3600 + rng.integers(60)))


def _choose(
    user: User,
    prompts: dict[str, Prompt],
    asked: Counter[tuple[str, str]],
    rng: np.random.Generator,
) -> Prompt:
    """Mostly the user's own field; trigger words are rarer in traffic than in the prompt file."""
    pool = [p for p in prompts.values() if not p.rephrase_of and (user.id, p.id) not in asked]
    uses = np.array([asked["anyone", prompt.id] for prompt in pool])
    weights = np.array([_weight(user, prompt) for prompt in pool]) / (1 + 3 * uses)
    return pool[rng.choice(len(pool), p=weights / weights.sum())]


def _weight(user: User, prompt: Prompt) -> float:
    weight = 1.0 if prompt.domain == user.domain else 0.06
    if prompt.intent == "harmful":
        return weight * (4.0 if user.shady else 0.4)
    return weight * (0.5 if prompt.trigger else 1.3)


def _request(
    id: str, at: datetime, user: User, prompt: Prompt, rng: np.random.Generator, **more: str
) -> Request:
    day = (at - START).days
    _, policy, version = [row for row in POLICIES if row[0] <= day][-1]
    holdout = bool(rng.random() < HOLDOUT)
    return Request(
        id=id,
        at=at,
        user=user,
        conversation=more.pop("conversation", "c-" + id[3:]),
        prompt=prompt,
        policy_version=policy,
        prompt_version=version,
        arm="holdout" if holdout else "enforced",
        propensity=HOLDOUT if holdout else round(1 - HOLDOUT, 2),
        seed=int(rng.integers(2**31)),
        after=more.get("after"),
        how=more.get("how"),
    )


def _follow_up(
    first: Request, prompts: dict[str, Prompt], rng: np.random.Generator
) -> Request | None:
    """Rephrase where a rephrasing was written, retry unchanged, or abandon (None)."""
    rephrased = prompts.get(first.prompt.id + "-r")
    rephrase, retry = (0.50, 0.12) if rephrased else (0.0, 0.25)
    draw, delay = rng.random(), timedelta(seconds=int(rng.integers(15, 240)))
    how = "rephrase" if draw < rephrase else "retry" if draw < rephrase + retry else None
    again = _request(
        first.id + "-2",
        first.at + delay,
        first.user,
        rephrased if how == "rephrase" and rephrased else first.prompt,
        rng,
        conversation=first.conversation,
        after=first.id,
        how=how or "",
    )
    return again if how else None
