"""How fast the fast annotator is: benchmarks/bench_annotator_speed.py --data ../shared/data

Three rates over the same machine, threads and repeats, best of each: a bare ``lower()`` scan of
the column, the annotator on ordinary responses, and the annotator on a worst case in which every
response opens with trigger phrases. Peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from trueup.judge.annotate import OUTPUTS, annotate

WORST_HEAD = "I'm sorry, but as an AI language model I cannot help with that. "
WORST_TAIL = (
    " It is important to note that this may be harmful. Please consult a professional instead."
)


def write_repeated(texts: pa.ChunkedArray, rows: int, path: Path) -> int:
    """A Parquet file of at least `rows` responses, stored plainly as distinct texts would be."""
    written = 0
    with pq.ParquetWriter(
        path, pa.schema([("response", pa.string())]), use_dictionary=False
    ) as out:
        while written < rows:
            out.write_table(pa.table({"response": texts}))
            written += len(texts)
    return written


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(path: Path, threads: int, repeats: int) -> tuple[float, float]:
    """Seconds for the bare scan and for annotating every row, every output column summed."""
    con = ibis.duckdb.connect(threads=threads)
    table = con.read_parquet(path)
    bare = table.agg(n=table.response.lower().length().sum())
    done = annotate(table)
    sums = {
        name: done[name].length().sum() if done[name].type().is_string() else done[name].sum()
        for name in OUTPUTS
    }
    full = done.agg(**sums)
    # Turn and turn about, so that a busy machine slows both alike.
    pairs = [
        (seconds(lambda: con.to_pyarrow(bare)), seconds(lambda: con.to_pyarrow(full)))
        for _ in range(repeats)
    ]
    return min(scan for scan, _ in pairs), min(done for _, done in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    texts = pq.read_table(args.data / "alpaca_outputs.parquet")["output"].cast(pa.string())
    worst = pa.array([WORST_HEAD + (t or "") + WORST_TAIL for t in texts.to_pylist()])
    print(f"{'case':<10}{'rows':>10}{'scan rows/s':>14}{'annotate rows/s':>17}{'x scan':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for case, column, rows in (
            ("ordinary", texts, args.rows),
            ("worst", pa.chunked_array([worst]), args.rows // 5),
        ):
            path = Path(folder) / f"{case}.parquet"
            n = write_repeated(column, rows, path)
            scan, full = measure(path, args.threads, args.repeats)
            print(f"{case:<10}{n:>10,}{n / scan:>14,.0f}{n / full:>17,.0f}{full / scan:>8.1f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB, {args.threads} threads, best of {args.repeats}")


if __name__ == "__main__":
    main()
