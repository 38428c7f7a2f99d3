"""What a comparison costs: python benchmarks/bench_compare.py [--rows 100000]

Two made-up files of so many rows each, from reading to the finished comparison, with 1,000
bootstrap replicates for every interval that takes a bootstrap. The baseline of the same run is what
anyone would write first: the same files read as JSON, and a plain loop of 1,000 numpy resamples for
one difference alone.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from trueup.cli._versions import Columns, read_versions
from trueup.compare.answers import Answers
from trueup.compare.series import compare
from trueup.compare.settings import Settings

REFUSALS = ("I'm sorry, but I can't help with that.", "I cannot provide that information.")
WORDS = ["process", "patient", "contract", "answer", "please", "system", "number", "result"]
SETTINGS = Settings(replicates=1_000)
DOMAINS = ("law", "code", "medicine", "support")


def write(path: Path, rows: int, refused: float, seed: int) -> None:
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as out:
        for i in range(rows):
            text = " ".join(rng.choices(WORDS, k=60))
            if rng.random() < refused:
                text = f"{rng.choice(REFUSALS)} {text}"
            row = {
                "id": f"q{i}",
                "prompt": f"question {i}",
                "response": text,
                "legitimate": i % 3 > 0,
                "domain": DOMAINS[i % 4],
                "user": f"u{i // 5}",
            }
            out.write(json.dumps(row) + "\n")


def timed(name: str, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{name:<58}{seconds:8.2f} s")
    return seconds


def plain(before: Path, after: Path) -> None:
    """Read the texts, and resample one difference a thousand times."""
    sides = []
    for path in (before, after):
        with path.open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        sides.append(np.array([row["response"].startswith("I") for row in rows], dtype=float))
    difference = sides[1] - sides[0]
    rng = np.random.default_rng(0)
    np.percentile(
        [difference[rng.integers(0, len(difference), len(difference))].mean() for _ in range(1000)],
        [2.5, 97.5],
    )


def read_into(versions: list[Answers], files: Sequence[Path], columns: Columns) -> None:
    versions.extend(read_versions(files, columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        files = before, after = Path(folder) / "before.jsonl", Path(folder) / "after.jsonl"
        write(before, rows, 0.05, 1)
        write(after, rows, 0.08, 2)
        print(f"{rows:,} rows in each of two files, 1,000 replicates")
        baseline = timed(
            "baseline: JSON and one bootstrap, nothing else", lambda: plain(before, after)
        )
        for name, columns in (
            ("each prompt its own unit, four slices", Columns(slices=("domain",))),
            ("clustered by user, four slices", Columns(slices=("domain",), cluster="user")),
        ):
            versions: list[Answers] = []
            seconds = timed(
                f"read and annotated: {name}", partial(read_into, versions, files, columns)
            )
            seconds += timed(f"compared: {name}", partial(compare, versions, SETTINGS))
            print(f"{'':<4}together {seconds:.1f} s, {seconds / baseline:.1f} times the baseline")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
