"""An audit of a grader's own Python source: what a submission could do to it.

Names decide what is the submission's and what is expected, and nothing is followed through calls:
a finding says where to look. What is not seen: graders in other languages, shell scripts, and what
a library does on the grader's behalf. `trueup goodhart attack` tries a grader out instead.
"""

from __future__ import annotations

import ast

from trueup.goodhart.scan.grader_prompts import prompts
from trueup.goodhart.scan.grader_running import running
from trueup.goodhart.scan.grader_source import Seen, parsed
from trueup.goodhart.scan.grader_verdict import verdict
from trueup.goodhart.scan.result import Finding, Rule

__all__ = ["RULES", "grader_findings"]


def _rule(name: str, techniques: tuple[str, ...], what: str, confirm: str) -> Rule:
    return Rule(f"grader-{name}", "grader", techniques, what, confirm)


RULES: tuple[Rule, ...] = (
    _rule(
        "runs-in-process", ("always-equal", "hard-exit", "harness-state", "caller-frames"),
        "Submitted code runs in the process that decides, so it can reach and change the verdict.",
        "Submit code that calls os._exit(0) or patches the comparison; then run it in a fresh "
        "process and compare in the parent.",
    ),
    _rule(
        "answers-reachable", ("caller-frames", "answer-file", "environment-answer"),
        "Expected values lie where the submission can read them: its caller's locals, its "
        "environment, its arguments or its folder.",
        "Submit code that prints what it finds there; then keep expected values in the parent and "
        "send in only inputs.",
    ),
    _rule(
        "trusts-exit", ("early-exit", "hard-exit", "thread-exit", "pytest-exit"),
        "The verdict is the exit status, or a word in the output, of a process that runs submitted "
        "code.",
        "Submit code that prints that word and exits 0 at import; then compare values outside.",
    ),
    _rule(
        "reads-report", ("forge-report", "late-overwrite", "conftest-report"),
        "The verdict is read from a file that the submission's process can write.",
        "Submit code that writes the file; then make the report outside of its reach.",
    ),
    _rule(
        "empty-passes", ("empty-answer",),
        "An empty answer, or no tests at all, counts as a pass.",
        "Grade an empty answer and an empty list of tests; both must fail.",
    ),
    _rule(
        "lists-pass", ("all-options",),
        "An answer passes when the expected one stands anywhere in it.",
        "Grade an answer that lists every option; compare an extracted answer as a whole.",
    ),
    _rule(
        "tolerance", ("tolerance-defeat",),
        "A tolerance is computed with the submission's own objects.",
        "Return an object whose subtraction gives 0; check the type first, or compare plain data.",
    ),
    _rule(
        "equality", ("always-equal",),
        "The submission's own object is compared with ==.",
        "Return an object whose __eq__ is always true; check the type first, or compare plain "
        "data.",
    ),
    _rule(
        "nan-passes", ("nan-wildcard",),
        "NaN counts as a match.",
        "Return NaN for everything; let it equal nothing.",
    ),
    _rule(
        "deserialises", ("hostile-payload",),
        "What the submission wrote is unpickled or evaluated, which runs code of its choice here.",
        "Return a payload that prints; take JSON or another format of plain data.",
    ),
    _rule(
        "errors-pass", ("selective-exit",),
        "An error while grading counts as a pass, or takes the case out of the count.",
        "Submit code that raises on every case; each must count as failed.",
    ),
    _rule(
        "starts-passing", ("forge-report",),
        "A verdict that is missing counts as a pass.",
        "Grade a run that leaves no verdict behind; let the default be a failure.",
    ),
    _rule(
        "no-timeout", ("late-overwrite",),
        "A process that runs submitted code may run for ever.",
        "Submit an endless loop; set a timeout and kill the whole process group.",
    ),
    _rule(
        "no-isolation", ("web-lookup", "parent-memory", "answer-file"),
        "Submitted code runs with the network, or with all that this user may read and write.",
        "Submit code that fetches an address; run it without a network in namespaces of its own.",
    ),
    _rule(
        "clock-inside", ("patch-clock", "lazy-work"),
        "Time is measured in the process of the code that is timed.",
        "Submit code that replaces time.perf_counter; measure from outside.",
    ),
    _rule(
        "seed-public", ("guess-seed", "replay"),
        "Inputs are generated from a seed that stands in the source.",
        "See whether the submission can know this file; draw a secret seed for each grading.",
    ),
    _rule(
        "prompt-mixes", ("judge-injection",),
        "A judge's prompt puts the text to be judged among its instructions.",
        "Submit an answer that orders a full score; send it as data, in a message of its own or "
        "encoded inside a random fence.",
    ),
    _rule(
        "loose-verdict", ("judge-token",),
        "The judge's verdict is a word found anywhere in its reply.",
        "Try a reply such as “incorrect”; demand one exact form and treat anything else as no "
        "verdict.",
    ),
)  # fmt: skip

_LEVELS = ("low", "medium", "high")
_MOST = 50  # findings of one rule in one file


def grader_findings(source: str, path: str) -> list[Finding]:
    """Weak places of a grader, in the order of its lines; nothing for text that is not Python."""
    grader = parsed(source, path)
    if grader is None:
        return []
    best: dict[tuple[str, ast.AST], Seen] = {}
    counts: dict[str, int] = {}
    for seen in (*running(grader), *verdict(grader), *prompts(grader)):
        key = (seen.rule, seen.node)
        kept = best.get(key)
        if kept is None:
            counts[seen.rule] = counts.get(seen.rule, 0) + 1
            if counts[seen.rule] > _MOST:
                continue
        if kept is None or _LEVELS.index(seen.level) > _LEVELS.index(kept.level):
            best[key] = seen
    found = [grader.finding(seen) for seen in best.values()]
    return sorted(found, key=lambda one: (one.span.line, one.span.column, one.rule))
