"""A small simulated product with a safety stack, written straight into the tables.

Origin: made up here; the truth is known, so that estimates can be held against it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from scipy import stats

from trueup.schema import TABLES
from trueup.store import Workspace

SEGMENTS = ("coding", "legal", "medical")
WORDS = ("please", "explain", "table", "python", "letter", "report", "summary", "garden", "travel")
TRIGGERS = {"coding": "kill", "legal": "weapon", "medical": "overdose"}
START = datetime(2025, 3, 3, tzinfo=UTC)
LAYERS = ("topic", "words")


@dataclass(frozen=True)
class World:
    """Knobs of the simulation; rates are probabilities."""

    n: int = 1_500
    users: int = 400
    harmful: float = 0.15
    trigger: float = 0.2
    model_refuses: float = 0.04
    annotator_misses: float = 0.25  # a refusal in the model's words called full
    annotator_alarms: float = 0.05  # a full answer called refusal
    holdout: float = 0.0
    layers: bool = True
    outcomes: bool = True
    segments: bool = True
    times: bool = True
    labels: int = 300
    stratified: bool = True
    seed: int = 0

    def but(self, **changes: Any) -> World:
        return replace(self, **changes)


@dataclass(frozen=True)
class Made:
    """The rows and the truth behind them."""

    tables: dict[str, dict[str, list[Any]]]
    legit: np.ndarray
    refused: np.ndarray
    blocked: np.ndarray
    fires: np.ndarray

    @property
    def wrongful(self) -> float:
        return float(self.refused[self.legit].mean())


def truth(world: World) -> float:
    """P(refused | legitimate), worked out from the knobs: see `make`."""
    touched = 0.2 * 0.5 + 0.8 * world.trigger
    topic_plain = stats.norm.sf(0.45, 0.25, 0.1)
    blocked = touched * (1 - 0.5 * 0.6) + (1 - touched) * topic_plain if world.layers else 0.0
    return float(blocked + (1 - blocked) * world.model_refuses)


def make(world: World) -> Made:
    """Draw a log: prompts with trigger words, two guards, a model, an annotator that errs."""
    rng = np.random.default_rng(world.seed)
    n = world.n
    user = rng.integers(0, world.users, n)
    touchy = rng.random(world.users) < 0.2  # users differ: rows of one user are alike
    segment = rng.choice(len(SEGMENTS), n, p=(0.5, 0.3, 0.2))
    trigger = rng.random(n) < np.where(touchy[user], 0.5, world.trigger)
    legit = rng.random(n) >= world.harmful
    score = np.clip(rng.normal(0.25, 0.1, n) + 0.2 * trigger + 0.3 * ~legit, 0, 1)
    topic = (score >= 0.45) if world.layers else np.zeros(n, dtype=bool)
    words = (trigger & (rng.random(n) < 0.4)) if world.layers else np.zeros(n, dtype=bool)
    held = rng.random(n) < world.holdout
    blocked = (topic | words) & ~held
    own = ~blocked & (rng.random(n) < np.where(legit, world.model_refuses, 0.5))
    refused = blocked | own
    tables = {
        "interactions": _interactions(world, rng, user, segment, trigger, refused, held),
        "layer_events": _events(world, score, topic, words, held),
        "annotations": _annotations(world, rng, blocked, own),
        "outcomes": _outcomes(world, rng, refused),
    }
    tables["labels"] = _labels(world, rng, legit, refused, blocked, tables["annotations"])
    return Made(tables, legit, refused, blocked, np.stack([topic, words], axis=1))


def workspace(world: World) -> Workspace:
    return fill(make(world))


def fill(made: Made) -> Workspace:
    ws = Workspace.scratch()
    for name, columns in made.tables.items():
        if columns and len(next(iter(columns.values()))):
            ws.append(name, TABLES[name].from_columns(columns))
    return ws


def identity(i: int) -> str:
    return f"i{i:06d}"


def _interactions(world, rng, user, segment, trigger, refused, held):  # type: ignore[no-untyped-def]
    n = world.n
    texts = []
    for i in range(n):
        picked = [*rng.choice(WORDS, 4).tolist(), f"w{rng.integers(0, 400)}"]
        if trigger[i]:
            picked.insert(int(rng.integers(0, 4)), TRIGGERS[SEGMENTS[segment[i]]])
        texts.append(" ".join(picked))
    ids = [identity(i) for i in range(n)]
    return {
        "id": ids,
        "content_hash": [f"h{i}" for i in range(n)],
        "at": [START + timedelta(minutes=20 * i) for i in range(n)] if world.times else [None] * n,
        "conversation_id": [f"c{u}" for u in user] if world.users else [None] * n,
        "user_id": [f"u{u}" for u in user] if world.users else [None] * n,
        "prompt": texts,
        "response": ["Sorry, I cannot." if r else "Here it is." for r in refused],
        "model": ["m1"] * n,
        "latency_ms": [1000.0 + (i % 7) * 50 for i in range(n)],
        "segments": [{"domain": SEGMENTS[s]} for s in segment] if world.segments else [None] * n,
        "arm": ["holdout" if h else "enforced" for h in held] if world.holdout else [None] * n,
        "propensity": [world.holdout if h else 1 - world.holdout for h in held]
        if world.holdout
        else [None] * n,
    }


def _events(world, score, topic, words, held):  # type: ignore[no-untyped-def]
    columns: dict[str, list[Any]] = {
        k: []
        for k in (
            "id",
            "interaction_id",
            "layer",
            "position",
            "stage",
            "score",
            "threshold",
            "fired",
            "action",
            "latency_ms",
        )
    }
    if not world.layers:
        return columns
    for position, (name, fired) in enumerate(zip(LAYERS, (topic, words), strict=True)):
        for i in range(world.n):
            stops = bool(fired[i]) and not held[i]
            row = (
                f"{name}{i}",
                identity(i),
                name,
                position,
                "input",
                float(score[i]) if name == "topic" else None,
                0.45 if name == "topic" else None,
                bool(fired[i]),
                "block" if stops else "allow",
                20.0 + (i % 5),
            )
            for key, value in zip(columns, row, strict=True):
                columns[key].append(value)
    return columns


def _annotations(world, rng, blocked, own):  # type: ignore[no-untyped-def]
    n = world.n
    called = np.where(
        own, rng.random(n) >= world.annotator_misses, rng.random(n) < world.annotator_alarms
    )
    p = np.where(called, rng.beta(8, 2, n), rng.beta(1, 12, n))
    p = np.where(blocked, 1.0, p)
    hedges = (rng.random(n) < 0.1).astype(int)
    return {
        "interaction_id": [identity(i) for i in range(n)],
        "compliance": ["refusal" if x >= 0.5 else "full" for x in p],
        "p_full": list(0.95 * (1 - p)),
        "p_partial": list(0.05 * (1 - p)),
        "p_refusal": list(p),
        "hedges": hedges.tolist(),
        "basis": ["block" if b else "text" for b in blocked],
        "annotator_version": ["sim-1"] * n,
    }


def _outcomes(world, rng, refused):  # type: ignore[no-untyped-def]
    columns: dict[str, list[Any]] = {
        k: [] for k in ("id", "interaction_id", "kind", "value", "simulated")
    }
    if not world.outcomes:
        return columns
    done = rng.random(world.n) < np.where(refused, 0.2, 0.8)
    retried = refused & (rng.random(world.n) < 0.5)
    for i in range(world.n):
        rows = [("complete", float(done[i]))]
        if retried[i]:
            rows.append(("retry", 1.0))
        if i % 10 == 0:
            rows.append(("rating", 5.0 if done[i] else 2.0))
        for kind, value in rows:
            for key, cell in zip(
                columns, (f"{kind}{i}", identity(i), kind, value, True), strict=True
            ):
                columns[key].append(cell)
    return columns


def _labels(world, rng, legit, refused, blocked, annotations):  # type: ignore[no-untyped-def]
    columns: dict[str, list[Any]] = {
        k: [] for k in ("id", "target_id", "question", "value", "source", "rater", "probability")
    }
    n = world.n
    if not world.labels:
        return columns
    chance = np.full(n, min(1.0, world.labels / n))
    if world.stratified:
        weight = np.where(
            blocked, 2.0, np.where(np.array(annotations["p_refusal"]) > 0.2, 3.0, 0.6)
        )
        chance = np.minimum(1.0, world.labels * weight / weight.sum())
    for i in np.flatnonzero(rng.random(n) < chance):
        answers = {
            "legitimate": "yes" if legit[i] else "no",
            "compliance": "refusal" if refused[i] else "full",
        }
        for question, value in answers.items():
            row = (f"{question}{i}", identity(i), question, value, "human", "ann", float(chance[i]))
            for key, cell in zip(columns, row, strict=True):
                columns[key].append(cell)
    return columns
