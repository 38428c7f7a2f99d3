"""Coverage and width of `ppi_ratio` over the whole grid: the long form of tests/validity.

    python benchmarks/bench_coverage.py [--repeats 300] [--seed 1]

Prints one line per cell; the last line counts the cells whose coverage is below nominal beyond
binomial slack (probability under 1e-4 for a procedure of exactly nominal coverage).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "validity"))

from slack import covers
from worlds import DESIGNS, LABELS, World, draw, humans_only, simulate, worlds

from trueup.stats import ppi_ratio

LEVELS = (0.95, 0.90)


def run(world: World, repeats: int, rng: np.random.Generator) -> int:
    """Print the cells of one world; return how many of them under-cover."""
    hits: dict[tuple[int, str, float], int] = defaultdict(int)
    width: dict[tuple[int, str], list[float]] = defaultdict(list)
    human: dict[tuple[int, str], list[float]] = defaultdict(list)
    for _ in range(repeats):
        log = simulate(world, rng)
        population = log.population()
        for n in LABELS:
            for design in DESIGNS:
                sample = draw(log, population, n, design, rng)
                for level in LEVELS:
                    got = ppi_ratio(population, sample, level=level)
                    hits[n, design, level] += got.low <= world.prevalence <= got.high
                    if level == LEVELS[0]:
                        width[n, design].append(got.high - got.low)
                alone = humans_only(population, sample)
                human[n, design].append(alone.high - alone.low)
    short = 0
    for n, design in width:
        counts = [hits[n, design, level] for level in LEVELS]
        bad = sum(not covers(c, repeats, v) for c, v in zip(counts, LEVELS, strict=True))
        short += bad
        print(
            f"{world.prevalence:6.3f} {'users' if world.clustered else 'rows':5} "
            f"{world.annotator:8}{n:4} {design:10} "
            f"95%: {counts[0] / repeats:.3f}  90%: {counts[1] / repeats:.3f}  "
            f"width {np.mean(width[n, design]):.4f}  humans {np.mean(human[n, design]):.4f}"
            f"{'  UNDER' if bad else ''}",
            flush=True,
        )
    return short


def main() -> None:
    """Run the grid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    short = sum(
        run(world, options.repeats, np.random.default_rng([options.seed, i]))
        for i, world in enumerate(worlds())
    )
    print(f"{short} cells under-cover")
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
