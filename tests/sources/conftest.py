"""Reading small logs in tests, with proof of which adapter read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from trueup import sources
from trueup.sources import BadRecord, Batch


@dataclass
class Loaded:
    """What a log was read as, as plain rows."""

    interactions: list[dict[str, Any]]
    events: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    lines: list[int]
    bad: list[BadRecord]
    batches: list[Batch]

    @property
    def one(self) -> dict[str, Any]:
        """The only interaction; nothing may have been set aside."""
        assert not self.bad, self.bad
        assert len(self.interactions) == 1
        return self.interactions[0]


def loaded(batches: list[Batch]) -> Loaded:
    def rows(name: str) -> list[dict[str, Any]]:
        tables = [getattr(batch, name) for batch in batches]
        return [row for table in tables for row in table.to_pylist(maps_as_pydicts="strict")]

    return Loaded(
        interactions=rows("interactions"),
        events=rows("layer_events"),
        outcomes=rows("outcomes"),
        labels=rows("labels"),
        lines=[int(line) for batch in batches for line in batch.lines],
        bad=[bad for batch in batches for bad in batch.bad],
        batches=batches,
    )


Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write records (or bytes) to a file and read it; `by` is the only adapter that may read it."""

    def forbidden(name: str) -> Callable[..., Any]:
        def read(*_: Any) -> Any:
            raise AssertionError(f"the file was read by the adapter '{name}'")

        return read

    def load(
        *records: Any, by: str, raw: bytes | None = None, name: str = "log.jsonl", **options: Any
    ):
        for other, source in sources.FORMATS.items():
            if other != by:
                replaced = dataclasses.replace(source, read=forbidden(other))
                monkeypatch.setitem(sources.FORMATS, other, replaced)
        path = tmp_path / name
        path.write_bytes(b"\n".join(map(orjson.dumps, records)) if raw is None else raw)
        return loaded(list(sources.read(path, **options)))

    return load
