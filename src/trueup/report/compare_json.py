"""What `trueup compare --json` writes: a contract, described by what builds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trueup.report.compare_text import versions
from trueup.report.json_fields import Field, plain

if TYPE_CHECKING:
    from trueup.compare.result import Series

__all__ = ["KINDS", "SCHEMA_VERSION", "compare_json", "reference"]

SCHEMA_VERSION = 1  # rises when a key goes or changes its meaning; new keys leave it as it is


def compare_json(series: Series) -> dict[str, Any]:
    """Return the comparisons as plain dicts, lists, strings and numbers, ready for any JSON writer.

    With exactly two versions the keys of their one comparison are also at the top level, before
    `comparisons`. Unknown numbers are None, never 0. Texts are the models' own, not escaped for
    anything but JSON.
    """
    head = _object(SERIES, series)
    found = [_object(COMPARISON, one) for one in series.comparisons]
    return {**head, **(found[0] if len(found) == 1 else {}), "comparisons": found}


def reference() -> str:
    """The keys of every kind of object as Markdown tables, for the docs."""
    parts = []
    for title, fields in KINDS.items():
        parts += [f"### {title}", "", "| key | type | what it says |", "|---|---|---|"]
        parts += [f"| `{field.name}` | {field.type} | {field.doc} |" for field in fields]
        parts.append("")
    return "\n".join(parts).rstrip()


def _object(fields: Sequence[Field], value: Any) -> dict[str, Any]:
    return {field.name: plain(field.read(value)) for field in fields}


def _is(name: str, kind: str, doc: str) -> Field:
    """A key that is the attribute of the same name."""
    return Field(name, kind, doc, lambda value: getattr(value, name))


def _one(name: str, fields: Sequence[Field], kind: str, doc: str, of: str = "") -> Field:
    """A key that is an object read off an attribute, or null where that is None."""

    def read(value: Any) -> Any:
        found = getattr(value, of or name)
        return None if found is None else _object(fields, found)

    return Field(name, kind, doc, read)


def _many(name: str, fields: Sequence[Field], kind: str, doc: str) -> Field:
    def read(value: Any) -> Any:
        return [_object(fields, one) for one in getattr(value, name)]

    return Field(name, f"list of {kind}", doc, read)


INTERVAL = (
    _is("value", "number or null", "The figure; null means unknown."),
    _is("low", "number or null", "Lower confidence limit."),
    _is("high", "number or null", "Upper confidence limit."),
    _is("level", "number", "Confidence level, in (0, 1)."),
)
_LIMITS = "interval"

CHANGE = (
    _is("group", "string", '"legitimate", "harmful", or "all" where nobody said which is which.'),
    _is("n", "integer", "Prompts with a verdict on both sides."),
    _is(
        "refused_before",
        "integer",
        "How many of them were refused, wholly or in part; with several answers to a prompt, in at "
        "least half of them.",
    ),
    _is("refused_after", "integer", "The same after."),
    _is("newly_refused", "integer", "Answered before, refused after."),
    _is("newly_answered", "integer", "Refused before, answered after."),
    _one("rate_before", INTERVAL, _LIMITS, "Share refused before.", of="before"),
    _one("rate_after", INTERVAL, _LIMITS, "Share refused after.", of="after"),
    _one(
        "difference",
        INTERVAL,
        _LIMITS,
        "`rate_after` minus `rate_before`: times 100, percentage points.",
    ),
    _one("new_refusals", INTERVAL, _LIMITS, "Share newly refused: the flips, not the net."),
    _is("p_value", "number or null", 'Of "refusal is the same".'),
    _is(
        "equivalent",
        "boolean or null",
        "Whether the difference is shown to be within ± `margin`; null where nothing tells.",
    ),
    _is("margin", "number", 'What still counts as "no change", a share.'),
    _is(
        "n_needed",
        "integer or null",
        "Prompts that would give a firm answer; null where it is firm, or nothing tells.",
    ),
    _is("unpaired", "integer", "Prompts with a verdict on one side only, left out."),
    _is(
        "annotator_error",
        "number or null",
        "How far the difference may be off because the annotator misreads, inside its interval; "
        "null where labels stand behind it.",
    ),
    Field("method", "string", "How the difference was found.", lambda c: c.difference.method),
    Field(
        "assumptions",
        "list of strings",
        "What must hold for its interval to mean what it says.",
        lambda c: c.difference.assumptions,
    ),
)


def _of_change(field: Field) -> Field:
    """The same key read off a slice, which holds its change."""
    return Field(field.name, field.type, field.doc, lambda one: field.read(one.change))


SLICE = (
    _is("column", "string", "What the prompts were cut by."),
    _is("value", "string", "The value of that column."),
    *map(_of_change, CHANGE),
    _is("p_adjusted", "number or null", "Adjusted for all slices and groups (Holm)."),
)

MEASURE = (
    _is(
        "name",
        "string",
        '"full refusal", "partial refusal", "hedges", "disclaimers", "warnings", "words", or the '
        "name of a capability score.",
    ),
    _is("group", "string", "As above."),
    _is("unit", "string", '"share" (of answers with at least one), "words" or "score".'),
    _is("before", "number or null", "Mean before."),
    _is("after", "number or null", "Mean after."),
    _one("difference", INTERVAL, _LIMITS, "After minus before, in that unit."),
    _is("p_value", "number or null", 'Of "it is the same".'),
    _is("p_adjusted", "number or null", "Adjusted for all measures (Holm)."),
)

PHRASE = (
    _is("phrase", "string", "In lower case, as it was counted."),
    _is("group", "string", "As above."),
    _is("n", "integer", "Prompts that were looked at."),
    _is("before", "integer", "Prompts whose answer before holds the phrase."),
    _is("after", "integer", "The same after."),
    _is("p_adjusted", "number or null", "Adjusted for all phrases that were tried (Holm)."),
    Field(
        "where",
        "list of objects",
        "Slices in which most of the change lies: `slice` (column=value) and `n` prompts.",
        lambda p: [{"slice": place, "n": count} for place, count in p.where],
    ),
    _is("keys", "list of strings", "Some of the prompts, by key."),
)

NOISE = (
    _one("before", INTERVAL, "interval or null", "Share of prompts on which two answers of the "
         "first version differ; null where each was asked once."),
    _one("after", INTERVAL, "interval or null", "The same for the second version."),
    _one("between", INTERVAL, _LIMITS, "Share of prompts on which an answer of each differ."),
    _one("excess", INTERVAL, "interval or null", "`between` minus the mean of the two floors: what "
         "the change itself did."),
    _is("samples", "integer", "The fewest answers to a prompt, on either side."),
)  # fmt: skip

FLIP = (
    _is("key", "string", "The prompt's key."),
    _is("group", "string", "As above."),
    _is("direction", "string", '"newly refused" or "newly answered".'),
    _is("prompt", "string", "What was asked."),
    _is("before", "string", "The answer before."),
    _is("after", "string", "The answer after."),
    _is("verdict_before", "string", '"full", "partial" or "refusal".'),
    _is("verdict_after", "string", "The same after."),
    _is("slices", "list of strings", "Where it lies, as column=value."),
)

COUNT = (
    Field("group", "string", "As above.", lambda one: one[0][0]),
    Field("direction", "string", "As above.", lambda one: one[0][1]),
    Field("n", "integer", "How many there are.", lambda one: one[1]),
)

COMPARISON = (
    Field("before", "string", "Name of the version before.", lambda c: c.before.name),
    Field("after", "string", "Name of the version after.", lambda c: c.after.name),
    _is("verdict", "string", "The finding in a few words."),
    _is("sentence", "string", "The finding in a sentence."),
    _one("legitimate", CHANGE, "change or null", "Refusal of prompts that ought to be answered; "
         "null when there is none. Of all prompts where nobody said which are."),
    _one("harmful", CHANGE, "change or null", "Refusal of prompts that ought to be refused."),
    _many("slices", SLICE, "slices", "The same in every slice."),
    _many("measures", MEASURE, "measures", "What else changed."),
    _many("phrases", PHRASE, "phrases", "Phrases that came or went, beyond chance."),
    _one("noise", NOISE, "noise", "How much of it asking again would do."),
    _many("flips", FLIP, "flips", "Prompts whose verdict changed; may hold fewer than there are."),
    Field("n_flips", "list of counts", "How many there are of each kind.",
          lambda c: [_object(COUNT, one) for one in c.n_flips.items()]),
    _is("truth", "string", '"labels" (people said what each answer did), "corrected" (the '
        'annotator, corrected by some labels) or "annotator" (unverified).'),
    _is("n_labeled", "integer", "Answers with a label."),
    _is("only_before", "integer", "Prompts that only the version before was asked."),
    _is("only_after", "integer", "Prompts that only the version after was asked."),
    _is("level", "number", "Confidence level, in (0, 1)."),
    _is("assumptions", "list of strings", "What must hold for the intervals to mean what they "
        "say."),
    _is("warnings", "list of strings", "What to know before quoting a number."),
)  # fmt: skip

POINT = (
    _is("version", "string", "Name of the version."),
    _is("order", "string or null", "Its value in the column that orders the versions."),
    _one("tax", INTERVAL, _LIMITS, "Share of legitimate prompts refused."),
    _one("risk", INTERVAL, _LIMITS, "Share of harmful prompts answered; `high` is its one-sided "
         "upper limit."),
    _one("capability", INTERVAL, "interval or null", "Mean score."),
    _is("pareto", "boolean", "Whether no other version is better on all of them."),
    _is("p", "number or null", 'Of "the risk is above `alpha`".'),
    _is("certified", "boolean", "Whether the risk is certified to be at most `alpha`."),
    _is("chosen", "boolean", "The certified version with the least tax."),
)  # fmt: skip

FRONTIER = (
    _many("points", POINT, "points", "Every version, in their order."),
    _is("alpha", "number", "Bound on the risk: 1 minus the safety that was asked for."),
    _is("delta", "number", "Probability that a certified bound does not hold."),
    _is("tradeoff", "number or null", "Spearman's rank correlation of refusing legitimate and "
        "refusing harmful prompts, over the versions; null with fewer than three."),
    _is("needed", "integer", "Harmful prompts at which a version that misses none would be "
        "certified."),
    _is("n_harmful", "integer", "Harmful prompts that there are."),
    _is("capability_name", "string or null", "What `capability` is."),
    _is("sentence", "string", "Which version to take, or that none is certified."),
    _is("procedure", "string", "How that was decided."),
)  # fmt: skip

VERSION = (
    _is("name", "string", "Its name."),
    _is("order", "string or null", "Its value in the column that orders the versions."),
    _is("n_rows", "integer", "Answers."),
    _is("n_prompts", "integer", "Different prompts."),
    _is("samples", "integer", "The most answers that one prompt has."),
    _is("unknown", "object", 'Answers without a verdict, by what is wrong: "error", "empty", '
        '"undetermined".'),
)  # fmt: skip


def _written(_: Series) -> str:
    from trueup import __version__

    return __version__


SERIES = (
    Field("trueup", "string", "Version of trueup that wrote this.", _written),
    Field("kind", "string", 'Always "compare".', lambda _: "compare"),
    Field("schema_version", "integer", "Rises when a key goes or changes its meaning; new keys may "
          "come at any time.", lambda _: SCHEMA_VERSION),
    Field("versions", "list of versions", "Every version, the one before first.",
          lambda s: [_object(VERSION, one) for one in versions(s)]),
    _one("frontier", FRONTIER, "frontier or null", "All versions together; null when no prompt is "
         "known to be harmful, or none to be legitimate."),
    _many("comparisons", COMPARISON, "comparisons", "Each later version against the first; at "
          "least one."),
)  # fmt: skip

KINDS = {
    "Top level": SERIES,
    "Comparison": COMPARISON,
    "Change": CHANGE,
    "Slice": SLICE,
    "Measure": MEASURE,
    "Phrase": PHRASE,
    "Noise": NOISE,
    "Flip": FLIP,
    "Count": COUNT,
    "Interval": INTERVAL,
    "Frontier": FRONTIER,
    "Point": POINT,
    "Version": VERSION,
}
