"""The site's own block message: learned from repetition in the log, matched as an expression.

Generic phrase lists miss "Our assistant is only for billing". A template is a message that stands
in the log word for word, or with one varying stretch written as `SLOT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["SLOT", "learn_templates", "matches_template", "normal_form"]

SLOT = "{…}"
MAX_TEMPLATE_CHARS = 400
MAX_SLOT_CHARS = 120
MIN_FIXED_WORDS = 4
_EDGE_CHARS = 24
_WRAPPING_CHARS = 200  # white space, quotes or tags around a message

_SPACE = r"\s+"

# How a block message speaks when no block was logged beside it: it will not talk, or it can only
# talk of other things, or it names what was asked as out of bounds. Single words are not enough: an
# FAQ answer speaks of return policies, water filters and sorry delays, and is repeated as often.
_TALK = (
    "discuss|help|assist|answer|talk|respond|reply|comply|continue|provide|share|show|complete|"
    "ful ?fill?|engage|support|address|display|generate|comment|speak|advise|do (?:that|this)"
)
_ASKED = "request|message|question|content|prompt|response|topic|query|input|conversation|answer"
_DEFLECTS = "|".join(
    (
        rf"(?:can'?t|cannot|can not|unable to|not able to|won'?t|not allowed to|not permitted to"
        rf"|declines? to|not something|not going to)\b[^.!?]{{0,20}}\b(?:{_TALK})\b",
        rf"\b(?:can|could|am|'m|are|'re|is|'s) only (?:\w+ to )?(?:{_TALK})\b",
        rf"\b(?:{_ASKED})s?\b[^.!?]{{0,40}}\b(?:blocked|flagged|restricted|filtered|removed|violat\w+"
        r"|prohibited|inappropriate|not (?:allowed|permitted|supported|appropriate)|off[- ]limits"
        r"|out(?:side)? (?:of )?(?:the |my |our )?scope|against)\b",
        r"\b(?:violat\w+|against)\b[^.!?]{0,30}\b(?:polic(?:y|ies)|guidelines?|rules|terms)\b",
        r"\b(?:talk about|ask|try|discuss) (?:me )?(?:about )?"
        r"(?:something else|(?:a )?(?:different|another) (?:question|topic|subject))\b",
        r"\bout(?:side)? (?:of )?(?:the |my |our )scope\b",
    )
)


def normal_form(text: ir.StringValue) -> ir.StringValue:
    """Lower case, straight apostrophes, single spaces: how templates and responses are compared."""
    return text.lower().replace("’", "'").re_replace(_SPACE, " ").strip()


def matches_template(body: ir.StringValue, templates: Sequence[str]) -> ir.BooleanValue:
    """Whether a response, as a whole, is one of the templates."""
    import ibis

    cleaned = [" ".join(t.lower().replace("’", "'").split()) for t in templates]
    cleaned = [t for t in dict.fromkeys(cleaned) if t and t != SLOT]
    if not cleaned:
        return ibis.literal(False)
    exact = [t for t in cleaned if SLOT not in t]
    slotted = [t for t in cleaned if SLOT in t]
    normal = normal_form(body)
    hit: Any = ibis.literal(False)
    if exact:
        hit = hit | normal.isin(exact)
    if slotted:
        gap = f"(?s:.{{1,{MAX_SLOT_CHARS}}})"
        forms = (gap.join(re.escape(part) for part in t.split(SLOT)) for t in slotted)
        hit = hit | normal.re_search(f"^(?:{'|'.join(forms)})$")
    longest = max(map(len, cleaned)) * 2 + MAX_SLOT_CHARS
    return ibis.cases((body.length() <= longest, hit), else_=False)


def learn_templates(
    table: ir.Table,
    *,
    response: str = "response",
    blocked: str | None = None,
    prompt: str | None = None,
    min_count: int = 5,
    min_share_blocked: float = 0.5,
    max_templates: int = 20,
) -> tuple[str, ...]:
    """Find the messages by which this site refuses, from how its log repeats itself.

    A message is taken when it is short (up to 400 characters), stands at least `min_count` times
    (over as many different prompts, if `prompt` names a column), and there is evidence that it
    blocks: layers blocked at least `min_share_blocked` of those exchanges, or it speaks like a
    refusal or a deflection. A greeting or an FAQ answer has neither, however often it is repeated.

    Parameters
    ----------
    table
        The log, one row per exchange. One aggregation runs in its engine.
    response, blocked, prompt
        Names of columns: text, boolean, anything.
    min_count
        How often a message must be repeated, at least 2.
    min_share_blocked
        In (0, 1]. Also required to exceed twice the share of blocked exchanges in the whole log.
    max_templates
        Only the most frequent are kept.

    Returns
    -------
    Templates in lower case, most frequent first, a varying stretch written as `SLOT`.
    """
    repeated = _repeated(table, response, blocked, prompt, min_count)
    if not repeated:
        return ()
    base = _base_rate(table, blocked)
    found: dict[str, int] = {}
    for form, count, share, prompts in repeated:
        by_block = share is not None and share >= max(min_share_blocked, min(0.9, 2 * base))
        if prompts < min_count or not (by_block or _deflects(form)):
            continue
        found[form] = found.get(form, 0) + count
    ranked = sorted(found, key=lambda form: (-found[form], form))
    return tuple(ranked[:max_templates])


def _base_rate(table: ir.Table, blocked: str | None) -> float:
    if blocked is None:
        return 0.0
    share = table[blocked].coalesce(False).cast("int8").mean().execute()
    return float(share) if share is not None and share == share else 0.0


def _repeated(
    table: ir.Table, response: str, blocked: str | None, prompt: str | None, min_count: int
) -> list[tuple[str, int, float | None, int]]:
    """(form, count, share blocked, different prompts) of short messages, whole or around a slot."""
    import ibis

    from trueup.judge.features import answer_text

    # The cheap test first: most responses are too long to be a block message, whatever is in them.
    brief = table.filter(table[response].length() <= MAX_TEMPLATE_CHARS + _WRAPPING_CHARS)
    short = brief.mutate(_tu_short=answer_text(brief[response])).filter(
        lambda t: t["_tu_short"].length() <= MAX_TEMPLATE_CHARS
    )
    rows = short.select(
        form=normal_form(short["_tu_short"]),
        blocked=short[blocked].coalesce(False).cast("int8") if blocked else ibis.null("int8"),
        asked=short[prompt].cast("string") if prompt else ibis.null("string"),
    ).filter(lambda t: t.form.length() > 0)
    forms = rows.group_by("form").agg(
        n=rows.count(), blocked=rows.blocked.sum(), asked=rows.asked.nunique()
    )
    whole = forms.filter(forms.n >= min_count).to_pyarrow().to_pylist()
    seen = {row["form"] for row in whole}
    out = [_counted(row["form"], [row], prompt) for row in whole]
    edges = forms.mutate(head=forms.form.left(_EDGE_CHARS), tail=forms.form.right(_EDGE_CHARS))
    edges = edges.filter(edges.form.length() > 2 * _EDGE_CHARS - 10)
    groups = edges.group_by(["head", "tail"]).agg(
        variants=edges.count(), n=edges.n.sum(), example=edges.form.max()
    )
    heads = groups.filter((groups.n >= min_count) & (groups.variants > 1))
    members = edges.semi_join(heads, ["head", "tail"]).limit(20_000).to_pyarrow().to_pylist()
    by_edge: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in members:
        by_edge.setdefault((row["head"], row["tail"]), []).append(row)
    for rows_of in by_edge.values():
        form = _slotted([row["form"] for row in rows_of])
        if form and form not in seen:
            out.append(_counted(form, rows_of, prompt))
    return out


def _counted(
    form: str, rows: list[dict[str, Any]], prompt: str | None
) -> tuple[str, int, float | None, int]:
    n = sum(row["n"] for row in rows)
    known = all(row["blocked"] is not None for row in rows)
    share = sum(row["blocked"] for row in rows) / n if known else None
    asked = sum(row["asked"] for row in rows) if prompt else n
    return form, n, share, asked


def _slotted(forms: Iterable[str]) -> str | None:
    """What all the forms share at both ends, whole words only, with a slot between."""
    listed = list(forms)
    head = commonprefix(listed)  # noqa: RUF071 - of characters is what is meant
    tail = commonprefix([form[len(head) :][::-1] for form in listed])[::-1]  # noqa: RUF071
    head = head[: head.rfind(" ") + 1]
    tail = (
        tail[tail.find(" ") :] if " " in tail else (tail if tail and not tail[0].isalnum() else "")
    )
    if len((head + tail).split()) < MIN_FIXED_WORDS:
        return None
    longest = max(len(form) - len(head) - len(tail) for form in listed)
    return f"{head}{SLOT}{tail}" if 0 < longest <= MAX_SLOT_CHARS else None


def _deflects(form: str) -> bool:
    return re.search(_DEFLECTS, form) is not None
