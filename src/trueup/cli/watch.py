"""`trueup watch`: has a guarantee stopped holding?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trueup.cli import _options as options


def watch(
    certificate: Annotated[
        Path, typer.Option("--certificate", metavar="FILE", help="The certificate to watch.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Later examples, in order; the same columns."),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is stdout."),
    ] = None,
    workspace: options.Workspace = None,
) -> None:
    """Test on later labels whether a certificate still holds. Look as often as you like.

    The false-alarm probability is the certificate's, over all looks together. Exit code 0: no
    alarm; 1: the guarantee has stopped holding.
    """
    from trueup.cli._dial_data import later_rows
    from trueup.cli._inputs import read_text
    from trueup.cli._logs import console
    from trueup.cli._outputs import write_text
    from trueup.report.tune_json import watch_json
    from trueup.report.watch_terminal import print_watch
    from trueup.tune import read_certificate
    from trueup.tune import watch as look

    results = []
    for one in read_certificate(read_text(certificate), certificate.name):
        scored, notes = later_rows(one, data, workspace)
        results.append((one["segment"], look(one, scored, notes=notes)))
    if json:
        import orjson

        body = orjson.dumps(watch_json(results), option=orjson.OPT_INDENT_2).decode() + "\n"
        write_text(json, body)
    if str(json) != "-":
        for segment, result in results:
            if segment:
                typer.echo(f"{segment}")
            print_watch(result, console())
    if any(result.alarm for _, result in results):
        raise typer.Exit(1)
