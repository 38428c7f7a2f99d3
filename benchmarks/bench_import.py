"""Rows per second of importing chat JSON Lines, beside a bare orjson loop over the same file.

    python benchmarks/bench_import.py [--rows 200000] [--guards 0 2]

The generated records have the size and shape of a product's chat log (about 0.7 kB): an id, a
time, a user, a conversation of three messages, slices; with --guards also that many guardrail
results, and a thumb on every tenth record.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

import orjson

from trueup.sources import read
from trueup.store import Workspace

_TEXT = (
    "the of to and a in is it you that was for on are with as his they be at one have this from "
    "account refund contract dosage function password server clause please explain could answer"
)
_WORDS = tuple(_TEXT.split())


def write_log(path: Path, rows: int, guards: int, rng: random.Random) -> None:
    """Write `rows` chat records."""
    with path.open("wb") as out:
        for number in range(rows):
            out.write(orjson.dumps(_record(number, guards, rng)) + b"\n")


def _text(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(_WORDS, k=count))


def _record(number: int, guards: int, rng: random.Random) -> dict[str, object]:
    record: dict[str, object] = {
        "id": f"req-{number:09d}",
        "created_at": f"2026-03-{1 + number % 28:02d}T{number % 24:02d}:15:{number % 60:02d}Z",
        "user": f"user-{rng.randrange(5000)}",
        "conversation_id": f"c-{number // 3}",
        "model": "assistant-2",
        "finish_reason": "stop",
        "latency_ms": round(rng.uniform(200, 3000), 1),
        "messages": [
            {"role": "system", "content": "You are a helpful assistant of the shop."},
            {"role": "user", "content": _text(rng, 15)},
            {"role": "assistant", "content": _text(rng, 40)},
        ],
        "metadata": {"domain": rng.choice(("legal", "medical", "coding")), "plan": "pro"},
    }
    if guards:
        record["guardrails"] = [
            {
                "name": f"guard-{place}",
                "stage": "input",
                "category": "topic",
                "score": round(rng.random(), 4),
                "threshold": 0.9,
                "action": "allow",
                "latency_ms": 12.5,
            }
            for place in range(guards)
        ]
        if number % 10 == 0:
            record["feedback"] = [{"kind": "thumb", "value": rng.randrange(2)}]
    return record


def loads_only(path: Path) -> float:
    """Seconds of a bare loop of orjson.loads."""
    start = time.perf_counter()
    with path.open("rb") as lines:
        for line in lines:
            orjson.loads(line)
    return time.perf_counter() - start


def read_only(path: Path) -> float:
    """Seconds of reading the log into batches."""
    start = time.perf_counter()
    for _ in read(path, user_key=b"key"):
        pass
    return time.perf_counter() - start


def read_and_write(path: Path, database: Path) -> float:
    """Seconds of importing the log into a new workspace."""
    start = time.perf_counter()
    with Workspace.open(database, create=True) as workspace:
        for batch in read(path, user_key=b"key"):
            workspace.ingest(
                batch.interactions,
                batch.layer_events,
                batch.outcomes,
                event_rows=batch.event_rows,
                outcome_rows=batch.outcome_rows,
            )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--guards", type=int, nargs="*", default=[0, 2])
    options = parser.parse_args()
    print(f"{options.rows} records, {os.cpu_count()} cores")
    for guards in options.guards:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log.jsonl"
            write_log(path, options.rows, guards, random.Random(0))
            size = path.stat().st_size / options.rows
            print(f"{guards} guards per record, {size:.0f} bytes per record")
            times = {
                "orjson.loads only": loads_only(path),
                "read": read_only(path),
                "read and write": read_and_write(path, Path(folder) / "trueup.db"),
            }
        for name, seconds in times.items():
            rate = options.rows / seconds
            print(f"  {name:18} {rate:>10,.0f} rows/s  {1e6 / rate:6.2f} µs/row")


if __name__ == "__main__":
    main()
