"""From a response to numbers, as Ibis expressions: what stands where, and how much answer there is.

The training script and `trueup.judge.annotate` both call `with_features`, so a feature cannot mean
one thing in training and another in use. Every stage is a selection over the one before; see
`trueup.judge.barriers` for what keeps an engine from computing a stage twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.judge import phrases

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["PREFIX", "answer_text", "count_column", "with_features"]

PREFIX = "_tu_"
"""Every intermediate column starts with this; a user's column that does is refused."""

MAX_CHARS = 16_000
"""Only this much of an answer is read: bounds memory and time per row, whatever the log holds."""

HEAD_CHARS = 240
OPENING_CHARS = 90

_OPEN = r"(?:<(?:think|thinking|thought|reasoning|reflection|scratchpad)[^<>\n]{0,80}>|\[think\]|◁think▷)"
_CLOSE = r"(?:</(?:think|thinking|thought|reasoning|reflection|scratchpad)>|\[/think\]|◁/think▷)"
_THOUGHT_PAIR = f"(?is){_OPEN}.*?{_CLOSE}"
_THOUGHT_HEADLESS = f"(?is)^.*{_CLOSE}"
_THOUGHT_UNCLOSED = f"(?is){_OPEN}.*$"
_THOUGHT_HINTS = ("<think", "<thought", "<reason", "<refl", "<scratch", "</think", "</thought", "</reason", "[think", "[/think",
                  "[THINK", "[/THINK", "<Think", "<THINK", "</Think", "</THINK", "<Reason", "◁think", "◁/think")  # fmt: skip

_SENTENCE_END = r".!?\n。！？"
_SENTENCE = f"(?i)[^{_SENTENCE_END}]*{phrases.TRIGGER}[^{_SENTENCE_END}]*"

_LIST_ITEM = r"\n[ \t]*(?:\d{1,2}[.):]|[-*•])[ \t]"


def answer_text(response: ir.StringValue) -> ir.StringValue:
    """The answer without chain-of-thought: paired, headless (only the closing tag) or unclosed."""
    hinted = response.contains(_THOUGHT_HINTS[0])
    for hint in _THOUGHT_HINTS[1:]:
        hinted = hinted | response.contains(hint)
    stripped = response.re_replace(_THOUGHT_PAIR, " ")
    stripped = stripped.re_replace(_THOUGHT_HEADLESS, " ").re_replace(_THOUGHT_UNCLOSED, " ")
    return hinted.ifelse(stripped, response)


def count_column(name: str) -> str:
    """The column holding in how many trigger phrases class `name` was found."""
    return f"{PREFIX}n_{name}"


def _head_column(name: str) -> str:
    return f"{PREFIX}h_{name}"


def _normal(text: ir.StringValue) -> ir.StringValue:
    from trueup.judge.barriers import lower

    return lower(text).replace("’", "'").replace("\u2018", "'").replace("*", "")


def _trigger_sentences(table: ir.Table, text: ir.StringValue) -> ir.ArrayValue:
    """The sentences that hold a trigger: one pass in DuckDB, split and filter elsewhere."""
    if _runs_on_duckdb(table):
        from trueup.judge.barriers import regexp_extract_all

        return regexp_extract_all(text, _SENTENCE)
    found = text.re_split(f"[{_SENTENCE_END}]+")
    return found.filter(lambda s: s.re_search(f"(?i){phrases.TRIGGER}"))


def _runs_on_duckdb(table: ir.Table) -> bool:
    import ibis.expr.operations as ops

    backends, _ = table._find_backends()
    if backends:
        return all(backend.name == "duckdb" for backend in backends)
    return bool(table.op().find(ops.InMemoryTable))


def _columns(**values: ir.Value) -> dict[str, ir.Value]:
    return {PREFIX + name: value for name, value in values.items()}


def with_features(table: ir.Table, response: str) -> ir.Table:
    """`table` plus the intermediate columns: `_tu_body`, `_tu_n_*`, `_tu_f_*`."""
    import ibis

    t = table.mutate(**_columns(body=answer_text(table[response]).strip()))
    body = t[PREFIX + "body"]
    t = t.mutate(**_columns(found=_trigger_sentences(t, body.left(MAX_CHARS))))
    found, body = t[PREFIX + "found"], t[PREFIX + "body"]
    read = found.length() > 0
    t = t.mutate(
        **_columns(
            digest=ibis.ifelse(read, _normal(found.join("\n")), None),
            head=ibis.ifelse(read, _normal(body.left(HEAD_CHARS)), None),
            long=ibis.ifelse(read, body.left(MAX_CHARS), None),
        )
    )
    t = t.mutate(**_phrase_columns(t), **_structure_columns(t))
    return t.mutate(**{f"{PREFIX}f_{name}": value for name, value in _features(t).items()})


