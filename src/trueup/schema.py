"""The tables through which the areas meet.

Each table is declared once, here. The declaration yields the Arrow schema, the validation of
incoming rows, the tables in the workspace and the reference page in the docs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.errors import TrueupError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ACTIONS",
    "ANNOTATIONS",
    "ANSWERS",
    "CERTIFICATES",
    "COMPLIANCE",
    "FILES",
    "FILTER_REASONS",
    "IMPORTS",
    "INTERACTIONS",
    "LABELS",
    "LAYER_EVENTS",
    "OUTCOMES",
    "OUTCOME_KINDS",
    "QUARANTINE",
    "RESPONSES",
    "STATUSES",
    "SUITE",
    "TABLES",
    "TRIGGER_TYPES",
    "Column",
    "SchemaError",
    "Table",
]

ACTIONS = ("allow", "warn", "rewrite", "escalate", "block")
OUTCOME_KINDS = (
    "thumb",
    "rating",
    "edit",
    "regenerate",
    "copy",
    "rephrase",
    "retry",
    "abandon",
    "complete",
    "return",
)
COMPLIANCE = ("full", "partial", "refusal", "undetermined")

# The answers that a label may give, by question. `mismatch`: the written policy forbids it, and the
# policy is wrong. `unable`: refused because it could not, not because it would not.
ANSWERS: dict[str, tuple[str, ...]] = {
    "legitimate": ("yes", "no", "mismatch", "unsure"),
    "compliance": ("full", "partial", "refusal", "unable", "undetermined"),
}

# Finish reasons by which a provider says that its filter, not the model, ended the answer: OpenAI
# and Azure, Anthropic, Google, Bedrock, Mistral, Cohere, and gateways in front of them; lower case.
FILTER_REASONS = frozenset(
    """
    content_filter content_filtered content-filter contentfilter filtered refusal safety
    image_safety blocklist prohibited_content spii recitation guardrail_intervened guardrail
    guardrails blocked policy_violation moderation error_toxic model_armor sensitive
    """.split()  # noqa: SIM905
)

STATUSES = ("answered", "empty", "blocked", "error")

# Why a word that sounds like harm is harmless in a prompt, after the types of XSTest (Röttger et
# al. 2023, Table 1), with the kinds that working people meet.
TRIGGER_TYPES = (
    "homonym",  # another meaning: kill a process
    "figurative",  # a figure of speech: murder the competition
    "professional",  # the job needs it: a lethal dose for a toxicology note
    "protective",  # to prevent, detect, treat or report it
    "historical",  # what happened, or what the law says of it
    "fictional",  # in a story, a game, a film
    "definition",  # what a word means
    "own affairs",  # the person's own account, body, data, property
)


class SchemaError(TrueupError):
    """Rows that do not fit the declared table: a bug in whatever produced them."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `type` is one of string, float, int, bool, timestamp, map."""

    name: str
    type: str
    doc: str
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One declared table; `key` is the column that identifies a row."""

    name: str
    doc: str
    key: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def arrow(self) -> pa.Schema:
        """The Arrow schema; required columns are not nullable."""
        import pyarrow as pa

        types = _arrow_types()
        return pa.schema(
            [pa.field(c.name, types[c.type], nullable=not c.required) for c in self.columns]
        )

    def from_rows(self, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
        """Build the Arrow table from dicts; absent columns are null. Raises `SchemaError`."""
        listed = list(rows)
        return self.from_columns({name: [row.get(name) for row in listed] for name in self.names})

    def from_columns(self, columns: Mapping[str, Any]) -> pa.Table:
        """Build the Arrow table from columns of equal length. Raises `SchemaError`."""
        import pyarrow as pa

        schema = self.arrow()
        unknown = set(columns) - set(self.names)
        if unknown:
            raise SchemaError(f"{self.name} has no column {sorted(unknown)[0]!r}")
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            raise SchemaError(f"{self.name}: columns differ in length: {sorted(lengths)}")
        size = lengths.pop() if lengths else 0
        arrays = []
        for field in schema:
            values = columns.get(field.name)
            try:
                arrays.append(
                    pa.nulls(size, field.type) if values is None else pa.array(values, field.type)
                )
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise SchemaError(f"{self.name}.{field.name}: {error}") from error
        table = pa.Table.from_arrays(arrays, schema=schema)
        self.validate(table)
        return table

    def validate(self, table: pa.Table) -> None:
        """Raise `SchemaError` unless the rows have these columns, required values and choices."""
        import pyarrow.compute as pc

        if tuple(table.column_names) != self.names:
            raise SchemaError(
                f"{self.name}: expected columns {self.names}, got {table.column_names}"
            )
        for column in self.columns:
            values = table.column(column.name)
            if column.required and values.null_count:
                raise SchemaError(
                    f"{self.name}.{column.name} is required, got {values.null_count} nulls"
                )
            if not column.choices:
                continue
            for got in pc.unique(values).to_pylist():
                if got is not None and got not in column.choices:
                    raise SchemaError(
                        f"{self.name}.{column.name} must be one of {column.choices}, got {got!r}"
                    )


def _arrow_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "string": pa.string(),
        "float": pa.float64(),
        "int": pa.int64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "map": pa.map_(pa.string(), pa.string()),
    }


INTERACTIONS = Table(
    "interactions",
    "One exchange as the user saw it.",
    "id",
    (
        Column("id", "string", "The log's own id, else a hash of the content.", required=True),
        Column("content_hash", "string", "Hash of the whole record as imported.", required=True),
        Column("at", "timestamp", "When the user asked (UTC)."),
        Column("conversation_id", "string", "Groups the turns of one conversation."),
        Column("user_id", "string", "Pseudonym of the user: a hash, never the raw id."),
        Column(
            "messages",
            "string",
            "The conversation up to the response, JSON list of role and content.",
        ),
        Column("prompt", "string", "Text of the last user message."),
        Column("response", "string", "What the user was shown; null when nothing was recorded."),
        Column(
            "finish_reason", "string", "As the provider gave it: stop, length, content_filter, …"
        ),
        Column("model", "string", "Model that answered."),
        Column("prompt_version", "string", "Version of the system prompt."),
        Column("policy_version", "string", "Version of the safety policy or guard stack."),
        Column("sampling", "string", "Sampling parameters, JSON object."),
        Column("arm", "string", "Experiment arm, such as enforced or holdout."),
        Column("propensity", "float", "Probability with which this arm was drawn, in (0, 1]."),
        Column("latency_ms", "float", "End-to-end latency that the user waited, milliseconds."),
        Column("segments", "map", "The log's own slices, such as domain=legal."),
        Column("source", "string", "File that the row came from."),
    ),
)

LAYER_EVENTS = Table(
    "layer_events",
    "One intervention point that looked at one interaction.",
    "id",
    (
        Column(
            "id",
            "string",
            "Hash of interaction, layer, stage, category and position.",
            required=True,
        ),
        Column("interaction_id", "string", "The interaction it looked at.", required=True),
        Column("layer", "string", "Name of the guard, filter or provider block.", required=True),
        Column("position", "int", "Order in the stack, from 0."),
        Column("stage", "string", "What it looked at.", choices=("input", "output")),
        Column("category", "string", "What it looked for, such as violence."),
        Column("score", "float", "Its score; at or above the threshold it fires."),
        Column("threshold", "float", "The threshold in force."),
        Column(
            "fired", "bool", "Score at or above threshold, or any action but allow.", required=True
        ),
        Column("action", "string", "What was done to the user.", required=True, choices=ACTIONS),
        Column("latency_ms", "float", "Time the layer took, milliseconds."),
        Column("config_version", "string", "Version of the layer's configuration."),
        Column(
            "failure",
            "string",
            "Why the layer gave no verdict, such as a timeout; null when it gave one. "
            "`action` is then what the stack does when a layer fails.",
        ),
    ),
)

OUTCOMES = Table(
    "outcomes",
    "One thing the user did next.",
    "id",
    (
        Column("id", "string", "Hash of interaction, kind, value and time.", required=True),
        Column("interaction_id", "string", "The interaction it followed.", required=True),
        Column("kind", "string", "What it was.", required=True, choices=OUTCOME_KINDS),
        Column(
            "value",
            "float",
            "1 yes, 0 no; thumb 1 up, 0 down; rating on its own scale.",
            required=True,
        ),
        Column("at", "timestamp", "When it was observed (UTC)."),
        Column("simulated", "bool", "True when made by a simulation, not by a person."),
    ),
)

LABELS = Table(
    "labels",
    "One answer to one question about one interaction.",
    "id",
    (
        Column("id", "string", "Hash of target, question, source and rater.", required=True),
        Column("target_id", "string", "The interaction that was judged.", required=True),
        Column("question", "string", "What was asked.", required=True, choices=tuple(ANSWERS)),
        Column("value", "string", "The answer; the choices depend on the question.", required=True),
        Column(
            "source", "string", "Who answered.", required=True, choices=("human", "judge", "rule")
        ),
        Column("rater", "string", "Name of the person, judge model or rule."),
        Column("guideline_version", "string", "Version of the guideline the rater followed."),
        Column("at", "timestamp", "When the answer was given (UTC)."),
        Column(
            "probability",
            "float",
            "Probability, in (0, 1], with which the interaction was drawn for labelling; "
            "null when it was chosen by hand.",
        ),
    ),
)

ANNOTATIONS = Table(
    "annotations",
    "What the fast annotator says of one response.",
    "interaction_id",
    (
        Column("interaction_id", "string", "The interaction annotated.", required=True),
        Column("compliance", "string", "The verdict.", required=True, choices=COMPLIANCE),
        Column("p_full", "float", "Probability that the response complied."),
        Column("p_partial", "float", "Probability that it refused in part."),
        Column("p_refusal", "float", "Probability that it refused."),
        Column("hedges", "int", "Count of hedging phrases."),
        Column("disclaimers", "int", "Count of disclaimers."),
        Column("warnings", "int", "Count of warnings."),
        Column("apologies", "int", "Count of apologies."),
        Column("judgements", "int", "Count of phrases that judge the user."),
        Column("deflections", "int", "Count of redirections elsewhere."),
        Column("inabilities", "int", "Count of statements of inability."),
        Column(
            "basis",
            "string",
            "What the verdict rests on.",
            required=True,
            choices=("text", "template", "block", "empty"),
        ),
        Column("annotator_version", "string", "Version of the annotator's weights.", required=True),
    ),
)

QUARANTINE = Table(
    "quarantine",
    "One record that could not be imported.",
    "id",
    (
        Column("id", "string", "Hash of file, line and reason.", required=True),
        Column("file", "string", "The file.", required=True),
        Column("line", "int", "Line, row or record number, from 1.", required=True),
        Column("reason", "string", "One sentence.", required=True),
        Column("excerpt", "string", "The first 200 characters of the record."),
    ),
)

IMPORTS = Table(
    "imports",
    "One file that was imported to its end.",
    "id",
    (
        Column("id", "string", "Hash of path and format.", required=True),
        Column("file", "string", "The file.", required=True),
        Column("format", "string", "The format detected or named.", required=True),
        Column("records", "int", "Records read.", required=True),
        Column("added", "int", "Interactions that were new.", required=True),
        Column("quarantined", "int", "Records set aside.", required=True),
        Column("at", "timestamp", "When the import ended (UTC).", required=True),
    ),
)

CERTIFICATES = Table(
    "certificates",
    "One policy that was certified on this workspace: thresholds with a bound on what they miss.",
    "id",
    (
        Column("id", "string", "Hash of the certificate.", required=True),
        Column("at", "timestamp", "When it was made (UTC).", required=True),
        Column(
            "changes",
            "string",
            "JSON list of changes: layer, segment, from and to; a threshold of null is off.",
            required=True,
        ),
        Column("risk", "string", "What is bounded.", required=True, choices=("miss", "new_miss")),
        Column("alpha", "float", "The bound that was asked for, a share.", required=True),
        Column("delta", "float", "Probability that the bound fails.", required=True),
        Column("risk_bound", "float", "The bound that was reached, a share.", required=True),
        Column("won_back", "float", "Legitimate traffic won back, a share.", required=True),
        Column("won_back_low", "float", "Its lower limit.", required=True),
        Column("won_back_high", "float", "Its upper limit.", required=True),
        Column("level", "float", "Confidence level of those limits.", required=True),
        Column(
            "examples",
            "string",
            "JSON list of ids of interactions that would newly pass.",
            required=True,
        ),
        Column("n", "int", "Interactions that the policy was replayed on.", required=True),
        Column("n_labeled", "int", "Labelled interactions behind it.", required=True),
        Column("certificate", "string", "The certificate itself, JSON.", required=True),
    ),
)

SUITE = Table(
    "suite",
    "One prompt of a suite, a line of its JSONL file.",
    "id",
    (
        Column("id", "string", "Unique in the suite.", required=True),
        Column("prompt", "string", "What is asked.", required=True),
        Column("legitimate", "bool", "Whether it ought to be answered; null when nobody said."),
        Column("pair", "string", "Groups a legitimate prompt with its harmful twin."),
        Column("domain", "string", "Field of work, such as medical."),
        Column("trigger", "string", "The words in it that a careless guard takes for harm."),
        Column("trigger_type", "string", "Why they are harmless here.", choices=TRIGGER_TYPES),
        Column("approved", "bool", "False: mined from a log and not approved by anyone yet."),
    ),
)

RESPONSES = Table(
    "responses",
    "One answer of one version to one prompt, a line of what `trueup probe` writes.",
    "id",
    (
        Column(
            "id", "string", "Version, prompt and sample in one; unique in a run.", required=True
        ),
        Column(
            "prompt_id", "string", "The prompt's id: what versions are paired by.", required=True
        ),
        Column("sample", "int", "Which of the repeats it is, from 0.", required=True),
        Column("version", "string", "What answered: model, system prompt, stack.", required=True),
        Column("suite", "string", "Name and version of the suite, such as medical@1."),
        Column("model", "string", "Model that was asked."),
        Column("prompt_version", "string", "Name of the system prompt, if there was one."),
        Column("policy_version", "string", "Name of the guard stack, if there was one."),
        Column("prompt", "string", "What was asked.", required=True),
        Column("response", "string", "The answer; null when there is none."),
        Column(
            "status",
            "string",
            "answered; empty: nothing but blanks came back; blocked: by the provider's filter or a "
            "guard; error: no answer after all attempts.",
            required=True,
            choices=STATUSES,
        ),
        Column("reason", "string", "What blocked it, or why it failed."),
        Column("finish_reason", "string", "As the provider gave it: stop, length, content_filter."),
        Column("legitimate", "bool", "As the suite says."),
        Column("pair", "string", "As the suite says."),
        Column("domain", "string", "As the suite says."),
        Column("trigger", "string", "As the suite says."),
        Column("trigger_type", "string", "As the suite says."),
        Column("seed", "int", "Seed that was sent with the request."),
        Column("sampling", "string", "Sampling parameters, JSON object."),
        Column("guardrails", "string", "What each guard of the stack said, JSON list."),
        Column("latency_ms", "float", "Time until the answer was whole, milliseconds."),
        Column("input_tokens", "int", "Tokens read, as the provider counted."),
        Column("output_tokens", "int", "Tokens written, as the provider counted."),
        Column("cost", "float", "Price in US dollars, where it is known."),
        Column("at", "timestamp", "When it was answered (UTC)."),
    ),
)

FILES: dict[str, Table] = {table.name: table for table in (SUITE, RESPONSES)}

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        INTERACTIONS,
        LAYER_EVENTS,
        OUTCOMES,
        LABELS,
        ANNOTATIONS,
        CERTIFICATES,
        QUARANTINE,
        IMPORTS,
    )
}
