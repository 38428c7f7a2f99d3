"""A second opinion on findings by a language model: it confirms or dismisses, and adds nothing.

Evidence is hostile: it goes in as JSON between marks that are random for each question. That lowers
the chance that orders inside it sway the model; it does not exclude it, and evidence that talks the
model into a dismissal hides itself from the terminal. Dismissed findings are therefore counted, and
stay in the JSON and SARIF output. A reply in any other form, or none, is no opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.scan.opinion_prompt import (
    PROMPT_VERSION,
    BadReply,
    Opinion,
    content_of,
    messages_of,
    parse_reply,
)
from trueup.goodhart.scan.result import Confidence, Finding, ScanReport
from trueup.remote.chat import Asked, Client
from trueup.store.keyed import KeyedFile, key_of

__all__ = ["OpinionRun", "second_opinions"]

_FILE = "scan-opinion.sqlite"
_DDL = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, prompt_version TEXT NOT NULL, reply TEXT NOT NULL
) WITHOUT ROWID
"""
_LEVELS: tuple[Confidence, ...] = ("high", "medium", "low")
_TRIES = 2  # a reply that cannot be read is asked for once more


@dataclass(frozen=True, slots=True)
class OpinionRun:
    """The report with opinions, and what became of the questions.

    asked: findings it was asked about. failures: reasons for having no opinion, one for each
    finding without. calls: requests sent. cached: questions answered from the cache.
    """

    report: ScanReport
    asked: int
    failures: tuple[str, ...]
    calls: int
    cached: int


class _Cache(KeyedFile):
    """Replies by key; each is committed when it arrives. Use from one thread."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _FILE, _DDL)

    def get(self, key: str) -> str | None:
        row = self._db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, reply: str, model: str) -> None:
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)",
                (key, model, PROMPT_VERSION, reply.encode("utf-8", "replace").decode("utf-8")),
            )


def second_opinions(
    report: ScanReport,
    *,
    client: Client,
    cache_dir: Path,
    least: Confidence = "medium",
    concurrency: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> OpinionRun:
    """Ask a model about every standing finding of this confidence and above.

    Findings with the same rule, evidence and detail are one question. Raises `UserError` when
    LiteLLM is missing, or when key or model are refused.
    """
    if concurrency < 1:
        raise UserError(f"concurrency must be at least 1, got {concurrency}.", "Use 1 or more.")
    wanted = [
        place
        for place, one in enumerate(report.findings)
        if one.accepted is None and _LEVELS.index(one.confidence) <= _LEVELS.index(least)
    ]
    questions: dict[str, list[int]] = {}
    for place in wanted:
        questions.setdefault(_key(report, report.findings[place], client), []).append(place)
    with _Cache(cache_dir) as cache:
        run = _Run(report, client, cache, questions)
        run.settle(concurrency, progress)
    findings = list(report.findings)
    failures: list[str] = []
    for key, places in questions.items():
        said = run.settled[key]
        for place in places:
            if isinstance(said, str):
                failures.append(said)
            else:
                findings[place] = replace(
                    findings[place], opinion=said.verdict, opinion_reason=said.reason
                )
    changed = replace(report, findings=tuple(findings))
    return OpinionRun(changed, len(wanted), tuple(failures), run.calls, run.cached)


def _key(report: ScanReport, one: Finding, client: Client) -> str:
    content = content_of(one, report.rules.get(one.rule))
    return key_of(PROMPT_VERSION, client.model, client.api_base, content)


@dataclass
class _Run:
    """settled: key -> the opinion, or the reason for having none."""

    report: ScanReport
    client: Client
    cache: _Cache
    questions: dict[str, list[int]]
    calls: int = 0
    cached: int = 0

    def __post_init__(self) -> None:
        self.settled: dict[str, Opinion | str] = {}

    def settle(self, concurrency: int, progress: Callable[[int, int], None] | None) -> None:
        """Only this thread touches the cache; the pool only asks."""
        pool = ThreadPoolExecutor(concurrency, thread_name_prefix="trueup-opinion")
        try:
            waiting = list(self.questions)
            for attempt in range(_TRIES):
                waiting = self._round(pool, waiting, attempt, progress)
        finally:
            self.client.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _round(
        self,
        pool: ThreadPoolExecutor,
        keys: Sequence[str],
        attempt: int,
        progress: Callable[[int, int], None] | None,
    ) -> list[str]:
        """One try at each question; those whose reply could not be read come back."""
        again: list[str] = []
        flying: dict[Future[Asked], str] = {}
        for key in keys:
            kept = self.cache.get(f"{key}:{attempt}")
            if kept is None:
                flying[pool.submit(self.client.ask, self._messages(key))] = key
            else:
                self.cached += attempt == 0
                again += self._read(key, kept)
        for future in as_completed(flying):
            key, asked = flying[future], future.result()
            self.calls += asked.calls
            if asked.text is None:
                self.settled[key] = asked.reason
            else:
                self.cache.put(f"{key}:{attempt}", asked.text, self.client.model)
                again += self._read(key, asked.text)
            if progress:
                progress(len(self.settled), len(self.questions))
        return again

    def _messages(self, key: str) -> list[dict[str, str]]:
        one = self.report.findings[self.questions[key][0]]
        return messages_of(content_of(one, self.report.rules.get(one.rule)))

    def _read(self, key: str, reply: str) -> list[str]:
        try:
            self.settled[key] = parse_reply(reply)
        except BadReply as error:
            self.settled[key] = f"malformed reply: {error}"
            return [key]
        return []
