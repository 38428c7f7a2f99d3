"""The LLM judge: an optional further source of labels, through any model that LiteLLM reaches.

Its answers are rows of the `labels` table like anyone's, to be calibrated against human ones. A
call that fails or an answer that cannot be read is undetermined with its reason, never a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError, did_you_mean
from trueup.judge.label_values import label_id
from trueup.judge.labels import UNDECIDED
from trueup.judge.llm_cache import Reply, ReplyCache
from trueup.judge.llm_prompts import (
    PROMPT_VERSION,
    BadAnswer,
    JudgeItem,
    build_messages,
    content_of,
    parse_answer,
)
from trueup.remote import load_litellm
from trueup.remote.chat import Asked, Client
from trueup.schema import ANSWERS, LABELS
from trueup.store.keyed import key_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PROMPT_VERSION", "JudgeItem", "LlmFailure", "LlmRun", "judge_with_llm"]

_TRIES = 2  # an answer that cannot be read is asked for once more
_GIVE_UP_AFTER = 3  # times `concurrency` questions in a row without any answer: the server is gone


@dataclass(frozen=True, slots=True)
class LlmFailure:
    """One question without an answer, and why."""

    target_id: str
    question: str
    reason: str


@dataclass(frozen=True, slots=True)
class LlmRun:
    """What a run of the judge yielded.

    Attributes
    ----------
    labels
        Arrow table of `trueup.schema.LABELS`, source ``judge``: one row per item and question in
        the order asked; ``unsure`` or ``undetermined`` where the judge gave no answer.
    failures
        The questions without an answer, with reasons.
    cached
        Questions answered from the cache.
    calls
        Requests sent, retries included.
    """

    labels: pa.Table
    failures: tuple[LlmFailure, ...]
    cached: int
    calls: int


@dataclass(frozen=True, slots=True)
class _Task:
    index: int
    item: JudgeItem
    question: str
    content: dict[str, str]
    key: str
    tries: int = 0

    def again(self) -> _Task:
        return _Task(self.index, self.item, self.question, self.content, self.key, self.tries + 1)

    @property
    def reply_key(self) -> str:
        return f"{self.key}:{self.tries}"


@dataclass
class _Ledger:
    """What is known so far."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: dict[int, LlmFailure] = field(default_factory=dict)
    cached: int = 0
    calls: int = 0
    unanswered: int = 0


def judge_with_llm(
    items: Iterable[JudgeItem],
    *,
    model: str,
    api_base: str | None = None,
    api_key: str | None = None,
    policy: str | None = None,
    cache_dir: str | Path,
    questions: Sequence[str] = ("legitimate", "compliance"),
    concurrency: int = 8,
    timeout_s: float = 60.0,
    attempts: int = 5,
    backoff_s: float = 1.0,
    progress: Callable[[int], None] | None = None,
) -> LlmRun:
    """Ask a model the two questions about each exchange.

    Parameters
    ----------
    items
        What to judge; read as it is needed.
    model
        LiteLLM's name of the model, or with `api_base` the server's. Becomes the labels' rater.
    api_base, api_key
        An OpenAI-compatible server and its key; without them the provider's own.
    policy
        The product's written policy, against which legitimacy is judged.
    cache_dir
        Folder of the cache. Every reply is stored there as it arrives, keyed by model, server,
        prompt version, policy and content: a run that was interrupted asks only what is missing.
    questions
        Some of ``legitimate`` and ``compliance``.
    concurrency
        Requests in flight at most, from 1.
    timeout_s, attempts, backoff_s
        See `trueup.remote.chat.Client`.
    progress
        Called with the number of questions settled so far.

    Raises
    ------
    UserError
        LiteLLM is missing, the key or the model is refused, or an argument is out of range.

    Notes
    -----
    The judged text is truncated in the middle and delimited as data. That lowers the chance that
    instructions inside it sway the model; it does not exclude it. Calibrate against human labels.
    """
    asked = _checked_questions(questions)
    _check(model, concurrency, attempts, timeout_s)
    client = Client(model, api_base, api_key, timeout_s, attempts, backoff_s)
    load_litellm(client.what)
    ledger = _Ledger()
    with ReplyCache(cache_dir) as cache:
        run = _Run(client, policy, cache, ledger, concurrency, progress)
        run.settle(_tasks(items, asked, client, policy))
    order = sorted(ledger.rows)
    return LlmRun(
        LABELS.from_rows(ledger.rows[i] for i in order),
        tuple(ledger.failures[i] for i in order if i in ledger.failures),
        ledger.cached,
        ledger.calls,
    )


def _checked_questions(questions: Sequence[str]) -> tuple[str, ...]:
    for question in questions:
        if question not in ANSWERS:
            raise UserError(
                f"questions must be of {tuple(ANSWERS)}, got {question!r}.",
                did_you_mean(str(question), ANSWERS),
            )
    return tuple(dict.fromkeys(questions))


