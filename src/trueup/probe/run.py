"""A suite asked of every version in a matrix of models, system prompts and guard stacks."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from trueup.errors import UserError
from trueup.probe.asking import ask_all
from trueup.probe.guarding import Guard, Ruling
from trueup.probe.matrix import Stacks, SuiteSpec, Systems, listed, prompts_of, versions_of
from trueup.probe.model import Message, Progress, Question, Reply, Settings, System, Version
from trueup.probe.rows import Job, Row, VersionTally, row_of, tallies
from trueup.probe.suite import Prompt
from trueup.probe.targets import ModelSpec, Target, targets_of
from trueup.probe.threads import run_to_end
from trueup.store.keyed import key_of

__all__ = ["ProbeRun", "probe"]

_MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class ProbeRun:
    """What a probe found.

    Attributes
    ----------
    rows
        Rows of `trueup.schema.RESPONSES`: for every version, prompt and sample exactly one, in
        this order.
    versions
        What came of each version, in order.
    asked, cached
        Questions put to a model in this run, and questions answered by an earlier one.
    cost, unpriced
        US dollars that this run spent as far as prices are known, and answers without a price.
    """

    rows: list[Row]
    versions: tuple[VersionTally, ...]
    asked: int
    cached: int
    cost: float
    unpriced: int


def probe(
    models: ModelSpec | Sequence[ModelSpec],
    suite: SuiteSpec | Sequence[SuiteSpec],
    *,
    systems: Systems | None = None,
    stacks: Stacks | None = None,
    samples: int = 1,
    seed: int | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    api_base: str | None = None,
    concurrency: int = 8,
    rate: float | None = None,
    timeout_s: float = 60.0,
    attempts: int = 5,
    backoff_s: float = 1.0,
    limit: int | None = None,
    cache_dir: str | os.PathLike[str] = ".trueup-cache",
    progress: Callable[[Progress], None] | None = None,
) -> ProbeRun:
    """Ask every prompt of every version.

    Parameters
    ----------
    models
        LiteLLM names; with `api_base`, names that an OpenAI-compatible server knows; folders of
        transformers models; GGUF files; "python:module:function"; or callables (see
        `trueup.probe.function.Function`). The answers of a callable given as an object are not
        kept for a later run, because what it holds cannot be told.
    suite
        "builtin:NAME", a path, or a loaded suite; or several.
    systems, stacks
        System prompts and guard stacks by name; None as a value is the variant without one. By
        default there is that one only.
    samples, seed
        Times that each prompt is asked; sample i is sent seed + i. Without a seed none is sent,
        but to models in this process.
    limit
        Prompts of each suite at most, the first ones.
    cache_dir
        Answers are kept here as they arrive, so that a run that was stopped goes on.
    progress
        Called several times a second, from another thread.

    Returns
    -------
    ProbeRun
        Blocks, errors and empty answers are rows, too.

    Raises
    ------
    UserError
        An argument is wrong, or a key or model is refused before it has answered anything.
    """
    settings = Settings(
        temperature, max_tokens, api_base, concurrency, rate, timeout_s, attempts, backoff_s
    )
    _check(settings, samples, seed, limit)
    prompts = prompts_of(listed(suite), limit)
    targets = targets_of(listed(models), settings)
    versions = versions_of(targets, systems or {"": None}, stacks or {"": None})
    folder = Path(cache_dir)
    with ExitStack() as opened:
        guards = _guards(versions, folder, opened)
        asked = [prompt for _, prompt in prompts]
        rulings = {policy: guard.on_prompts(asked) for policy, guard in guards.items()}
        jobs = _jobs(versions, targets, prompts, samples, seed, rulings)
        questions = {job.question.key: job.question for job in jobs if job.question is not None}
        found = run_to_end(
            lambda: ask_all(targets, list(questions.values()), settings, folder, progress)
        )
        jobs = _after_guards(jobs, found.replies, guards)
    rows = [row_of(job, found.replies, targets) for job in jobs]
    return ProbeRun(
        rows,
        tallies(versions, rows),
        found.asked,
        found.cached,
        found.cost,
        found.unpriced,
    )


def _check(settings: Settings, samples: int, seed: int | None, limit: int | None) -> None:
    least = {
        "samples": samples,
        "concurrency": settings.concurrency,
        "attempts": settings.attempts,
        "max_tokens": settings.max_tokens,
        "limit": limit,
    }
    for name, value in least.items():
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, got {value}.")
    positive = {"rate": settings.rate, "timeout": settings.timeout_s}
    for name, number in positive.items():
        if number is not None and not (0 < number < math.inf):
            raise UserError(f"{name} must be positive, got {number:g}.")
    if settings.temperature is not None and not (0 <= settings.temperature < math.inf):
        raise UserError(f"temperature must be at least 0, got {settings.temperature:g}.")
    if seed is not None and not 0 <= seed <= _MAX_SEED - samples:
        raise UserError(f"seed must be between 0 and {_MAX_SEED - samples}, got {seed}.")


def _guards(versions: Sequence[Version], folder: Path, opened: ExitStack) -> dict[str, Guard]:
    """One open guard for each stack, by its name."""
    stacks = {v.policy: v.stack for v in versions if v.policy is not None and v.stack is not None}
    return {policy: opened.enter_context(Guard(stack, folder)) for policy, stack in stacks.items()}


def _jobs(
    versions: Sequence[Version],
    targets: Sequence[Target],
    prompts: Sequence[tuple[str, Prompt]],
    samples: int,
    seed: int | None,
    rulings: Mapping[str, Mapping[str, Ruling]],
) -> list[Job]:
    """Every row to be, in order; equal questions have equal keys, and are asked once."""
    jobs = []
    for version in versions:
        target = targets[version.model]
        sampling = target.sampling()
        for suite, prompt in prompts:
            ruling = rulings[version.policy][prompt.id] if version.policy is not None else None
            messages = _messages(version.system, prompt)
            for sample in range(samples):
                question = None
                if ruling is None or ruling.blocked is None:
                    sent = _seed(target, seed, sample)
                    key = key_of(target.identity, messages, sampling, sent, sample)
                    question = Question(key, version.model, messages, sent, sampling)
                jobs.append(Job(version, suite, prompt, sample, question, ruling))
    return jobs


def _messages(system: System | None, prompt: Prompt) -> tuple[Message, ...]:
    asked: Message = {"role": "user", "content": prompt.prompt}
    return (asked,) if system is None else ({"role": "system", "content": system.text}, asked)


def _seed(target: Target, seed: int | None, sample: int) -> int | None:
    if not target.takes_seed:
        return None
    if seed is None:
        return sample if target.load is not None else None
    return seed + sample


def _after_guards(
    jobs: Sequence[Job], replies: Mapping[str, Reply], guards: Mapping[str, Guard]
) -> list[Job]:
    """The jobs with what the output layers of their stacks said."""
    done = list(jobs)
    for policy, guard in guards.items():
        places, prompts, answers, before = [], [], [], []
        for place, job in enumerate(jobs):
            if job.version.policy != policy or job.question is None or job.ruling is None:
                continue
            reply = replies[job.question.key]
            if reply.status == "answered" and reply.text is not None:
                places.append(place)
                prompts.append(job.prompt)
                answers.append(reply.text)
                before.append(job.ruling)
        for place, ruling in zip(places, guard.on_answers(prompts, answers, before), strict=True):
            done[place] = replace(jobs[place], ruling=ruling)
    return done
