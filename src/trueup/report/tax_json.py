"""The tax report as JSON: a contract for dashboards and gates, described by what builds it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trueup.report.json_fields import Field, plain

if TYPE_CHECKING:
    from trueup.stats import Estimate
    from trueup.tax.result import TaxReport

__all__ = ["ESTIMATE_FIELDS", "FIELDS", "SCHEMA_VERSION", "reference", "tax_json"]

SCHEMA_VERSION = 1  # rises when a key goes or changes its meaning; new keys leave it as it is


def tax_json(report: TaxReport) -> dict[str, Any]:
    """Return the report as plain dicts, lists, strings and numbers, ready for any JSON writer.

    Unknown numbers are None, never 0. Texts are the log's own, not escaped for anything but JSON.
    """
    return {field.name: plain(field.read(report)) for field in FIELDS}


def reference() -> str:
    """The keys as two Markdown tables, for the docs."""
    return "\n".join(
        [
            "| key | type | what it says |",
            "|---|---|---|",
            *(f"| `{field.name}` | {field.type} | {field.doc} |" for field in FIELDS),
            "",
            "An estimate:",
            "",
            "| key | type | what it says |",
            "|---|---|---|",
            *(f"| `{name}` | {kind} | {doc} |" for name, kind, doc in ESTIMATE_FIELDS),
        ]
    )


def _version(_: TaxReport) -> str:
    from trueup import __version__

    return __version__


def _overview(report: TaxReport) -> dict[str, Any]:
    overview = asdict(report.overview)
    for end in ("first", "last"):
        overview[end] = overview[end] and overview[end].isoformat()
    return overview


def _action(action: Any) -> dict[str, Any]:
    return {
        "title": action.title,
        "sentence": action.sentence,
        "recoverable": _estimate(action.recoverable),
        "risk": _estimate(action.risk),
        "certified": action.certified,
        "example_ids": action.example_ids,
    }


def _trigger(row: Any) -> dict[str, Any]:
    return {
        "term": row.term,
        "n": row.n,
        "refused": _estimate(row.refused),
        "base": row.base,
        "lost_points": row.lost_points,
        "layer": row.layer,
        "example_ids": row.example_ids,
    }


def _layer(row: Any) -> dict[str, Any]:
    names = ("layer", "kind", "events", "p50_ms", "p95_ms", "share_of_latency")
    return {name: getattr(row, name) for name in names}


def _latency(report: TaxReport) -> dict[str, Any] | None:
    names = (
        "serial_p50_ms",
        "serial_p95_ms",
        "parallel_p95_ms",
        "end_to_end_p50_ms",
        "end_to_end_p95_ms",
        "over_budget",
    )
    return {name: getattr(report.stack, name) for name in names} if report.stack else None


def _outcome(row: Any) -> dict[str, Any]:
    return {
        "outcome": row.outcome,
        "design": row.design,
        "overlap": row.overlap,
        "reason": row.reason,
        "effect": _estimate(row.effect),
        "without": _estimate(row.without),
        "with_intervention": _estimate(row.with_intervention),
    }


def _money(report: TaxReport) -> dict[str, Any] | None:
    money = report.money
    if money is None:
        return None
    return {
        "value_per_completion": money.value_per_completion,
        "currency": money.currency,
        "lost": _estimate(money.lost),
        "per_thousand": _estimate(money.per_thousand),
        "sentence": money.sentence,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return estimate.to_dict()


FIELDS = (
    Field("trueup", "string", "Version that wrote this.", _version),
    Field("kind", "string", 'Always "tax".', lambda _: "tax"),
    Field(
        "schema_version",
        "integer",
        "Rises when a key goes or changes its meaning; new keys may come at any time.",
        lambda _: SCHEMA_VERSION,
    ),
    Field(
        "verified",
        "boolean",
        "Whether any human label stands behind the numbers.",
        lambda r: r.verified,
    ),
    Field("level", "number", "Confidence level of the report, in (0, 1).", lambda r: r.level),
    Field("headline", "string", "The report in a sentence or two.", lambda r: r.headline),
    Field(
        "overview",
        "object",
        "What the log holds: `source`, `interactions`, `users`, `first` and `last` (ISO 8601, "
        "or null), `models`, `layers`, `segment_columns`, `labels`, `undetermined`, `quarantined`, "
        "`outcomes_simulated`, `annotator_version`, `cluster` (unit of independence).",
        _overview,
    ),
    Field(
        "estimates",
        "list of estimates",
        "Every estimate of the report, in reading order; also those that appear elsewhere in it.",
        lambda r: [_estimate(one) for one in r.estimates()],
    ),
    Field(
        "actions",
        "list of objects",
        "What to do, best first: `title`, `sentence`, `recoverable` (estimate: share of "
        "legitimate traffic won back), `risk` (estimate: share of harmful traffic let through), "
        "`example_ids`, `certified` (whether a certificate bounds the risk: by `risk.high`).",
        lambda r: [_action(one) for one in r.actions],
    ),
    Field(
        "layers",
        "list of objects",
        'Each layer: `layer`, `kind` ("layer" or "model"), `events`, `p50_ms`, `p95_ms`, '
        "`share_of_latency`. Its rates are in `estimates`, by `layer`.",
        lambda r: [_layer(row) for row in r.layers],
    ),
    Field(
        "latency",
        "object or null",
        "`serial_p50_ms`, `serial_p95_ms`, `parallel_p95_ms`, `end_to_end_p50_ms`, "
        "`end_to_end_p95_ms`, `over_budget` (layers above 10 % of the end-to-end p95).",
        _latency,
    ),
    Field(
        "outcomes",
        "list of objects",
        '`outcome`, `design` ("randomised arm", "adjusted" or "not estimable"), `overlap`, '
        "`reason`, and the estimates `effect`, `without`, `with_intervention`.",
        lambda r: [_outcome(row) for row in r.outcomes],
    ),
    Field(
        "money",
        "object or null",
        "`value_per_completion`, `currency`, the estimates `lost` and `per_thousand`, `sentence`.",
        _money,
    ),
    Field(
        "triggers",
        "list of objects",
        "Words that go with being refused: `term`, `n`, `refused` (estimate), `base` (share "
        "refused without it), `lost_points` (percentage points of legitimate traffic), `layer` "
        "(null: the model), `example_ids`.",
        lambda r: [_trigger(row) for row in r.triggers],
    ),
    Field(
        "clusters",
        "list of objects",
        "Groups of similar refused prompts: `terms`, `n`, `share` of all wrongful refusals, "
        "`example_ids`.",
        lambda r: [asdict(row) for row in r.clusters],
    ),
    Field(
        "labels",
        "object",
        "The label plan: `needed` more labels for a main interval of ±`half_width` (null: no "
        "number is enough), `sentence`, `command`.",
        lambda r: asdict(r.labels),
    ),
    Field("notes", "list of strings", "What to know before quoting a number.", lambda r: r.notes),
)

ESTIMATE_FIELDS = (
    ("name", "string", "What was estimated."),
    ("value", "number or null", "The estimate; null means unknown."),
    ("low", "number or null", "Lower confidence limit."),
    ("high", "number or null", "Upper confidence limit."),
    ("level", "number", "Confidence level, in (0, 1)."),
    ("n", "integer", "Interactions that the number is about."),
    ("n_labeled", "integer", "How many of them carry a trusted label; 0 means unverified."),
    ("method", "string", "What was done."),
    ("assumptions", "list of strings", "What must hold for the interval to mean what it says."),
    ("segment", "string or null", "The part of the traffic; null means all of it."),
    ("layer", "string or null", "The layer; null means all of them."),
)
