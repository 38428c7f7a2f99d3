"""One transcript scanned: its steps go to the rules on prose, on shell commands and on code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trueup.goodhart.scan.prose import honest_stop, intent_findings
from trueup.goodhart.scan.result import Finding, Skipped
from trueup.goodhart.scan.transcripts import inline
from trueup.goodhart.scan.transcripts.acts import Acts
from trueup.goodhart.scan.transcripts.reading import steps_of
from trueup.goodhart.scan.transcripts.steps import Step

__all__ = ["TranscriptScan", "scan_transcript", "transcript_findings"]

_SHOWN = 200  # characters of an honest stop quoted in a note
_MOST = 10_000  # findings of one file; what comes after is counted


@dataclass(frozen=True, slots=True)
class TranscriptScan:
    """What one file held. steps: pieces read, of all roles. notes: honest stops, a sentence each;
    they quote the agent, so they are hostile text."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    steps: int


def transcript_findings(path: Path) -> tuple[list[Finding], list[Skipped]]:
    """Findings in a transcript, in its order, and what of it could not be read."""
    done = scan_transcript(path)
    return list(done.findings), list(done.skipped)


def scan_transcript(path: Path) -> TranscriptScan:
    """Scan a transcript in any format that is known.

    Only what the agent said or did counts: messages of others and what its tools returned are
    context. The same evidence under the same rule is one finding, that of its first place.
    """
    shown = path.as_posix()
    talk = _Talk(shown)
    skipped: list[Skipped] = []
    count = 0
    for step in steps_of(path, shown):
        if isinstance(step, Skipped):
            skipped.append(step)
        else:
            count += 1
            talk.see(step)
    talk.close()
    return TranscriptScan(tuple(talk.findings), tuple(skipped), tuple(talk.notes), count)


class _Talk:
    """Goes through the steps of one file once, conversation by conversation."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self._again: dict[tuple[str, str, str], int] = {}
        self._open("")

    def _open(self, record: str) -> None:
        self._record = record
        self._acts = Acts(self.path)
        self._called = False
        self._last: Step | None = None  # what the agent wrote last, until somebody answers
        self._said = ""

    def see(self, step: Step) -> None:
        if step.record != self._record:
            self.close()
            self._open(step.record)
        if step.role != "agent":
            self._answered(step)
        elif step.kind == "call":
            self._called = True
            self._keep(self._acts.of(step), step)
        elif step.kind == "result":
            return
        else:
            self._wrote(step)

    def close(self) -> None:
        """The conversation has ended: what the agent wrote last is its answer."""
        if self._last is not None and not self._called:
            for call in inline.fenced_code(self._last, answer=True):
                self._keep(self._acts.of(call), call)
        self._last = None
        stop = honest_stop(inline.prose_only(self._said)) if self._said else ""
        if stop:
            where = f"{self.path}, {self._record}" if self._record else self.path
            self.notes.append(f"{where}: the agent said that it could not: “{stop[:_SHOWN]}”")
        self._said = ""

    def _wrote(self, step: Step) -> None:
        if self._last is not None:
            self._saved()
        prose = inline.prose_only(step.text)
        thinking = step.kind == "reasoning"
        self._keep(intent_findings(prose, self.path, thinking=thinking or self._called), step)
        for call in inline.tagged_calls(step):
            self._called = True
            self._keep(self._acts.of(call), call)
        if step.kind == "text":
            self._last, self._said = step, step.text

    def _answered(self, step: Step) -> None:
        """Somebody answered: only now is it known whether fenced commands were run."""
        if self._last is not None and inline.acted_on(step):
            for call in inline.fenced_commands(self._last):
                self._called = True
                self._keep(self._acts.of(call), call)
        self._saved()

    def _saved(self) -> None:
        if self._last is not None and not self._called:
            for call in inline.fenced_code(self._last, answer=False):
                self._keep(self._acts.of(call), call)
        self._last = None

    def _keep(self, findings: Iterator[Finding] | list[Finding], step: Step) -> None:
        for finding in findings:
            key = (finding.rule, finding.evidence.strip(), self._record)
            if key in self._again or len(self.findings) >= _MOST:
                continue
            self._again[key] = 1
            self.findings.append(self._placed(finding, step))

    def _placed(self, finding: Finding, step: Step) -> Finding:
        """The finding at its message. An agent's own `allow` comment accepts nothing."""
        shift = step.line - 1
        span = finding.span
        if step.message is None and shift:
            span = replace(span, line=span.line + shift, end_line=span.end_line + shift)
        span = replace(span, message=step.message)
        parts = [finding.detail, step.record]
        return replace(
            finding,
            path=self.path,
            span=span,
            accepted=None,
            detail="; ".join(part for part in parts if part),
        )
