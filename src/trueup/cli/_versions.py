"""Bring the versions to compare together: files as tables, annotated, one `Answers` per version."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.cli._answer_files import AnswerFile, condition, names_of, read_file
from trueup.cli._answer_labels import VERDICT_CODES, check_labels, verdicts_by_id
from trueup.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from trueup.compare.answers import Answers

__all__ = ["Columns", "read_versions"]

_KEYS = ("prompt_id", "id", "key", "question_id", "doc_id")
_SLICES = ("domain", "trigger_type", "category", "type")
_CONTRAST = "contrast_"  # begins XSTest's types of unsafe prompts
UNLABELLED = -1
_SOME = 500  # rows from which it is told whether ids are shared


@dataclass(frozen=True)
class Columns:
    """Columns as named on the command line; None: found by their usual names.

    legitimate: a column or a SQL condition. version: tells the versions within one file apart.
    order: puts the versions in order. labels: files of labels by the rows' `id`.
    """

    key: str | None = None
    prompt: str | None = None
    response: str | None = None
    label: str | None = None
    legitimate: str | None = None
    slices: tuple[str, ...] = ()
    cluster: str | None = None
    capability: tuple[str, ...] = ()
    version: str | None = None
    order: str | None = None
    labels: tuple[Path, ...] = ()


def read_versions(paths: Sequence[Path], columns: Columns) -> list[Answers]:
    """Every version in the files, in their order: as given, or by the column that orders them.

    Rows that cannot be used are named on stderr and left out. Raises `UserError`.
    """
    from trueup.cli._logs import name_bad
    from trueup.sources import expand

    files = [read_file(path) for path in expand(paths)]
    bad: list[str] = []
    labels = verdicts_by_id(columns.labels)
    key = _key(files, columns)
    of_files = [
        _versions(file, name, key, columns, labels, bad)
        for file, name in zip(files, names_of([file.path for file in files]), strict=True)
    ]
    name_bad(bad)
    if labels:
        check_labels(labels, files)
    return _ordered(_told_apart(of_files, files), columns.order)


def _key(files: Sequence[AnswerFile], columns: Columns) -> str | None:
    """The column that identifies the prompt; None: the prompt's own text does.

    Without one named, the first usual name that every file has and of which they share values.
    """
    if columns.key:
        for file in files:
            file.named(columns.key, "--key")
        return columns.key
    for name in _KEYS:
        if all(name in file.names for file in files) and (
            name == "prompt_id" or _shared(files, name)
        ):
            return name
    return None


def _shared(files: Sequence[AnswerFile], name: str) -> bool:
    first = set(files[0].text(name).slice(0, _SOME).to_pylist())
    rest = [set(file.text(name).to_pylist()) for file in files[1:]]
    return bool(rest) and all(first & other for other in rest)


def _versions(
    file: AnswerFile,
    name: str,
    key: str | None,
    columns: Columns,
    labels: dict[str, int],
    bad: list[str],
) -> list[Answers]:
    """One `Answers` for each version in a file."""
    import numpy as np

    column = columns.version or file.usual(("version",))
    if columns.version:
        file.named(columns.version, "--version")
    whole = _Reader(file, key, columns, labels, bad)
    if column is None:
        return [whole.answers(name, np.arange(file.table.num_rows))]
    values = np.array(file.text(column).to_pylist(), dtype=object)
    names = list(dict.fromkeys(value for value in values if value is not None))
    if not columns.version and len(names) <= 1:
        return [whole.answers(name, np.arange(file.table.num_rows))]
    return [whole.answers(value, np.flatnonzero(values == value)) for value in names]


class _Reader:
    """The columns of one file as arrays, of which each version takes its rows."""

    def __init__(
        self,
        file: AnswerFile,
        key: str | None,
        columns: Columns,
        labels: dict[str, int],
        bad: list[str],
    ) -> None:
        from trueup.sources.columns import PROMPT_NAMES, RESPONSE_NAMES

        self._file = file
        self._columns = columns
        self._bad = bad
        self._prompt = self._texts(columns.prompt, "--prompt", PROMPT_NAMES)
        self._response = self._texts(columns.response, "--response", RESPONSE_NAMES)
        if self._response is None:
            raise UserError(
                f"{file.path.name} has no column with responses.",
                f"Name it with --response; the file has: {', '.join(file.names)[:300]}.",
            )
        if key is None and self._prompt is None:
            raise UserError(
                f"{file.path.name} has no column that identifies the prompt.",
                f"Name it with --key; the file has: {', '.join(file.names)[:300]}.",
            )
        self._key = self._objects(key) if key else self._prompt_key()
        self._annotations = self._annotate()
        self._label = self._labels(labels)
        self._legitimate = self._judged_legitimate()
        self._usable = self._with_key()

    def answers(self, name: str, rows: np.ndarray) -> Answers:
        """The version that these rows make."""
        import numpy as np

        from trueup.compare.answers import Answers

        rows = rows[self._usable[rows]]
        slices = {c: self._objects(c)[rows] for c in self._slice_columns()}
        return Answers(
            name=name,
            key=self._key[rows],
            read=self._read[rows],
            label=None if self._label is None else self._label[rows],
            legitimate=self._legitimate[rows],
            prompt=self._listed(self._prompt, rows),
            response=self._listed(self._response, rows),
            counts={name: values[rows] for name, values in self._counts().items()},
            scores={c: self._numbers(c)[rows] for c in self._columns.capability},
            slices=slices,
            cluster=None if not self._columns.cluster else self._clusters(np.asarray(rows)),
            order=self._order(name, rows),
            missing=self._missing(rows),
        )

    def _texts(
        self, named: str | None, option: str, usual: Sequence[str]
    ) -> pa.ChunkedArray | None:
        column = self._file.named(named, option) if named else self._file.usual(usual)
        return None if column is None else self._file.text(column)

    def _objects(self, column: str) -> np.ndarray:
        import numpy as np

        return np.array(self._file.text(column).to_pylist(), dtype=object)

    def _prompt_key(self) -> np.ndarray:
        """Prompts told apart by their text, white space made single."""
        import numpy as np

        assert self._prompt is not None
        texts = self._prompt.to_pylist()
        return np.array([None if t is None else " ".join(t.split()) for t in texts], dtype=object)

    def _annotate(self) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        from trueup.judge.run import annotate_table

        file, size = self._file, self._file.table.num_rows
        status = np.array(
            file.text("status").to_pylist() if self._probed else [None] * size, dtype=object
        )
        self._errors = status == "error"
        blocked = status == "blocked"
        if "blocked_by_layer" in file.names:
            blocked |= file.table.column("blocked_by_layer").to_numpy().astype(bool)
        finish = file.usual(("finish_reason", "stop_reason"))
        nothing = pa.nulls(size, pa.string())
        rows = pa.table(
            {
                "prompt": nothing if self._prompt is None else self._prompt,
                "response": self._response,
                "finish_reason": file.text(finish) if finish else nothing,
                "blocked": pa.array(blocked),
            }
        )
        found = annotate_table(rows)
        self._read = self._codes(found, blocked)
        return found

    @property
    def _probed(self) -> bool:
        """Whether `trueup probe` wrote the file."""
        return {"prompt_id", "status", "version"} <= set(self._file.names)

    def _codes(self, found: pa.Table, blocked: np.ndarray) -> np.ndarray:
        import numpy as np

        from trueup.compare.answers import FULL, PARTIAL, REFUSAL, UNKNOWN

        meaning = {"full": FULL, "partial": PARTIAL, "refusal": REFUSAL, "undetermined": UNKNOWN}
        codes = np.array([meaning[c] for c in found.column("compliance").to_pylist()], np.int8)
        codes[blocked] = REFUSAL
        codes[self._errors] = UNKNOWN
        return codes

    def _labels(self, by_id: dict[str, int]) -> np.ndarray | None:
        import numpy as np

        from trueup.compare.answers import UNKNOWN

        if not self._columns.label and not by_id:
            return None
        size = self._file.table.num_rows
        out = np.full(size, UNKNOWN, dtype=np.int8)
        if by_id and "id" in self._file.names:
            ids = self._file.text("id").to_pylist()
            out = np.array([by_id.get(one, UNKNOWN) for one in ids], dtype=np.int8)
        if self._columns.label:
            said = self._label_column(self._file.named(self._columns.label, "--label"))
            out = np.where(said == UNKNOWN, out, said).astype(np.int8)
        return out

    def _label_column(self, column: str) -> np.ndarray:
        """Verdicts of a label column. Raises `UserError` when not one cell holds one."""
        flag = "refused" if "refus" in column.lower() else "compliance"
        codes, wrong = self._coded(column, "compliance", VERDICT_CODES, flag)
        if wrong and (codes == UNLABELLED).all():
            raise UserError(
                f"--label {column}: no cell says what the answer did: {next(iter(wrong.values()))}",
                "Use full, partial and refusal, or XSTest's names.",
            )
        return codes

    def _coded(
        self, column: str, question: str, meaning: Mapping[str, int], flag: str | None = None
    ) -> tuple[np.ndarray, dict[str, str]]:
        """The codes of a column's answers, −1 for none; what cannot be understood is named."""
        import numpy as np

        from trueup.judge.label_values import LabelError, answer_of, is_blank

        cells = self._file.text(column).to_pylist()
        known: dict[str | None, int] = {}
        wrong: dict[str, str] = {}
        for cell in set(cells):
            known[cell] = UNLABELLED
            if is_blank(cell):
                continue
            try:
                known[cell] = meaning.get(answer_of(question, cell, flag=flag), UNLABELLED)
            except LabelError as error:
                wrong[cell] = str(error)
        for row, cell in enumerate(cells) if wrong else ():
            if cell in wrong:
                self._set_aside(row, wrong[cell])
        return np.array([known[cell] for cell in cells], dtype=np.int8), wrong

    def _judged_legitimate(self) -> np.ndarray:
        import numpy as np

        wanted = self._columns.legitimate
        if wanted and wanted not in self._file.names:
            return condition(self._file, wanted)
        column = wanted or self._file.usual(("legitimate",))
        if column is not None:
            return self._coded(column, "legitimate", {"yes": 1, "no": 0})[0]
        harmful = self._xstest_contrast()
        if harmful is not None:
            return np.where(harmful, 0, 1).astype(np.int8)
        return np.full(self._file.table.num_rows, -1, dtype=np.int8)

    def _xstest_contrast(self) -> np.ndarray | None:
        """Which rows are XSTest's unsafe prompts, when that is what the file holds, and say so."""
        import numpy as np

        from trueup.cli._logs import console

        if "type" not in self._file.names:
            return None
        types = self._objects("type")
        harmful = np.array([str(one).startswith(_CONTRAST) for one in types], dtype=bool)
        if not harmful.any():
            return None
        note = f"read as XSTest: types that begin with {_CONTRAST} are harmful."
        console(stderr=True).print(f"{self._file.path.name}: {note}", markup=False, highlight=False)
        return harmful

    def _with_key(self) -> np.ndarray:
        """Rows that say which prompt they answer."""
        import numpy as np

        there = np.array([value is not None and value != "" for value in self._key], dtype=bool)
        for row in np.flatnonzero(~there):
            self._set_aside(int(row), "It does not say which prompt it answers.")
        return there

    def _set_aside(self, row: int, reason: str) -> None:
        self._bad.append(f"{self._file.path.name}, row {self._file.place(row)}: {reason}")

    def _slice_columns(self) -> list[str]:
        if self._columns.slices:
            return [self._file.named(name, "--slice") for name in self._columns.slices]
        return [name for name in _SLICES[:2] if name in self._file.names] if self._probed else []

    def _counts(self) -> dict[str, np.ndarray]:
        import numpy as np
        import pyarrow.compute as pc

        there = np.array(self._annotations.column("basis").to_pylist()) != "empty"
        found = {
            name: np.where(there, self._annotations.column(name).to_numpy().astype(float), np.nan)
            for name in ("hedges", "disclaimers", "warnings")
        }
        words = pc.count_substring_regex(self._response, r"\S+").fill_null(0)
        found["words"] = np.where(there, words.to_numpy().astype(float), np.nan)
        return found

    def _numbers(self, column: str) -> np.ndarray:
        """A capability score per row; what is no number is named, and unknown."""
        import numpy as np

        cells = self._file.text(self._file.named(column, "--capability")).to_pylist()
        out = np.full(len(cells), np.nan)
        for row, cell in enumerate(cells):
            try:
                out[row] = np.nan if cell in (None, "") else _number(cell)
            except ValueError:
                self._set_aside(row, f"{column} must be a number, got {cell[:40]!r}.")
        out[~np.isfinite(out)] = np.nan
        return out

    def _clusters(self, rows: np.ndarray) -> np.ndarray:
        import numpy as np

        column = self._file.named(str(self._columns.cluster), "--cluster")
        values, keys = self._objects(column)[rows], self._key[rows]
        named = [
            f"={v}" if v is not None else f"key {k}" for v, k in zip(values, keys, strict=True)
        ]
        return np.array(named, dtype=object)

    def _order(self, name: str, rows: np.ndarray) -> str | None:
        """The version's value in the ordering column, which must be one. Raises `UserError`."""
        if not self._columns.order:
            return None
        column = self._file.named(self._columns.order, "--order")
        values = set(self._objects(column)[rows].tolist()) - {None}
        if len(values) != 1:
            raise UserError(
                f"--order {column} has {len(values)} values in version {name}, which needs one.",
                "Name a column that is constant within a version, such as its checkpoint.",
            )
        return str(values.pop())

    def _missing(self, rows: np.ndarray) -> dict[str, int]:
        import numpy as np

        from trueup.compare.answers import UNKNOWN

        errors = self._errors[rows]
        empty = np.array(self._annotations.column("basis").to_pylist())[rows] == "empty"
        unread = self._read[rows] == UNKNOWN
        counts = {
            "error": int(errors.sum()),
            "empty": int((unread & empty & ~errors).sum()),
            "undetermined": int((unread & ~empty & ~errors).sum()),
        }
        return {name: count for name, count in counts.items() if count}

    @staticmethod
    def _listed(column: pa.ChunkedArray | None, rows: np.ndarray) -> list[str]:
        import pyarrow as pa

        if column is None:
            return [""] * len(rows)
        return [text or "" for text in column.take(pa.array(rows)).to_pylist()]


def _number(cell: str) -> float:
    """A score; correct or not counts as 1 or 0. Raises ValueError."""
    words = {"true": 1.0, "false": 0.0}
    return words[cell.lower()] if cell.lower() in words else float(cell)


def _told_apart(
    of_files: Sequence[Sequence[Answers]], files: Sequence[AnswerFile]
) -> list[Answers]:
    """All versions; names that come in several files get the file's in front."""
    from collections import Counter

    times = Counter(version.name for versions in of_files for version in versions)
    return [
        replace(version, name=f"{stem}: {version.name}") if times[version.name] > 1 else version
        for versions, stem in zip(of_files, names_of([f.path for f in files]), strict=True)
        for version in versions
    ]


def _ordered(found: list[Answers], order: str | None) -> list[Answers]:
    """By the ordering column: as numbers if all of them are, else as text with numbers in it."""
    if order is None:
        return found
    try:
        return sorted(found, key=lambda version: float(version.order or ""))
    except ValueError:
        return sorted(found, key=lambda version: _natural(version.order or ""))


def _natural(text: str) -> list[tuple[int, float, str]]:
    parts = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(0, float(p), "") if i % 2 else (1, 0.0, p) for i, p in enumerate(parts) if p]
