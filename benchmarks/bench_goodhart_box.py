"""What the box costs: python benchmarks/bench_goodhart_box.py [--launches 100]

Launches per second of a Python that does nothing, on every level that this machine has, one at a
time and two at once. The baseline of the same run is a bare subprocess with the same command. A
launch in a box is two interpreters, one after the other: the first locks down, then starts the
second.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box, Isolation, Launch, open_box
from trueup.goodhart.grade.boxes import interpreter
from trueup.goodhart.grade.limits import Limits

CODE = ("-I", "-S", "-E", "-c", "pass")
PATIENT = Limits(seconds=30)
ROUNDS = 5


def bare() -> None:
    command = [str(interpreter.executable()), *CODE]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)


def boxed(box: Box, work: Path | None) -> Callable[[], None]:
    launch = Launch(("{python}", *CODE), work=work, limits=PATIENT)

    def one() -> None:
        ran = box.run(launch)
        assert ran.status == 0, ran

    return one


def seconds_each(works: dict[str, Callable[[], None]], count: int, jobs: int) -> dict[str, float]:
    """Wall clock per launch: the median of the rounds, in which all take turns."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    with ThreadPoolExecutor(jobs) as pool:
        for _ in range(ROUNDS):
            for name, work in works.items():
                start = time.perf_counter()
                for done in [pool.submit(work) for _ in range(count)]:
                    done.result()
                taken[name].append((time.perf_counter() - start) / count)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def contestants(stack: ExitStack, folder: Path) -> dict[str, Callable[[], None]]:
    works: dict[str, Callable[[], None]] = {"bare subprocess": bare}
    for level in Isolation:
        try:
            box = stack.enter_context(open_box(level=level))
        except UserError as error:
            print(error.message)
            continue
        works[level.value] = boxed(box, None)
        works[f"{level.value}, with a work folder"] = boxed(box, folder)
    return works


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--launches", type=int, default=100)
    launches = max(ROUNDS, parser.parse_args().launches)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "solution.py").write_text("def solve(a, b):\n    return a + b\n")
        works = contestants(stack, folder)
        for jobs in (1, 2):
            print(f"{launches} launches, {jobs} at a time; overhead against the bare subprocess")
            each = seconds_each(works, launches // ROUNDS, jobs)
            baseline = each["bare subprocess"]
            for name, seconds in each.items():
                print(
                    f"{name:<40}{1000 * seconds:7.1f} ms{1 / seconds:6.0f} a second"
                    f"{1000 * (seconds - baseline):+9.1f} ms{seconds / baseline:6.1f} times"
                )


if __name__ == "__main__":
    main()
