"""LLM Guard: what `scan_prompt` and `scan_output` return, and the bodies of its API server.

Shapes after protectai/llm-guard: `llm_guard/evaluate.py` (sanitized text, results_valid and
results_score by scanner) and `llm_guard_api/app/schemas.py` ({sanitized_prompt or sanitized_output,
is_valid, scanners: scores}). A score is a risk: below 0 up to the scanner's threshold, above 0
beyond it, rounded to one decimal (`llm_guard/util.py`, `calculate_risk_score`), so that the
threshold itself is not on record and 0 does not say on which side it lies.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from trueup.sources.exchange import BadRecordError, Event
from trueup.sources.guard_libraries.common import Context, flag, number, reason
from trueup.sources.values import shown, words

__all__ = ["KEYS", "SIGNS", "read"]

_RESULTS = ("results_valid", "results_score", "scanners")
KEYS = SIGNS = frozenset(_RESULTS)
_PIPELINE = "llm-guard"
# Scanners that change the text (`llm_guard/input_scanners`, `llm_guard/output_scanners`).
_REWRITERS = frozenset(
    words(
        "Anonymize BanCompetitors BanSubstrings InvisibleText JSON Regex Secrets Sensitive "
        "TokenLimit"
    )
)
_INPUT_ONLY = frozenset(words("Anonymize InvisibleText PromptInjection Secrets TokenLimit"))
_OUTPUT_ONLY = frozenset(
    words(
        "Bias Deanonymize FactualConsistency JSON LanguageSame MaliciousURLs NoRefusal ReadingTime "
        "Relevance Sensitive URLReachability"
    )
)


class _Verdict(NamedTuple):
    valid: bool | None
    score: float | None


class _Text(NamedTuple):
    """What became of the text. differs: it was changed. used: the changed text went on."""

    differs: bool
    used: bool


def read(value: Any, context: Context) -> list[Event] | None:
    """The scanners' verdicts; None for what is no result of LLM Guard.

    A scanner that found the text invalid blocked it, unless the record shows that it went on: then
    a scanner that changes texts rewrote it, and the others let it pass.
    """
    value = _named(value) if type(value) is list else value
    verdicts = _verdicts(value) if type(value) is dict else None
    if verdicts is None:
        return None
    stage = _stage(value, verdicts, context)
    overall = flag(value.get("is_valid"))
    if not verdicts and value.get("error"):
        why = reason(value["error"], default="error")
        action = "block" if overall is False else "allow"
        return [Event(_PIPELINE, stage=stage, action=action, failure=why)]
    fired = _fired(verdicts, overall)
    text = _text(value, stage, context, any(fired[name] for name in _REWRITERS & fired.keys()))
    went_on = text.used or overall is True
    events = [
        Event(
            name,
            stage=stage,
            score=verdict.score,
            fired=fired[name],
            action=_action(name, fired[name], went_on),
        )
        for name, verdict in verdicts.items()
        if fired[name] is not None
    ]
    return _with_pipeline(events, verdicts, overall, text.differs, stage)


def _named(value: list[Any]) -> dict[str, Any] | None:
    """The tuple that the library returns, as JSON writes it."""
    if len(value) != 3 or type(value[0]) is not str:
        return None
    if type(value[1]) is not dict or type(value[2]) is not dict:
        return None
    return {"sanitized": value[0], "results_valid": value[1], "results_score": value[2]}


def _verdicts(value: dict[str, Any]) -> dict[str, _Verdict] | None:
    """By scanner; None when the object does not look like a result."""
    valid, scores, scanners = (_object(value, key) for key in _RESULTS)
    if valid is not None or scores is not None:
        valid, scores = valid or {}, scores or {}
        return {
            name: _Verdict(flag(valid.get(name)), number(scores.get(name)))
            for name in dict.fromkeys((*valid, *scores))
        }
    if scanners is None or not (scanners or "is_valid" in value):
        return None
    found = {name: _verdict(item) for name, item in scanners.items()}
    return None if None in found.values() else {k: v for k, v in found.items() if v is not None}


def _object(value: dict[str, Any], key: str) -> dict[str, Any] | None:
    found = value.get(key)
    if type(found) is str and found.lstrip().startswith("{"):
        raise BadRecordError(f"{key} must be a JSON object, got {shown(found)}.")
    return found if type(found) is dict else None


def _verdict(item: Any) -> _Verdict | None:
    """A scanner's entry: its score, its validity, or an object of both; None for another thing."""
    if type(item) is bool:
        return _Verdict(item, None)
    if type(item) is not dict:
        score = number(item)
        return None if score is None else _Verdict(None, score)
    valid = flag(item.get("is_valid", item.get("valid")))
    score = number(item.get("risk_score", item.get("score")))
    return None if valid is None and score is None else _Verdict(valid, score)


def _fired(verdicts: dict[str, _Verdict], overall: bool | None) -> dict[str, bool | None]:
    """Which scanners fired; None where the record does not tell."""
    fired: dict[str, bool | None] = {}
    for name, (valid, score) in verdicts.items():
        if valid is not None:
            fired[name] = not valid
        elif overall is True:
            fired[name] = False
        else:
            fired[name] = None if score is None or -1 < score <= 0 else score > 0
    if overall is None or any(fired.values()):
        # Nothing is left to explain: a risk below 0 is on the safe side of the threshold.
        for name, (_, score) in verdicts.items():
            if fired[name] is None and score is not None and score < 0:
                fired[name] = False
    return fired


def _action(name: str, fired: bool | None, went_on: bool) -> str:
    if not fired:
        return "allow"
    if not went_on:
        return "block"
    return "rewrite" if name in _REWRITERS else "allow"


def _text(value: dict[str, Any], stage: str | None, context: Context, rewritten: bool) -> _Text:
    side = "output" if stage == "output" else "prompt"
    sanitized = value.get("sanitized", value.get(f"sanitized_{side}"))
    if type(sanitized) is not str:
        return _Text(False, False)
    original = value.get(side)
    changed = type(original) is str and original.strip() != sanitized.strip()
    sent = sanitized in context.texts
    used = context.delivered and sent and (changed or rewritten)
    if type(original) is not str and not sent and len(context.texts) == 2 and stage is not None:
        original = context.texts[stage == "output"]
        changed = type(original) is str and original.strip() != sanitized.strip()
    return _Text(changed, used)


def _with_pipeline(
    events: list[Event],
    verdicts: dict[str, _Verdict],
    overall: bool | None,
    differs: bool,
    stage: str | None,
) -> list[Event]:
    """The events with what the scanners together did and no single one accounts for."""
    if any(event.fired for event in events):
        return events
    if overall is False:
        return [*events, Event(_PIPELINE, stage=stage, fired=True, action="block")]
    if not differs or "Deanonymize" in verdicts:  # which only puts the user's own words back
        return events
    able = [place for place, event in enumerate(events) if event.layer in _REWRITERS]
    if len(able) != 1:
        return [*events, Event(_PIPELINE, stage=stage, fired=True, action="rewrite")]
    events[able[0]] = events[able[0]]._replace(fired=True, action="rewrite")
    return events


def _stage(value: dict[str, Any], names: dict[str, Any], context: Context) -> str | None:
    texts = [stage for stage in ("prompt", "output") if f"sanitized_{stage}" in value]
    if len(texts) == 1:
        return "input" if texts[0] == "prompt" else "output"
    if context.stage is not None:
        return context.stage
    if not _INPUT_ONLY.isdisjoint(names):
        return "input"
    return None if _OUTPUT_ONLY.isdisjoint(names) else "output"
