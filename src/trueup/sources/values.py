"""Logged values to the types of the tables: text, numbers, times, actions, feedback.

Every function takes any JSON value and raises `BadRecordError` with a sentence that names the
field, the rule and the value got. Blank is unknown, and unknown is None.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import orjson

from trueup.schema import ACTIONS, OUTCOME_KINDS
from trueup.sources.exchange import BadRecordError

__all__ = [
    "ACTION_WORDS",
    "FEEDBACK_WORDS",
    "KIND_WORDS",
    "OBSERVED_WORDS",
    "action_of",
    "flag_of",
    "integer_of",
    "is_observation",
    "json_text",
    "kind_of",
    "label_of",
    "number_of",
    "outcome_value",
    "shown",
    "stage_of",
    "text_of",
    "time_of",
    "words",
]


def words(text: str) -> tuple[str, ...]:
    """The words of a text, for tables of names."""
    return tuple(text.split())


_ALLOW = (
    "allow allowed pass passed passing ok okay none safe clean accept accepted approve approved "
    "unflagged not_flagged no_action noop continue continued success skipped skip negative "
    "not_filtered unfiltered benign false no n 0 0.0"
)
# Words for a guard that fired and let the message through.
_OBSERVE = "audit audited log logged monitor monitored observe observed detect_only shadow"
_BLOCK = (
    "block blocked deny denied reject rejected refuse refused intervened guardrail_intervened "
    "filter filtered stop stopped drop dropped violation violated fail failed unsafe "
    "flag flagged fired triggered detected hit positive true yes y 1 1.0"
)
_WARN = "warn warned warning alert annotate annotated"
_REWRITE = (
    "rewrite rewritten rewrote modify modified mask masked redact redacted anonymize anonymized "
    "anonymise anonymised sanitize sanitized replace replaced transform transformed"
)
_ESCALATE = "escalate escalated review human_review handoff hand_off route routed quarantine"

# Every word that a log may use for an action, and the action it stands for. A word that only says
# that the guard fired (flagged, detected, true) counts as a block: whoever logs an intervention
# without naming it means that the request was stopped.
ACTION_WORDS: dict[str, str] = {
    word: action
    for action, words in zip(ACTIONS, (_ALLOW, _WARN, _REWRITE, _ESCALATE, _BLOCK), strict=True)
    for word in words.split()
}

OBSERVED_WORDS = frozenset(_OBSERVE.split())
ACTION_WORDS |= dict.fromkeys(_OBSERVE.split(), "allow")

_STAGES = {
    **dict.fromkeys(
        words("input prompt request user pre pre_call during_call ingress llm_input user_input"),
        "input",
    ),
    **dict.fromkeys(
        words("output response completion assistant post post_call egress llm_output model_output"),
        "output",
    ),
}

KIND_WORDS: dict[str, str] = {kind: kind for kind in OUTCOME_KINDS} | {
    "thumbs": "thumb",
    "thumbs_up": "thumb",
    "thumbs_down": "thumb",
    "thumb_up": "thumb",
    "thumb_down": "thumb",
    "like": "thumb",
    "liked": "thumb",
    "dislike": "thumb",
    "disliked": "thumb",
    "upvote": "thumb",
    "downvote": "thumb",
    "user_feedback": "thumb",
    "feedback": "thumb",
    "helpful": "thumb",
    "stars": "rating",
    "star_rating": "rating",
    "csat": "rating",
    "user_rating": "rating",
    "satisfaction": "rating",
    "edited": "edit",
    "regenerated": "regenerate",
    "regeneration": "regenerate",
    "copied": "copy",
    "rephrased": "rephrase",
    "retried": "retry",
    "abandoned": "abandon",
    "completed": "complete",
    "task_complete": "complete",
    "task_completed": "complete",
    "returned": "return",
}
_NEGATED_KINDS = {"thumbs_down", "thumb_down", "dislike", "disliked", "downvote"}

FEEDBACK_WORDS: dict[str, float] = {
    **dict.fromkeys(
        words(
            "up thumbs_up thumb_up thumbsup like liked positive good yes y true helpful "
            "upvote 👍 +1"
        ),
        1.0,
    ),
    **dict.fromkeys(
        words(
            "down thumbs_down thumb_down thumbsdown dislike disliked negative bad no n false "
            "unhelpful not_helpful downvote 👎"
        ),
        0.0,
    ),
}

_LABEL_WORDS = {
    "legitimate": {
        **dict.fromkeys(["yes", "y", "true", "1", "legitimate", "benign", "safe"], "yes"),
        **dict.fromkeys(["no", "n", "false", "0", "harmful", "unsafe", "illegitimate"], "no"),
        "mismatch": "mismatch",
        "policy_mismatch": "mismatch",
        **dict.fromkeys(["unsure", "unknown"], "unsure"),
    },
    "compliance": {
        **dict.fromkeys(
            words("full full_compliance 1_full_compliance complied comply compliance compliant"),
            "full",
        ),
        **dict.fromkeys(["partial", "partial_refusal", "3_partial_refusal"], "partial"),
        **dict.fromkeys(
            words("refusal full_refusal 2_full_refusal refused refuse rejected"), "refusal"
        ),
        **dict.fromkeys(["unable", "inability", "capability"], "unable"),
        "undetermined": "undetermined",
    },
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_MIN_MICROS, _MAX_MICROS = -2_208_988_800 * _SECOND, 4_102_444_800 * _SECOND  # years 1900 to 2100


def shown(value: Any) -> str:
    """A value as it is quoted in a sentence: short, on one line."""
    text = value if type(value) is str else json_text(value)
    text = " ".join(text.split())
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"'{text}'" if type(value) is str else text


def json_text(value: Any) -> str:
    """JSON text of any value, in a stable form; what JSON cannot hold is written as its str()."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, orjson.JSONEncodeError):
        import json

        return json.dumps(value, default=str, ensure_ascii=False)


