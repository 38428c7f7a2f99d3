"""`trueup goodhart`: is the number real?"""

from __future__ import annotations

import typer

from trueup.cli.goodhart import attack, canary, grade, scan, watch

__all__ = ["app"]

app = typer.Typer(
    help="Is the number real? Find gaming, grade out of its reach, watch a proxy.",
    no_args_is_help=True,
)
app.command("scan")(scan.scan)
app.command("grade")(grade.grade)
app.command("canary")(canary.canary)
app.command("attack")(attack.attack)
app.command("watch")(watch.watch)
