"""Lines on a console: wrapped prose, rows of cells and bars that no text can widen or steer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trueup.report.text import fit, neutralise, shell_word

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["ALARM", "GOOD", "LEAD", "QUIET", "TAX", "Page", "bar"]

_WIDEST = 100  # columns; longer lines are hard to read

_PLAINER = str.maketrans("·›†…−“”’█▏▎▍▌▋▊▉", '->*~-""\'#.......') | {ord("±"): "+/-"}

LEAD = "bold"
QUIET = "dim"
ALARM = "bold yellow"
TAX = "red"
GOOD = "blue"


class Page:
    """Lines on a console: wrapped prose, and rows of cells cut to a given width."""

    def __init__(self, console: Console, files: Sequence[str] = ()) -> None:
        self.console = console
        self.files = [shell_word(name) for name in files]
        self.width = max(20, min(console.width, _WIDEST))

    def blank(self) -> None:
        self.console.print()

    def title(self, words: str, aside: str = "") -> None:
        self.blank()
        self.prose((words, LEAD), (f" · {aside}" if aside else "", QUIET))

    def prose(self, *parts: tuple[str, str], indent: int = 0) -> None:
        """Wrap the parts, (text, style) each, to the width; continued lines keep the indent."""
        from rich.padding import Padding

        if any(text.strip() for text, _ in parts):
            inside = Padding(
                self._text(parts), (0, 0, 0, min(indent, self.width // 3)), expand=False
            )
            self.console.print(inside, width=self.width, overflow="fold")

    def row(self, *cells: tuple[str, int, str]) -> None:
        """Print (text, columns, style) cells on one line. Negative columns align to the right."""
        from rich.text import Text

        line = Text()
        for words, columns, style in cells:
            cell = Text(self._sayable(fit(words, abs(columns))), style=style)
            cell.align("right" if columns < 0 else "left", abs(columns))
            line.append_text(cell)
        line.rstrip()
        self.console.print(line, width=self.width, no_wrap=True, overflow="crop", crop=True)

    def command(self, command: str) -> None:
        """A command to type, on its own line."""
        if command:
            self.prose(("› ", QUIET), (_on_files(command, self.files), "cyan"), indent=3)

    def more(self, there: int, shown: int) -> None:
        """Say how many rows are left out, if any."""
        if there > shown:
            self.prose((f"… and {there - shown:,} more, in the page and the JSON", QUIET), indent=2)

    def _text(self, parts: Iterable[tuple[str, str]]) -> Text:
        from rich.text import Text

        return Text.assemble(*((self._sayable(neutralise(words)), style) for words, style in parts))

    def _sayable(self, words: str) -> str:
        """The words in characters that the output can encode: a pipe may know fewer of them."""
        encoding = self.console.encoding
        try:
            words.encode(encoding)
        except UnicodeEncodeError:
            return words.translate(_PLAINER).encode(encoding, "replace").decode(encoding)
        return words


def bar(share: float, columns: int) -> str:
    """A bar of up to `columns` cells, drawn to an eighth of one."""
    eighths = round(max(0.0, min(share, 1.0)) * columns * 8)
    whole, part = divmod(eighths, 8)
    return "█" * whole + ("", *"▏▎▍▌▋▊▉")[part]


def _on_files(command: str, files: Sequence[str]) -> str:
    """The command for someone who works on these files and has no workspace."""
    if not files:
        return command
    name, verb, *rest = command.split(" ", 2)
    if verb == "show":
        return " ".join([command, *(f"--file {file}" for file in files)])
    return " ".join([name, verb, *files, *rest])