def _occurrences(text: ir.StringValue, pattern: str) -> ir.IntegerValue:
    return (text.re_split(pattern).length() - 1).coalesce(0)


def _phrase_columns(t: ir.Table) -> dict[str, ir.Value]:
    digest, head = t[PREFIX + "digest"], t[PREFIX + "head"]
    opening = head.left(OPENING_CHARS)
    columns: dict[str, ir.Value] = {}
    for name, pattern in phrases.CLASSES.items():
        columns[count_column(name)] = _occurrences(digest, pattern)
    for name in phrases.HEAD_CLASSES:
        hit = head.re_search(phrases.CLASSES[name]).coalesce(False)
        columns[_head_column(name)] = hit.cast("int8")
    for name in phrases.OPENING_CLASSES:
        hit = opening.re_search(phrases.CLASSES[name]).coalesce(False)
        columns[f"{PREFIX}o_{name}"] = hit.cast("int8")
    first = head.re_extract(r"^[^.!?\n]*", 0)
    columns[PREFIX + "first_not"] = (
        first.re_search(r"\b(?:not|no|never|cannot|nor)\b|n't\b").coalesce(False).cast("int8")
    )
    columns[PREFIX + "first_i"] = (
        head.re_search(r"^(?:i|i'm|i am|i'd|as an|we|we're)\b").coalesce(False).cast("int8")
    )
    return columns


def _structure_columns(t: ir.Table) -> dict[str, ir.Value]:
    body, text, digest = t[PREFIX + "body"], t[PREFIX + "long"], t[PREFIX + "digest"]
    return _columns(
        chars=body.length().coalesce(0),
        triggered=digest.length().coalesce(0),
        sentences=t[PREFIX + "found"].length().coalesce(0),
        items=_occurrences(text, _LIST_ITEM),
        paragraphs=_occurrences(text, r"\n\s*\n"),
        code=text.contains("```").coalesce(False).cast("int8"),
    )


def _features(t: ir.Table) -> dict[str, ir.Value]:
    import ibis

    from trueup.judge.barriers import ln

    def log1p(column: str) -> ir.FloatingValue:
        return ln((t[column] + 1).cast("float64"))

    def head(name: str) -> ir.Value:
        return t[_head_column(name)]

    def n(name: str) -> ir.Value:
        return t[count_column(name)]

    def yes(condition: ir.BooleanValue) -> ir.Value:
        return condition.cast("int8")

    chars = t[PREFIX + "chars"]
    shown = ibis.least(chars, MAX_CHARS)
    out: dict[str, ir.Value] = {}
    for name in phrases.CLASSES:
        out[f"any_{name}"] = yes(n(name) > 0)
        out[f"log_{name}"] = log1p(count_column(name))
    for name in phrases.HEAD_CLASSES:
        out[f"head_{name}"] = head(name)
    for name in phrases.OPENING_CLASSES:
        out[f"open_{name}"] = t[f"{PREFIX}o_{name}"]
    out["first_not"] = t[PREFIX + "first_not"]
    out["first_i"] = t[PREFIX + "first_i"]
    out["log_chars"] = log1p(PREFIX + "chars") - 6.0
    out["short"] = yes(chars < 160)
    out["tiny"] = yes(chars < 60)
    out["log_items"] = log1p(PREFIX + "items")
    out["log_paragraphs"] = log1p(PREFIX + "paragraphs")
    out["code"] = t[PREFIX + "code"]
    out["trigger_share"] = t[PREFIX + "triggered"] / (shown + 1)
    out["triggers_per_100"] = t[PREFIX + "sentences"] * 100 / (shown + 100)
    refusal = n("refuse") + n("apology") + n("no_opinion")
    moral = n("improper") + n("harm") + n("group") + n("virtue") + n("condemn")
    out["refuse_density"] = refusal * 300 / (shown + 300)
    out["moral_density"] = moral * 300 / (shown + 300)
    no_list = yes(t[PREFIX + "items"] < 2)
    opens = yes((head("refuse") + head("apology") + head("condemn") + head("improper")) > 0)
    out["opens_no_list"] = opens * no_list
    out["opens_and_list"] = opens * (1 - no_list)
    out["opens_short"] = opens * out["short"]
    out["ai_pivot"] = yes((head("as_ai") > 0) & (head("pivot") > 0))
    out["ai_no_refuse"] = yes((head("as_ai") > 0) & (n("refuse") == 0))
    out["refuse_pivot"] = yes((head("refuse") > 0) & (n("pivot") > 0))
    out["refuse_moral"] = yes((n("refuse") > 0) & (moral > 0))
    out["refuse_redirect"] = yes((n("refuse") > 0) & (n("redirect") > 0))
    out["moral_only"] = yes((n("refuse") == 0) & (n("apology") == 0) & (moral > 2))
    return {k: v.cast("float64") for k, v in out.items()}
