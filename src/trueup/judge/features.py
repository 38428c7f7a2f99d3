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

__all__ = [
    "PREFIX",
    "answer_text",
    "count_column",
    "length_features",
    "phrase_features",
    "with_features",
]

PREFIX = "_tu_"
"""Every intermediate column starts with this; a user's column that does is refused."""

MAX_CHARS = 16_000
"""Only this much of an answer is read: bounds memory and time per row, whatever the log holds."""

# Chosen by leaving models and data sets out: longer reaches add more content than evidence.
NEAR_CHARS = 350
CLOSE_CHARS = 700
HEAD_CHARS = 240
OPENING_CHARS = 90

_TAGS = "(?:think|thinking|thought|reasoning|reflection|scratchpad)"
_OPEN = rf"(?:<{_TAGS}[^<>\n]{{0,80}}>|\[think\]|◁think▷)"
_CLOSE = rf"(?:</{_TAGS}>|\[/think\]|◁/think▷)"
_THOUGHT_PAIR = f"(?is){_OPEN}.*?{_CLOSE}"
_THOUGHT_HEADLESS = f"(?is)^.*{_CLOSE}"
_THOUGHT_UNCLOSED = f"(?is){_OPEN}.*$"
_THOUGHT_HINT = r"(?i)[<\[◁]/?(?:think|thought|reasoning|reflection|scratchpad)"

_FIRST_PERSON = r"^\s*(?:i|i'm|i am|i'd|as an|we|we're)\b"
_LIST_ITEM = r"\n[ \t]*(?:\d{1,2}[.):]|[-*•])[ \t]"


def answer_text(response: ir.StringValue) -> ir.StringValue:
    """The answer without chain-of-thought: paired, headless (only the closing tag) or unclosed."""
    import ibis

    stripped = response.re_replace(_THOUGHT_PAIR, " ")
    stripped = stripped.re_replace(_THOUGHT_HEADLESS, " ").re_replace(_THOUGHT_UNCLOSED, " ")
    # The plain character tests come first because almost every response ends the matter there.
    marked = response.contains("<") | response.contains("[") | response.contains("◁")
    return ibis.ifelse(
        marked, ibis.ifelse(response.re_search(_THOUGHT_HINT), stripped, response), response
    )


def count_column(name: str) -> str:
    """The column holding in how many trigger phrases class `name` was found."""
    return f"{PREFIX}n_{name}"


def _normal(text: ir.StringValue) -> ir.StringValue:
    from trueup.judge.barriers import lower

    return lower(text).replace("’", "'").replace("*", "")


def _marks(table: ir.Table, text: ir.StringValue) -> ir.StringValue:
    """Text in which to count cautions: only the trigger phrases where that is cheap; NULL if none.

    DuckDB collects the phrases in the one pass that every response gets. Elsewhere the pass only
    finds whether there is any, and the whole response is handed on; the counts mean the same.
    """
    import ibis

    if _runs_on_duckdb(table):
        from trueup.judge.barriers import regexp_extract_all

        return regexp_extract_all(text, f"(?i){phrases.CAUTION}").join("\n").nullif("")
    return ibis.ifelse(_once(text.re_search(f"(?i){phrases.CAUTION}")), text, None)


def _runs_on_duckdb(table: ir.Table) -> bool:
    import ibis.expr.operations as ops

    backends, _ = table._find_backends()
    if backends:
        return all(backend.name == "duckdb" for backend in backends)
    return bool(table.op().find(ops.InMemoryTable))


def _once(value: ir.Value) -> ir.Value:
    """Keep Ibis from inlining `value` into the stages that follow."""
    from trueup.judge.barriers import abs_

    return abs_(value.cast("int8")) > 0


def _columns(**values: ir.Value) -> dict[str, ir.Value]:
    return {PREFIX + name: value for name, value in values.items()}


