"""Approving the prompts of a suite's file, one by one: every answer is in the file at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.errors import UserError

__all__ = ["Review", "write_lines"]


@dataclass
class _Line:
    """A line of the file as it stands, and as a row where it is one that waits for approval."""

    raw: bytes
    row: dict[str, Any] | None = None
    dropped: bool = False


class Review:
    """The rows of a JSON Lines suite that nobody has approved, in the order of the file.

    Other lines of the file, broken ones among them, stay as they are, byte for byte.

    Raises
    ------
    UserError
        The file cannot be read or written, or holds no JSON Lines.
    """

    def __init__(self, path: Path, *, rater: str) -> None:
        self.path = path
        self.rater = rater
        self.approved = self.dropped = 0
        self._lines = _read(path)
        self._waiting = [line for line in self._lines if line.row is not None]
        self._place = 0
        self._before: list[_Line] = []  # each line as it was before its answer, to go back

    def __len__(self) -> int:
        """How many waited for approval when the file was opened."""
        return len(self._waiting)

    @property
    def left(self) -> int:
        """How many still wait."""
        return len(self) - self._place

    @property
    def position(self) -> int:
        """Number of the row that is shown, from 1."""
        return self._place + 1

    @property
    def row(self) -> dict[str, Any]:
        """The row that is to be answered."""
        row = self._waiting[self._place].row
        assert row is not None
        return row

    def approve(self) -> None:
        """Keep the row, as it is labelled."""
        self._answer(raw=_dump({**self.row, "approved": True, "approved_by": self.rater}))
        self.approved += 1

    def drop(self) -> None:
        """Take the row out of the file."""
        self._answer(dropped=True)
        self.dropped += 1

    def swap(self) -> None:
        """Turn legitimate into harmful and back; the row still waits for approval."""
        line = self._waiting[self._place]
        line.row = {**self.row, "legitimate": not self.row.get("legitimate")}
        line.row["legitimate_by"] = self.rater
        line.raw = _dump(line.row)
        self._save()

    def back(self) -> bool:
        """Undo the last answer; False when there is none."""
        if not self._before:
            return False
        self._place -= 1
        line, before = self._waiting[self._place], self._before.pop()
        self.dropped -= line.dropped
        self.approved -= not line.dropped
        line.raw, line.dropped = before.raw, before.dropped
        self._save()
        return True

    def approve_all(self) -> int:
        """Approve every row that waits; return how many."""
        count = 0
        while self.left:
            line = self._waiting[self._place]
            line.raw = _dump({**self.row, "approved": True, "approved_by": self.rater})
            self._place += 1
            count += 1
        self._save()
        return count

    def _answer(self, *, raw: bytes | None = None, dropped: bool = False) -> None:
        line = self._waiting[self._place]
        self._before.append(_Line(line.raw))
        line.raw, line.dropped = raw or line.raw, dropped
        self._place += 1
        self._save()

    def _save(self) -> None:
        write_lines(self.path, [line.raw for line in self._lines if not line.dropped])


def write_lines(path: Path, lines: list[bytes]) -> None:
    """Write a whole file in place of an old one. Raises `UserError` when it cannot be written."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(b"".join(line + b"\n" for line in lines))
        partial.replace(path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.", "Name another file.") from error
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> list[_Line]:
    import orjson

    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.", "Check the name.") from error
    out, objects = [], 0
    for raw in data.split(b"\n"):
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError:
            value = None
        objects += isinstance(value, dict)
        out.append(_Line(raw, value if _waits(value) else None))
    if not objects:
        raise UserError(
            f"{path} is not JSON Lines.",
            "Only what trueup suite mine writes is reviewed; other files count as approved.",
        )
    return out[:-1] if not out[-1].raw.strip() else out


def _waits(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("approved") is not False:
        return False
    return isinstance(value.get("prompt"), str) and bool(value["prompt"].strip())


def _dump(row: dict[str, Any]) -> bytes:
    import orjson

    return orjson.dumps(row)
