"""The site's own block message: learned from repetition in the log, matched as an expression.

Generic phrase lists miss "Our assistant is only for billing". A template is a message that stands
in the log word for word, or with one varying stretch written as `SLOT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError
from trueup.judge.features import PREFIX, answer_text
from trueup.store.aside import aside

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["SLOT", "learn_templates", "matches_template", "normal_form"]

SLOT = "{…}"
MAX_TEMPLATE_CHARS = 400
MAX_SLOT_CHARS = 120
MIN_FIXED_WORDS = 5
MAX_VARIANTS = 20_000  # rows fetched to look for slots

# Both ends of a message with a slot in it; or its beginning, for a slot at the end.
_EDGES = ((12, 12), (28, 0))

# How a product declines, beyond a model's own refusals. Weak by itself: only a short message that
# is repeated over many exchanges is held against it.
_DEFLECTS = re.compile(
    r"(?:can't|cannot|can not|unable to|not able to|won't|will not|don't|do not) (?:\w+ )?"
    r"(?:discuss|talk about|help|assist|answer|respond|engage|comment|comply)"
    r"|\bonly (?:\w+ )?(?:able to |here to |allowed to )?"
    r"(?:help|answer|assist|discuss|talk|respond|for)\b"
    r"|(?:outside|beyond|not (?:within|in)|out) (?:of )?(?:the |my |our |this |its )?(?:\w+ )?scope"
    r"|off[- ]limits|not (?:allowed|permitted|supported) (?:here|on|for|to|by|in)\b"
    r"|(?:ask|try|talk about|discuss) (?:me )?(?:about )?"
    r"(?:something else|(?:a different|another) (?:question|topic))"
    r"|(?:request|message|question|prompt|content|response|topic|conversation|query|answer) "
    r"(?:\w+ ){0,3}(?:blocked|flagged|filtered|restricted|declined|denied|rejected|"
    r"withheld|prohibited|violat\w+)"
    r"|violates? (?:our|the|this|my)"
    r"|against (?:our|the|company) (?:\w+ ){0,2}(?:polic|guideline|rule|terms)"
)


@dataclass(frozen=True, slots=True)
class _Repeated:
    """One message: how often, over how many prompts, blocked how often (None: unknown)."""

    form: str
    count: int
    prompts: int
    blocked: int | None


def normal_form(text: ir.StringValue) -> ir.StringValue:
    """Lower case, straight apostrophes, single spaces: how templates and responses are compared."""
    return text.lower().replace("’", "'").re_replace(r"\s+", " ").strip()


def matches_template(answer: ir.StringValue, templates: Sequence[str]) -> ir.BooleanValue:
    """Whether an answer, as a whole, is one of the templates."""
    import ibis

    cleaned = [" ".join(t.lower().replace("’", "'").split()) for t in templates]
    cleaned = [t for t in dict.fromkeys(cleaned) if t and t != SLOT]
    if not cleaned:
        return ibis.literal(False)
    normal = normal_form(answer)
    hit: Any = ibis.literal(False)
    if exact := [t for t in cleaned if SLOT not in t]:
        hit = hit | normal.isin(exact)
    if slotted := [t for t in cleaned if SLOT in t]:
        gap = rf"[\s\S]{{1,{MAX_SLOT_CHARS}}}"
        forms = (gap.join(re.escape(part) for part in t.split(SLOT)) for t in slotted)
        hit = hit | normal.re_search(f"^(?:{'|'.join(forms)})$")
    # Long answers cannot match, and normalising them would cost more than the rest of the reading.
    longest = 2 * (max(map(len, cleaned)) + MAX_SLOT_CHARS)
    return ibis.cases((answer.length() <= longest, hit), else_=False)


def learn_templates(
    table: ir.Table,
    *,
    response: str = "response",
    blocked: str | None = None,
    prompt: str = "prompt",
    min_count: int = 5,
    min_share_blocked: float = 0.5,
    max_templates: int = 20,
) -> tuple[str, ...]:
    """Find the messages by which this site refuses, from how its log repeats itself.

    A message is taken when it is short (up to 400 characters), stands at least `min_count` times
    over as many different prompts, and there is evidence that it blocks: layers blocked at least
    `min_share_blocked` of those exchanges (and twice the log's share), or it speaks like a refusal
    or a deflection. A greeting or an FAQ answer has neither, however often it is repeated.

    Parameters
    ----------
    table
        The log, one row per exchange. The aggregation runs in its engine.
    response, blocked
        Names of a string and of a boolean column; without `blocked` only the words are evidence.
    prompt
        Name of the column with what was asked; if the table has none, rows count as prompts.
    min_count
        How often a message must be repeated, at least 2.
    min_share_blocked
        In (0, 1].
    max_templates
        Only the most frequent are kept.

    Returns
    -------
    Templates in lower case, most frequent first, a varying stretch written as `SLOT`.
    """
    if min_count < 2:
        raise UserError(f"min_count must be at least 2, got {min_count}.", "Raise it.")
    if not 0 < min_share_blocked <= 1:
        raise UserError(
            f"min_share_blocked must be in (0, 1], got {min_share_blocked}.", "Use 0.5."
        )
    asked = prompt if prompt in table.columns else None
    with aside(table.get_backend(), "forms", _forms(table, response, blocked, asked)) as forms:
        repeated = [*_verbatim(forms, min_count), *_with_slot(forms, min_count)]
    repeated = [r for r in repeated if r.prompts >= min_count]
    if not repeated:
        return ()
    needed = max(min_share_blocked, min(0.9, 2 * _base_rate(table, blocked)))
    spoken = _speaks_of_refusal([r.form for r in repeated])
    kept: dict[str, int] = {}
    for r, refuses in zip(repeated, spoken, strict=True):
        by_layer = r.blocked is not None and r.blocked >= needed * r.count
        if by_layer or refuses:
            kept[r.form] = max(r.count, kept.get(r.form, 0))
    ranked = sorted(kept, key=lambda form: (-kept[form], form))
    return tuple(ranked[:max_templates])


def _base_rate(table: ir.Table, blocked: str | None) -> float:
    if blocked is None:
        return 0.0
    share = table.agg(share=table[blocked].coalesce(False).cast("int8").mean()).to_pyarrow()
    return share["share"][0].as_py() or 0.0


def _forms(table: ir.Table, response: str, blocked: str | None, asked: str | None) -> ir.Table:
    """Short messages in normal form, each with how often, how often blocked, how many prompts."""
    import ibis

    answers = table.mutate(**{PREFIX + "answer": answer_text(table[response])})
    short = answers.filter(answers[PREFIX + "answer"].length() <= MAX_TEMPLATE_CHARS)
    rows = short.select(
        form=normal_form(short[PREFIX + "answer"]),
        blocked=short[blocked].coalesce(False).cast("int64") if blocked else ibis.null("int64"),
        asked=short[asked].cast("string") if asked else ibis.null("string"),
    )
    rows = rows.filter(rows.form.length() > 0)
    return rows.group_by("form").agg(
        n=rows.count(),
        blocked=rows.blocked.sum(),
        prompts=rows.asked.nunique() if asked else rows.count(),
    )


def _verbatim(forms: ir.Table, min_count: int) -> list[_Repeated]:
    rows = forms.filter(forms.n >= min_count).to_pyarrow().to_pylist()
    return [_Repeated(row["form"], row["n"], row["prompts"], row["blocked"]) for row in rows]


def _with_slot(forms: ir.Table, min_count: int) -> list[_Repeated]:
    """Messages that share both ends, or a long beginning, with something short that varies."""
    found: dict[str, _Repeated] = {}
    for head, tail in _EDGES:
        ends = forms.filter(forms.form.length() > head + tail)
        ends = ends.mutate(head=ends.form.left(head), tail=ends.form.right(tail))
        groups = ends.group_by(["head", "tail"]).agg(total=ends.n.sum(), variants=ends.count())
        groups = groups.filter((groups.total >= min_count) & (groups.variants > 1))
        members = ends.semi_join(groups, ["head", "tail"]).order_by("form").limit(MAX_VARIANTS)
        by_ends: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in members.to_pyarrow().to_pylist():
            by_ends.setdefault((row["head"], row["tail"]), []).append(row)
        for rows in by_ends.values():
            form = _slotted(row["form"] for row in rows)
            if form is not None:
                found.setdefault(form, _pooled(form, rows))
    return list(found.values())


def _pooled(form: str, rows: Sequence[dict[str, Any]]) -> _Repeated:
    known = all(row["blocked"] is not None for row in rows)
    return _Repeated(
        form,
        sum(row["n"] for row in rows),
        sum(row["prompts"] for row in rows),
        sum(row["blocked"] for row in rows) if known else None,
    )


def _slotted(forms: Iterable[str]) -> str | None:
    """What all the forms share at both ends, whole words only, with a slot between."""
    listed = list(forms)
    head = _shared_start(listed)
    head = head[: head.rfind(" ") + 1]
    rests = [form[len(head) :] for form in listed]
    tail = _shared_start([rest[::-1] for rest in rests])[::-1]
    # Begin the tail at a space or at punctuation, not inside a word of the slot.
    begin = re.search(r"[^\w]", tail)
    tail = tail[begin.start() :] if begin else ""
    fixed = len((head + tail).split())
    longest = max(len(rest) - len(tail) for rest in rests)
    if fixed < MIN_FIXED_WORDS or not 0 < longest <= MAX_SLOT_CHARS:
        return None
    if any(len(rest) <= len(tail) for rest in rests):
        return None
    return f"{head}{SLOT}{tail}"


def _shared_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    length = 0
    while length < len(first) and first[: length + 1] == last[: length + 1]:
        length += 1
    return first[:length]


def _speaks_of_refusal(forms: Sequence[str]) -> list[bool]:
    from trueup.judge.annotate import annotate_texts

    verdicts = annotate_texts([form.replace(SLOT, "this") for form in forms])["compliance"]
    return [
        verdict in {"partial", "refusal"} or _DEFLECTS.search(form) is not None
        for form, verdict in zip(forms, verdicts.to_pylist(), strict=True)
    ]
