"""Agent transcripts: read from any known format, and searched for what the agent itself did."""

from trueup.goodhart.scan import prose, shell
from trueup.goodhart.scan.result import Rule
from trueup.goodhart.scan.transcripts.detect import looks_like_transcript
from trueup.goodhart.scan.transcripts.scan import (
    TranscriptScan,
    scan_transcript,
    transcript_findings,
)

__all__ = [
    "RULES",
    "TranscriptScan",
    "looks_like_transcript",
    "scan_transcript",
    "transcript_findings",
]

RULES: tuple[Rule, ...] = (*shell.RULES, *prose.RULES)