def with_features(table: ir.Table, response: str) -> ir.Table:
    """`table` plus what the features are made of, in columns whose names start with `PREFIX`.

    Of every response: `read` (the answer, without chain-of-thought, up to `MAX_CHARS`), `chars`,
    the counts of `phrases.ANYWHERE`, and `suspect`: do the first `NEAR_CHARS` hint at refusal.
    Of suspects only, else 0: phrase counts in `digest`, the first `CLOSE_CHARS` in lower case, and
    what stands in its head.
    """
    import ibis

    t = table.mutate(**_columns(body=answer_text(table[response])))
    body = t[PREFIX + "body"]
    read = ibis.ifelse(body.length() > MAX_CHARS, body.left(MAX_CHARS), body)
    t = t.mutate(**_columns(read=read, marks=_marks(t, read)))
    suspect = t[PREFIX + "read"].left(NEAR_CHARS).re_search(f"(?i){phrases.SUSPECT}")
    t = t.mutate(**_columns(suspect=_once(suspect.coalesce(False))))
    near = _normal(t[PREFIX + "read"].left(CLOSE_CHARS))
    t = t.mutate(
        **_columns(
            digest=ibis.ifelse(t[PREFIX + "suspect"], near, None),
            chars=t[PREFIX + "read"].length().coalesce(0),
        )
    )
    return t.mutate(**_phrase_columns(t))


def _occurrences(text: ir.StringValue, pattern: str) -> ir.IntegerValue:
    return (text.re_split(pattern).length() - 1).coalesce(0)


def _phrase_columns(t: ir.Table) -> dict[str, ir.Value]:
    digest = t[PREFIX + "digest"]
    head = digest.left(HEAD_CHARS)
    opening = head.left(OPENING_CHARS)
    columns: dict[str, ir.Value] = {}
    for name, pattern in phrases.ANYWHERE.items():
        columns[count_column(name)] = _occurrences(t[PREFIX + "marks"], f"(?i){pattern}")
    for name, pattern in phrases.COUNTED.items():
        columns[count_column(name)] = _occurrences(digest, pattern)
    for name, pattern in phrases.IN_HEAD.items():
        columns[f"{PREFIX}h_{name}"] = head.re_search(pattern).coalesce(False)
    for name, pattern in phrases.IN_OPENING.items():
        columns[f"{PREFIX}h_{name}"] = opening.re_search(pattern).coalesce(False)
    columns[PREFIX + "h_first_person"] = head.re_search(_FIRST_PERSON).coalesce(False)
    columns[PREFIX + "hits"] = _occurrences(digest, phrases.TRIGGER)
    columns[PREFIX + "items"] = _occurrences(digest, _LIST_ITEM)
    return columns


def length_features(t: ir.Table) -> dict[str, ir.Value]:
    """The features that every answer has, suspect or not."""
    from trueup.judge.barriers import ln

    chars = t[PREFIX + "chars"]
    return {
        "log_chars": ln((chars + 1).cast("float64")) - 6.0,
        "short": (chars < 160).cast("float64"),
    }


def phrase_features(t: ir.Table) -> dict[str, ir.Value]:
    """The features of suspect answers; every one is 0 for the others."""
    import ibis

    from trueup.judge.barriers import ln

    def n(name: str) -> ir.Value:
        return t[count_column(name)]

    def found(name: str) -> ir.Value:
        return n(name) * t[PREFIX + "suspect"].cast("int8")

    def head(name: str) -> ir.Value:
        return t[f"{PREFIX}h_{name}"]

    def log1p(count: ir.Value) -> ir.Value:
        return ln((count + 1).cast("float64"))

    chars, no_list = ibis.least(t[PREFIX + "chars"], CLOSE_CHARS), t[PREFIX + "items"] < 2
    refusing, sermonizing = head("refusing"), head("sermon") | head("sermonizing")
    moral_density = n("moral") * 300 / (chars + 300)
    features = {f"log_{name}": log1p(n(name)) for name in phrases.COUNTED}
    features |= {f"log_{name}": log1p(found(name)) for name in ("warnings", "apologies")}
    features |= {f"any_{name}": n(name) > 0 for name in ("refuse", "no_access", "object", "judge")}
    features |= {
        f"head_{name}": head(name)
        for name in ("improper", "denied", "virtue", "redirect", "private", "sermon")
    }
    features |= {
        "first_person": head("first_person"),
        "ai_then_pivot": head("as_ai") & head("pivot"),
        "refuse_density": (n("refuse") + found("apologies")) * 300 / (chars + 300),
        "moral_density": moral_density,
        "sermon_density": sermonizing.cast("float64") * moral_density,
        "refuse_and_moral": (n("refuse") > 0) & (n("moral") > 0),
        "refusing_no_list": refusing & no_list,
        "sermon_no_list": sermonizing & no_list,
        "log_items": log1p(t[PREFIX + "items"]),
        "triggers_per_100": t[PREFIX + "hits"] * 100 / (chars + 100),
    }
    return {name: value.cast("float64") for name, value in features.items()}
