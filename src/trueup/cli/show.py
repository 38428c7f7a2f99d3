"""`trueup show`: one interaction with all that is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli import _options as options

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.store.browse import Detail


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")],
    files: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="FILE", help="Read from this log, not the workspace."),
    ] = None,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """Read one interaction: the conversation, what each layer did, verdict and labels."""
    from trueup.cli._logs import console, open_workspace
    from trueup.store.browse import read

    with open_workspace(files, workspace, format=format, mapping=map) as ws:
        detail = read(ws, id)
    _print(detail, console())


def _print(detail: Detail, out: Console) -> None:
    it = detail.interaction
    facts = {
        "id": it["id"],
        "when": f"{it['at']:%Y-%m-%d %H:%M} UTC" if it["at"] else None,
        "model": it["model"],
        "policy": it["policy_version"],
        "arm": it["arm"],
        "finish": it["finish_reason"],
        **dict(it["segments"] or ()),
    }
    for name, value in facts.items():
        if value:
            _line(out, f"{name:<10} ", value)
    for message in _messages(it):
        _block(out, str(message.get("role", "")), _text(message.get("content")))
    _block(out, "response", it["response"] if it["response"] is not None else "(none recorded)")
    _print_layers(detail, out)
    _print_verdicts(detail, out)


def _messages(it: dict[str, Any]) -> list[dict[str, Any]]:
    import orjson

    if it["messages"]:
        return orjson.loads(it["messages"])
    return [{"role": "user", "content": it["prompt"] or ""}]


def _text(content: Any) -> str:
    import orjson

    return content if isinstance(content, str) else orjson.dumps(content).decode()


def _print_layers(detail: Detail, out: Console) -> None:
    if detail.layer_events:
        out.print("\nlayers", style="bold")
    for event in detail.layer_events:
        score = "" if event["score"] is None else f"score {event['score']:.3g}"
        limit = "" if event["threshold"] is None else f" (threshold {event['threshold']:.3g})"
        fired = "fired, " if event["fired"] else ""
        if event["failure"]:
            fired = f"FAILED ({event['failure']}), "
        _line(out, f"  {event['layer']}: ", f"{fired}{event['action']}  {score}{limit}")


def _print_verdicts(detail: Detail, out: Console) -> None:
    annotation = detail.annotation
    if annotation:
        out.print("\nannotator", style="bold")
        chances = ", ".join(
            f"{name} {annotation[f'p_{name}']:.2f}"
            for name in ("full", "partial", "refusal")
            if annotation[f"p_{name}"] is not None
        )
        _line(out, "  ", f"{annotation['compliance']} ({chances or annotation['basis']})")
    if detail.labels:
        out.print("\nlabels", style="bold")
    for label in detail.labels:
        who = label["rater"] or label["source"]
        _line(out, f"  {label['question']}: ", f"{label['value']} ({who})")
    if detail.outcomes:
        out.print("\noutcomes", style="bold")
    for outcome in detail.outcomes:
        note = " (simulated)" if outcome["simulated"] else ""
        _line(out, f"  {outcome['kind']}: ", f"{outcome['value']:g}{note}")


def _block(out: Console, title: str, text: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from trueup.report.text import neutralise

    out.print()
    out.print(Text(neutralise(title), style="bold"))
    out.print(Padding(Text(neutralise(text, keep_newlines=True)), (0, 0, 0, 2)))


def _line(out: Console, label: str, value: str) -> None:
    from rich.text import Text

    from trueup.report.text import neutralise

    out.print(Text.assemble((neutralise(label), "dim"), neutralise(str(value))))
