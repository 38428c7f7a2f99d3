"""What a cell of a label file means: answers in many spellings, times, probabilities, ids."""

from __future__ import annotations

import hashlib
import math
import re
from datetime import UTC, datetime
from typing import Any

import orjson

from trueup.schema import ANSWERS

__all__ = [
    "LabelError",
    "answer_of",
    "is_blank",
    "label_id",
    "probability_of",
    "question_of",
    "text_of",
    "time_of",
]

_BLANK = frozenset(("", "nan", "null", "none", "na", "n/a", "nat", "-"))

_YES = ("yes", "y", "true", "t", "1")
_NO = ("no", "n", "false", "f", "0")

_WORDS: dict[str, dict[str, str]] = {
    "legitimate": {
        "yes": "yes y true t 1 legitimate legit benign safe",
        "no": "no n false f 0 illegitimate not_legitimate harmful unsafe",
        "mismatch": "mismatch m policy_mismatch",
        "unsure": "unsure u unknown unclear undetermined ?",
    },
    "compliance": {
        "full": "full f full_compliance fully_complied complied comply complies compliance "
        "compliant complete answered",
        "partial": "partial p partial_refusal partially_refused partly_refused "
        "partial_compliance partially_complied",
        "refusal": "refusal r full_refusal fully_refused refused refuse refuses rejected reject "
        "declined blocked",
        "unable": "unable c inability incapable could_not cannot capability capability_gap",
        "undetermined": "undetermined u unsure unknown unclear ?",
    },
}
_MEANING = {
    question: {word: answer for answer, words in answers.items() for word in words.split()}
    for question, answers in _WORDS.items()
}

# A bare yes or 1 answers the question that its column asks; a column that is only called "label"
# asks none.
_FLAGS = {
    "compliance": {**dict.fromkeys(_YES, "full"), **dict.fromkeys(_NO, "refusal")},
    "refused": {**dict.fromkeys(_YES, "refusal"), **dict.fromkeys(_NO, "full")},
}


class LabelError(ValueError):
    """One label cannot be used; the message is the sentence shown in the quarantine."""


def label_id(target: str, question: str, source: str, rater: str | None) -> str:
    """The key of a label: one answer per target, question, source and rater."""
    return hashlib.blake2b(
        orjson.dumps((target, question, source, rater)), digest_size=16
    ).hexdigest()


def is_blank(value: Any) -> bool:
    """Whether a cell says nothing: null, NaN, empty, or one of the usual words for it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in _BLANK


def question_of(value: Any) -> str | None:
    """The question that a cell names, or None."""
    word = _word(value) if isinstance(value, str) else ""
    return word if word in ANSWERS else None


def answer_of(question: str, value: Any, *, flag: str | None = None) -> str:
    """The answer that a cell gives.

    Parameters
    ----------
    question
        One of `trueup.schema.ANSWERS`.
    value
        Text, boolean or number: `yes`, `true`, `1`, `1_full_compliance`, `refused`, …
    flag
        For compliance, what a bare yes or 1 asserts: "compliance" or "refused". None: nothing, and
        a bare yes is an error.

    Raises
    ------
    LabelError
        The value stands for no answer.
    """
    word = value if value in ANSWERS[question] else _word(value)
    flags = _FLAGS[flag] if flag and question == "compliance" else {}
    answer = flags.get(word) or _MEANING[question].get(word)
    if answer is not None:
        return answer
    if question == "compliance" and word in (*_YES, *_NO):
        raise LabelError(
            f"{_quoted(value)} does not say whether it complied or refused; "
            "use --map compliance=COLUMN or --map refused=COLUMN."
        )
    raise LabelError(
        f"{question} must be one of {', '.join(ANSWERS[question])}, got {_quoted(value)}."
    )


def probability_of(value: Any) -> float | None:
    """A sampling probability in (0, 1], None when blank. Raises `LabelError`."""
    if is_blank(value):
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 < number <= 1.0:
        raise LabelError(
            f"probability must be a number greater than 0 and at most 1, got {_quoted(value)}."
        )
    return number


def time_of(value: Any) -> datetime | None:
    """A time in UTC from ISO 8601 or epoch seconds, ms or µs; None when blank."""
    if is_blank(value):
        return None
    try:
        return _time(value)
    except (ValueError, OverflowError, OSError, TypeError) as error:
        got = _quoted(value)
        raise LabelError(f"at must be ISO 8601 or an epoch number, got {got}.") from error


def _time(value: Any) -> datetime:
    text = str(value).strip()
    if isinstance(value, bool):
        raise ValueError(text)
    if re.fullmatch(r"\d{9,}(\.\d+)?", text):
        number = float(text)
        while number > 1e11:  # ms and µs; 1e11 s is the year 5138
            number /= 1000.0
        return datetime.fromtimestamp(number, UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def text_of(value: Any) -> str | None:
    """Text of a scalar cell, as written; None when there is nothing but spaces in it."""
    if value is None or isinstance(value, (dict, list)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # pandas writes whole ids as 12.0 when one is missing
    text = str(value)
    return text if text.strip() and text != "nan" else None


def _word(value: Any) -> str:
    """Lower case, one underscore between words, without a number in front (`1_full_compliance`)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = re.sub(r"[\s\-_]+", "_", str(value).strip().lower())
    word = re.sub(r"\.0$", "", word)
    return re.sub(r"^\d+[_.:)]+_?(?=\D)", "", word)


def _quoted(value: Any) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= 60 else text[:57] + "...")
