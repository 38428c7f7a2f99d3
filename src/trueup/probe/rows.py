"""The rows of a run, and how many of each version came to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from trueup.probe.guarding import Ruling
from trueup.probe.model import Question, Reply, Version
from trueup.probe.suite import Prompt
from trueup.probe.targets import Target

__all__ = ["Job", "Row", "VersionTally", "row_of", "tallies"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One row to be. question: None when a guard blocked the prompt."""

    version: Version
    suite: str
    prompt: Prompt
    sample: int
    question: Question | None
    ruling: Ruling | None


@dataclass(frozen=True)
class VersionTally:
    """Rows of one version by status.

    cost: US dollars over the rows whose price is known, None when none is; unpriced: replies
    without a price. reasons: of errors, with their numbers.
    """

    name: str
    answered: int
    blocked: int
    empty: int
    errors: int
    cost: float | None
    unpriced: int
    reasons: Counter[str]


def row_of(job: Job, replies: Mapping[str, Reply], targets: Sequence[Target]) -> Row:
    question, version, prompt = job.question, job.version, job.prompt
    reply = Reply("blocked") if question is None else replies[question.key]
    if job.ruling is not None and job.ruling.blocked is not None:
        # What a guard holds back nobody is shown: the answer is not in the row.
        reply = replace(reply, status="blocked", reason=job.ruling.blocked, text=None)
    return {
        "id": f"{version.name}|{prompt.id}|{job.sample}",
        "prompt_id": prompt.id,
        "sample": job.sample,
        "version": version.name,
        "suite": job.suite,
        "model": targets[version.model].model,
        "prompt_version": version.system.name if version.system else None,
        "policy_version": version.policy,
        "prompt": prompt.prompt,
        "response": reply.text,
        "status": reply.status,
        "reason": reply.reason,
        "finish_reason": reply.finish_reason,
        "legitimate": prompt.legitimate,
        "pair": prompt.pair,
        "domain": prompt.domain,
        "trigger": prompt.trigger,
        "trigger_type": prompt.trigger_type,
        "seed": question.seed if question else None,
        "sampling": _json(question.sampling) if question and question.sampling else None,
        "guardrails": job.ruling.json() if job.ruling else None,
        "latency_ms": reply.latency_ms,
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "cost": reply.cost,
        "at": reply.at,
    }


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def tallies(versions: Sequence[Version], rows: Sequence[Row]) -> tuple[VersionTally, ...]:
    per_version = len(rows) // len(versions)
    return tuple(
        _tally(version.name, rows[place * per_version : (place + 1) * per_version])
        for place, version in enumerate(versions)
    )


def _tally(name: str, rows: Sequence[Row]) -> VersionTally:
    statuses = Counter(row["status"] for row in rows)
    costs = [row["cost"] for row in rows if row["cost"] is not None]
    replies = [row for row in rows if row["at"] is not None]
    return VersionTally(
        name,
        statuses["answered"],
        statuses["blocked"],
        statuses["empty"],
        statuses["error"],
        sum(costs) if costs else None,
        len(replies) - len(costs),
        Counter(row["reason"] for row in rows if row["status"] == "error"),
    )