def text_of(value: Any) -> str | None:
    """Text of a scalar; blank is None, and what is not text becomes its JSON text."""
    if value is None:
        return None
    if type(value) is str:
        stripped = value.strip()
        return stripped or None
    if isinstance(value, float) and math.isnan(value):
        return None
    return json_text(value)


def number_of(
    value: Any, name: str, low: float | None = None, high: float | None = None, of: str = ""
) -> float | None:
    """A finite number in [low, high], or None when blank. name and `of` say what it is."""
    kind = type(value)
    if kind is not float and kind is not int:
        value = None if value is None else _parse_number(value, name + of)
        if value is None:
            return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        if math.isnan(number):
            return None
        raise BadRecordError(f"{name}{of} must be a finite number, got {number}.")
    if (low is not None and number < low) or (high is not None and number > high):
        raise BadRecordError(f"{name}{of} must be {_range(low, high)}, got {shown(value)}.")
    return number


def _parse_number(value: Any, name: str) -> float | None:
    if isinstance(value, str):
        stripped = value.strip()
        if stripped.lower() in ("", "nan", "null", "none", "na", "n/a"):
            return None
        try:
            return float(stripped)
        except ValueError:
            pass
    elif isinstance(value, bool) or hasattr(value, "__float__"):
        return float(value)
    raise BadRecordError(f"{name} must be a number, got {shown(value)}.")


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return f"at least {low:g}"
    return f"at most {high:g}" if low is None else f"between {low:g} and {high:g}"


def integer_of(value: Any, name: str, of: str = "") -> int | None:
    """A whole number that fits 64 bits, or None when blank."""
    number = number_of(value, name, of=of)
    if number is None:
        return None
    if number != int(number) or abs(number) > 2**53:
        raise BadRecordError(f"{name}{of} must be a whole number, got {shown(value)}.")
    return int(number)


def time_of(value: Any, name: str) -> int | None:
    """Microseconds since 1970 (UTC) of a time given as ISO 8601 or epoch s, ms, µs or ns.

    A time without a zone is taken as UTC. The unit of a number follows from its size.
    """
    kind = type(value)
    if kind is str:
        parsed = _parse_time(value, name)
        if parsed is None:
            return None
        micros = parsed
    elif value is None:
        return None
    elif kind is int or kind is float:
        micros = _epoch_micros(value, name)
    elif isinstance(value, datetime):
        micros = _micros(value)
    else:
        raise BadRecordError(f"{name} must be a time, got {shown(value)}.")
    if not _MIN_MICROS <= micros <= _MAX_MICROS:
        raise BadRecordError(
            f"{name} must be a time between the years 1900 and 2100, got {shown(value)}."
        )
    return micros


