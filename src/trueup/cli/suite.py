"""`trueup suite`: the suites there are, and one out of your own log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli import _options as options

if TYPE_CHECKING:
    from trueup.cli._keys import Keys
    from trueup.probe.mine import Mined
    from trueup.probe.review import Review
    from trueup.report.console import Page

app = typer.Typer(no_args_is_help=True, help="Suites of prompts: list, show, mine, review.")

OWN_WORDS = (
    "The rows hold your users' own words: check them for personal data before you share the file "
    "or send it to a model elsewhere."
)

Rater = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who approves. [default: $USER, or git's user.name]"),
]


@app.command("list")
def list_() -> None:
    """List the suites that come with trueup."""
    from trueup.cli._suite_screen import sizes, types
    from trueup.probe.suite import BUILTIN, builtin_names, load_suite

    page = _page()
    for name, versions in builtin_names().items():
        suite = load_suite(f"{BUILTIN}{name}@{versions[-1]}")
        older = f", versions {', '.join(map(str, versions))}" if len(versions) > 1 else ""
        page.row((f"{BUILTIN}{suite.name}", 24, "bold"), (f"{sizes(suite)}{older}", 54, ""))
        page.prose((types(suite), "dim"), indent=2)


@app.command("show")
def show(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="builtin:NAME, builtin:NAME@VERSION or a file.")
    ],
    n: Annotated[int, typer.Option("-n", "--n", min=0, help="How many pairs or prompts.")] = 5,
) -> None:
    """Show what is in a suite, and what of a file could not be used."""
    from trueup.cli._logs import name_bad
    from trueup.cli._suite_screen import show_suite
    from trueup.probe.suite import load_suite

    found = load_suite(suite)
    page = _page()
    show_suite(page, found, n)
    if found.notes or found.bad:
        page.blank()
    for note in found.notes:
        page.prose((note, ""))
    name_bad([f"{bad.file}:{bad.line}: {bad.reason}" for bad in found.bad])


@app.command("mine")
def mine(
    files: options.Files = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="Write this JSONL file.")
    ] = Path("mine.jsonl"),
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="At most so many prompts.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 1,
    labels: options.LabelFiles = None,
    rater: Rater = None,
    map: options.Map = None,
    format: options.Format = None,
    workspace: options.Workspace = None,
) -> None:
    """Build a suite from the wrongful refusals of your log.

    A request counts as legitimate when a person labelled it so; without a label
    it is assumed to be, and the row says so. Requests labelled harmful and
    refused stand beside them. Nothing is used before somebody has approved it:
    in a terminal that comes next, else with trueup suite review OUT.
    """
    import orjson

    from trueup.cli._logs import open_workspace
    from trueup.cli.labels import add_labels
    from trueup.probe.mine import mine as draw
    from trueup.probe.review import write_lines

    _check_output(output)
    with open_workspace(files, workspace, format=format, mapping=map) as ws:
        if labels:
            add_labels(ws, labels)
        found = draw(ws, n=n, seed=seed)
    write_lines(output, [orjson.dumps(row) for row in found.rows])
    page = _page()
    _print_mined(page, found, output)
    if _in_terminal():
        _review(output, rater, page)
    else:
        page.prose((f"Nobody has approved them yet: trueup suite review {output}", ""))


@app.command("review")
def review(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What trueup suite mine wrote.")],
    rater: Rater = None,
    approve_all: Annotated[
        bool, typer.Option("--approve-all", help="Approve what waits: it was reviewed elsewhere.")
    ] = False,
) -> None:
    """Approve the prompts of a mined suite, one key each.

    Every answer is saved as it is given; stop whenever you like and go on later.
    """
    page = _page()
    if not approve_all:
        _review(file, rater, page)
        return
    found = _opened(file, rater)
    count = found.approve_all()
    page.prose((f"{count:,} approved in {file}.", ""))
    page.prose((OWN_WORDS, ""))


def _check_output(output: Path) -> None:
    from trueup.errors import UserError

    if output.suffix.lower() != ".jsonl":
        raise UserError(
            f"--output must end in .jsonl, got {output.name!r}.", "For example: -o mine.jsonl"
        )
    if output.exists():
        raise UserError(
            f"{output} is there already, and may hold approvals.",
            f"Name another file with -o, or go on with: trueup suite review {output}",
        )


def _print_mined(page: Page, found: Mined, output: Path) -> None:
    by = [row["legitimate_by"] for row in found.rows if row["legitimate"]]
    harmful = len(found.rows) - len(by)
    said = {
        "human": "labelled legitimate",
        "judge": "legitimate as a judge says",
        "assumed": "assumed legitimate, as nobody labelled them",
    }
    parts = ", ".join(f"{by.count(who):,} {words}" for who, words in said.items() if who in by)
    beside = f", and {harmful:,} harmful and rightly refused" if harmful else ""
    page.prose(
        (f"Wrote {len(found.rows):,} prompts to {output}: ", "bold"), (f"{parts}{beside}.", "")
    )
    more = f"Drawn from {found.refused:,} refusals of legitimate or unlabelled requests"
    more += f"; {found.alike:,} nearly the same as another were passed over" * bool(found.alike)
    more += f"; {found.later_turns:,} in later turns of a conversation left out" * bool(
        found.later_turns
    )
    page.prose((f"{more}.", ""))
    if not harmful:
        page.prose(("No request that was refused is labelled harmful: trueup label adds some.", ""))
    page.prose((OWN_WORDS, "bold yellow"))


def _review(path: Path, rater: str | None, page: Page) -> None:
    from trueup.cli._keys import key_reader

    found = _opened(path, rater)
    if not found.left:
        page.prose((f"Nothing in {path} waits for approval.", ""))
        return
    interrupted = False
    with key_reader() as keys:
        try:
            _ask(found, page, keys)
        except KeyboardInterrupt:
            interrupted = True
            page.blank()
    left = f", {found.left:,} left" if found.left else ""
    page.prose((f"{found.approved:,} approved, {found.dropped:,} dropped{left} in {path}.", ""))
    if found.left:
        page.prose((f"Go on with: trueup suite review {path}", ""))
    if interrupted:
        raise typer.Exit(130)


def _opened(path: Path, rater: str | None) -> Review:
    from trueup.cli._rater import default_rater
    from trueup.probe.review import Review

    return Review(path, rater=(rater or "").strip() or default_rater())


def _ask(found: Review, page: Page, keys: Keys) -> None:
    """Ask until the file, the input or the reader's patience ends."""
    from trueup.cli._keys import END
    from trueup.cli._suite_screen import HELP, KEYS, WORDS, show_waiting

    fresh = True
    while found.left:
        if fresh:
            show_waiting(page, found, clear=keys.single)
        key = keys.read(WORDS)
        if key in (END, "q"):
            page.blank()
            return
        fresh = key in KEYS and key != "?"
        if key == "y":
            found.approve()
        elif key == "n":
            found.drop()
        elif key == "s":
            found.swap()
        elif key == "b":
            fresh = found.back()
        if not fresh:
            said = HELP if key == "?" else "This is the first." if key == "b" else ""
            for line in (said or "That is not one of the keys; ? shows what each means.").split(
                "\n"
            ):
                page.prose((line, ""))
            page.console.print("> ", end="", markup=False)
    page.blank()


def _in_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stdout.isatty()


def _page() -> Page:
    from trueup.cli._logs import console
    from trueup.report.console import Page

    return Page(console())