def _check(model: str, concurrency: int, attempts: int, timeout_s: float) -> None:
    if not model.strip():
        raise UserError("model must name a model, got an empty string.", "Pass --model.")
    for name, value in (("concurrency", concurrency), ("attempts", attempts)):
        if value < 1:
            raise UserError(
                f"{name} must be at least 1, got {value}.", "Use a whole number from 1."
            )
    if not timeout_s > 0:
        raise UserError(
            f"timeout_s must be positive, got {timeout_s}.", "Give seconds, such as 60."
        )


def _tasks(
    items: Iterable[JudgeItem], questions: Sequence[str], client: Client, policy: str | None
) -> Iterator[_Task]:
    index = 0
    for item in items:
        for question in questions:
            content = content_of(item, question)
            # The policy is part of the legitimacy question only.
            rule = policy if question == "legitimate" else None
            key = key_of(PROMPT_VERSION, client.model, client.api_base, question, rule, content)
            yield _Task(index, item, question, content, key)
            index += 1


@dataclass
class _Run:
    client: Client
    policy: str | None
    cache: ReplyCache
    ledger: _Ledger
    concurrency: int
    progress: Callable[[int], None] | None

    def settle(self, tasks: Iterator[_Task]) -> None:
        """Settle every task; only this thread touches cache and ledger, the pool only asks."""
        flying: dict[Future[Asked], _Task] = {}
        waiting: dict[str, list[_Task]] = {}  # same question, already in flight
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="trueup-judge")
        try:
            for task in tasks:
                self._start(task, pool, flying, waiting)
                while len(flying) >= self.concurrency:
                    self._land(pool, flying, waiting)
            while flying:
                self._land(pool, flying, waiting)
        finally:
            self.client.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _start(
        self,
        task: _Task,
        pool: ThreadPoolExecutor,
        flying: dict[Future[Asked], _Task],
        waiting: dict[str, list[_Task]],
    ) -> None:
        if not task.content:
            self._fail(task, "nothing recorded to judge")
            return
        while (kept := self.cache.get(task.reply_key)) is not None:
            if task.tries == 0:
                self.ledger.cached += 1
            following = self._take(task, kept)
            if following is None:
                return
            task = following
        if task.reply_key in waiting:
            waiting[task.reply_key].append(task)
            return
        if self.ledger.unanswered >= _GIVE_UP_AFTER * self.concurrency:
            self._fail(task, "not asked: the server had stopped answering")
            return
        waiting[task.reply_key] = []
        messages = build_messages(task.content, task.question, self.policy)
        flying[pool.submit(self.client.ask, messages)] = task

    def _land(
        self,
        pool: ThreadPoolExecutor,
        flying: dict[Future[Asked], _Task],
        waiting: dict[str, list[_Task]],
    ) -> None:
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            task = flying.pop(future)
            same = waiting.pop(task.reply_key)
            asked = future.result()
            self.ledger.calls += asked.calls
            self.ledger.unanswered = self.ledger.unanswered + 1 if asked.unreachable else 0
            if asked.text is None:
                for each in (task, *same):
                    self._fail(each, asked.reason)
                continue
            kept = self.cache.put(
                task.reply_key,
                asked.text,
                model=self.client.model,
                question=task.question,
                prompt_version=PROMPT_VERSION,
            )
            again = self._take(task, kept)
            for following in (again, *same):
                if following is not None:
                    self._start(following, pool, flying, waiting)

    def _take(self, task: _Task, kept: Reply) -> _Task | None:
        """Read a reply; the task to ask next when it says nothing, None when all is settled."""
        try:
            answer = parse_answer(kept.text, task.question, self.policy)
        except BadAnswer as error:
            if task.tries + 1 < _TRIES:
                return task.again()
            self._fail(task, f"malformed answer: {error}", kept.at)
            return None
        self._record(task, answer, kept.at)
        return None

    def _fail(self, task: _Task, reason: str, at: datetime | None = None) -> None:
        self.ledger.failures[task.index] = LlmFailure(task.item.id, task.question, reason)
        self._record(task, UNDECIDED[task.question], at or datetime.now(UTC))

    def _record(self, task: _Task, value: str, at: datetime) -> None:
        target, rater = task.item.id, self.client.model
        self.ledger.rows[task.index] = {
            "id": label_id(target, task.question, "judge", rater),
            "target_id": target,
            "question": task.question,
            "value": value,
            "source": "judge",
            "rater": rater,
            "guideline_version": PROMPT_VERSION,
            "at": at,
            "probability": None,
        }
        if self.progress:
            self.progress(len(self.ledger.rows))