def _parse_time(value: str, name: str) -> int | None:
    if value[4:5] == "-":
        try:
            return _micros(datetime.fromisoformat(value))
        except (ValueError, OverflowError):
            pass
    text = value.strip()
    if not text or text.lower() in ("null", "none", "nan", "nat"):
        return None
    number = _plain_number(text)
    if number is not None:
        return _epoch_micros(number, name)
    for suffix in (" UTC", " GMT", " Z"):
        if text.endswith(suffix):
            text = text[: -len(suffix)] + "+00:00"
    try:
        return _micros(datetime.fromisoformat(text.replace("/", "-")))
    except (ValueError, OverflowError):
        pass
    try:
        from email.utils import parsedate_to_datetime

        return _micros(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        raise BadRecordError(
            f"{name} must be ISO 8601 or an epoch number, got {shown(value)}."
        ) from None


def _plain_number(text: str) -> float | None:
    """An epoch as text; eight digits are a date, such as 20240131."""
    if text.isdigit():
        if len(text) == 8:
            return None
        return int(text) if len(text) <= 20 else float(text)
    try:
        return float(text)
    except ValueError:
        return None


def _micros(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * _SECOND + delta.microseconds


def _epoch_micros(value: float, name: str) -> int:
    if not math.isfinite(value):
        raise BadRecordError(f"{name} must be a time, got {value}.")
    size = abs(value)
    if size < 1e11:
        return round(value * _SECOND)
    if size < 1e14:
        return round(value * 1_000)
    if size < 1e17:
        return round(value)
    return int(value) // 1_000 if isinstance(value, int) else round(value / 1_000)


def flag_of(value: Any, name: str, of: str = "") -> bool | None:
    """True when the value says that a guard fired, False when it says that it did not."""
    if value is None or value is True or value is False:
        return value
    action = action_of(value, name, of)
    return None if action is None else action != "allow"


def action_of(value: Any, name: str, of: str = "") -> str | None:
    """The action that a word, a boolean or 0/1 stands for; None when blank."""
    if value is None:
        return None
    if type(value) is str:
        known = ACTION_WORDS.get(value)
        if known is not None:
            return known
        word = _word(value)
        if not word or word in ("null", "nan", "na", "n/a", "unknown"):
            return None
        known = ACTION_WORDS.get(word)
        if known is not None:
            return known
    elif value == 0:
        return "allow"
    elif value == 1:
        return "block"
    elif isinstance(value, float) and math.isnan(value):
        return None
    raise BadRecordError(
        f"{name}{of} must be one of {', '.join(ACTIONS)} (or a word such as pass, flagged, 0), "
        f"got {shown(value)}."
    )


def is_observation(value: Any) -> bool:
    """True for a word that says the guard fired, although nothing was done."""
    return type(value) is str and _word(value) in OBSERVED_WORDS


def stage_of(value: Any) -> str | None:
    """`input` or `output`; None when blank or when it says neither."""
    if type(value) is not str:
        return None
    return _STAGES.get(value) or _STAGES.get(_word(value))


def kind_of(value: Any) -> str:
    """The kind of outcome that a word stands for."""
    known = KIND_WORDS.get(value) if type(value) is str else None
    if known is None and isinstance(value, str):
        known = KIND_WORDS.get(_word(value))
    if known is None:
        raise BadRecordError(
            f"feedback.kind must be one of {', '.join(OUTCOME_KINDS)}, got {shown(value)}."
        )
    return known


def outcome_value(kind: str, logged_kind: Any, value: Any) -> float | None:
    """The value of an outcome: thumb 0 or 1, rating and edit any number, the rest from 0 to 1.

    A thumb or rating without a value is None (nothing was given); the other kinds say by being
    there that it happened, which is 1.
    """
    name = f"feedback.value of '{kind}'"
    negated = isinstance(logged_kind, str) and _word(logged_kind) in _NEGATED_KINDS
    directed = isinstance(logged_kind, str) and _word(logged_kind) in _DIRECTED_KINDS
    if isinstance(value, str):
        value = FEEDBACK_WORDS.get(_word(value), value)
    number = number_of(value, name)
    if number is None:
        return _absent_value(kind, negated, directed, value)
    if kind in ("rating", "edit"):
        return number
    if kind == "thumb" and number == -1:
        number = 0.0
    if not 0 <= number <= 1 or (kind == "thumb" and number not in (0.0, 1.0)):
        rule = "1 (up) or 0 (down)" if kind == "thumb" else "between 0 and 1"
        raise BadRecordError(f"{name} must be {rule}, got {shown(value)}.")
    if not negated:
        return number
    return 0.0 if number else None  # no thumb down is not a thumb up


_DIRECTED_KINDS = _NEGATED_KINDS | {"thumbs_up", "thumb_up", "like", "liked", "upvote"}


def _absent_value(kind: str, negated: bool, directed: bool, value: Any) -> float | None:
    if kind == "thumb" and directed and value is None:
        return 0.0 if negated else 1.0
    return None if kind in ("thumb", "rating") or value is not None else 1.0


def label_of(question: str, value: Any) -> str | None:
    """The answer that a label's value stands for; None when blank."""
    text = text_of(value)
    if text is None:
        return None
    words = _LABEL_WORDS[question]
    answer = words.get(_word(text))
    if answer is None:
        raise BadRecordError(
            f"label.{question} must be one of {', '.join(dict.fromkeys(words.values()))}, "
            f"got {shown(value)}."
        )
    return answer


def _word(value: str) -> str:
    return value.strip().lower().replace(" ", "_").replace("-", "_")
