"""What the scan finds, what it flags in honest code, and how fast.

    python benchmarks/bench_goodhart_scan.py [--every 1] [FOLDER ...]

Recall is measured on the battery and on the variants that the tests keep; false alarms on the
folders, by default this Python's site-packages and standard library. Findings of high confidence
there are listed with their reason from goodhart_scan_explained.csv; one without is marked. The
baselines of the same run are a plain read of the same files and ast.parse of all of them.
"""

from __future__ import annotations

import argparse
import ast
import csv
import re
import resource
import sysconfig
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from trueup.goodhart.attack.battery import attacks, write_files
from trueup.goodhart.exploits import EXPLOITS
from trueup.goodhart.scan.engine import scan_files, scan_paths
from trueup.goodhart.scan.one_file import FileReport
from trueup.goodhart.scan.paths import File, is_installed, place_of, walk
from trueup.goodhart.scan.python import Unreadable, code_findings, read_code
from trueup.goodhart.scan.python.prefilter import may_hold
from trueup.goodhart.scan.result import Finding
from trueup.goodhart.scan.rules import RULES

HERE = Path(__file__).parent
VARIANTS = HERE.parent / "tests" / "goodhart" / "scan" / "variants.txt"
ORDER = ("high", "medium", "low")


def best(findings: Sequence[Finding]) -> str:
    return next((name for name in ORDER if any(one.confidence == name for one in findings)), "")


def recall(name: str, found: Sequence[tuple[str, Sequence[Finding]]]) -> None:
    """Share found at all, at high confidence, and under a rule that names the technique."""
    total = max(1, len(found))
    seen = sum(bool(best(one)) for _, one in found)
    sure = sum(best(one) == "high" for _, one in found)
    named = sum(any(technique in RULES[f.rule].techniques for f in one) for technique, one in found)
    print(
        f"{name:<46}{seen / total:7.1%} found, {sure / total:6.1%} at high confidence, "
        f"{named / total:6.1%} under its name, of {len(found)}"
    )
    for technique, one in found:
        if not best(one):
            print(f"    missed: {technique}")


def on_battery() -> None:
    shows: list[tuple[str, Sequence[Finding]]] = []
    others: list[tuple[str, Sequence[Finding]]] = []
    honest: list[Sequence[Finding]] = []
    for attack in attacks():
        with tempfile.TemporaryDirectory() as folder:
            write_files(attack.files, Path(folder))
            findings = scan_paths([Path(folder)], jobs=1).findings
        if attack.honest:
            honest.append(findings)
        elif any("scan" in EXPLOITS[name].stopped_by for name in attack.exploits):
            shows.append((attack.exploits[0], findings))
        elif attack.exploits:
            others.append((attack.exploits[0], findings))
    recall("battery, techniques that show in the source", shows)
    recall("battery, techniques that need not show", others)
    sure = sum(best(one) == "high" for one in honest)
    print(f"{'battery, honest submissions':<46}{sure} of {len(honest)} with one of high confidence")


def on_variants() -> None:
    parts = re.split(r"^=== (.+)\n", VARIANTS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    found = []
    for heading, text in pairs:
        technique, _, name = heading.partition(" ")
        found.append((technique, code_findings(text, name or "solution.py")))
    recall("variants", found)


def processor_seconds() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(name: str, count: int, work: Callable[[], object]) -> object:
    wall, used = time.perf_counter(), processor_seconds()
    result = work()
    wall, used = time.perf_counter() - wall, processor_seconds() - used
    print(
        f"{name:<46}{wall:7.1f} s wall, {used:7.1f} s of processor, {count / wall:7,.0f} files/s"
        f" ({count / used:,.0f} per processor second)"
    )
    return result


def read_all(files: Sequence[File]) -> None:
    for one in files:
        one.path.read_bytes()


def parse_all(files: Sequence[File]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in files:
            try:
                ast.parse(one.path.read_bytes())
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue


def explained() -> dict[tuple[str, str], str]:
    with (HERE / "goodhart_scan_explained.csv").open(encoding="utf-8", newline="") as table:
        return {(row["path"], row["rule"]): row["reason"] for row in csv.DictReader(table)}


def false_alarms(reports: Sequence[FileReport]) -> None:
    files = max(1, len(reports))
    findings = [finding for one in reports for finding in one.findings]
    counts = Counter(one.confidence for one in findings)
    rates = ", ".join(f"{1000 * counts[name] / files:.2f} {name}" for name in ORDER)
    print(f"    findings per thousand files: {rates}")
    reasons = explained()
    shown = sorted({(one.path, one.rule) for one in findings if one.confidence == "high"})
    for path, rule in shown:
        known = next(
            (why for (end, of), why in reasons.items() if of == rule and path.endswith(end)), ""
        )
        print(f"    high: {'/'.join(Path(path).parts[-4:])} {rule}: {known or 'NOT EXPLAINED'}")


def as_handed_in(files: Sequence[File]) -> None:
    """The same code, judged as a submission."""
    counts: Counter[str] = Counter()
    for one in files:
        text = one.path.read_text(encoding="utf-8", errors="replace")
        counts.update(
            found.confidence for found in code_findings(text, "solution.py", "submission")
        )
    rates = ", ".join(f"{1000 * counts[name] / len(files):.0f} {name}" for name in ORDER)
    print(f"    judged as handed in ({len(files)} of them), per thousand files: {rates}")


def cleared_wrongly(files: Sequence[File]) -> None:
    """What the files that were not parsed would have said."""
    counts: Counter[str] = Counter()
    cleared = 0
    for one in files:
        data, path = one.path.read_bytes(), one.path.as_posix()
        text = data.decode("utf-8", "replace")
        if not may_hold(data, place_of(path, text), is_installed(path)):
            cleared += 1
            try:
                counts.update(found.confidence for found in read_code(text, path))
            except Unreadable:
                continue
    print(
        f"    of {cleared} files cleared without parsing, findings lost: {dict(counts) or 'none'}"
    )


def on_folder(folder: Path, every: int) -> None:
    files = [one for one in walk([folder])[0] if one.path.suffix == ".py"]
    if is_installed(folder.as_posix()) is False or folder.name != "site-packages":
        files = [one for one in files if "site-packages" not in one.path.parts]
    files = files[::every]
    size = sum(one.path.stat().st_size for one in files)
    print(f"\n{folder.name}: {len(files):,} Python files, {size / 1e6:,.0f} MB")
    if not files:
        return
    timed("baseline: read", len(files), lambda: read_all(files))
    timed("baseline: ast.parse of everything, 1 process", len(files), lambda: parse_all(files))
    timed("scan, 1 process", len(files), lambda: list(scan_files(files, jobs=1)))
    reports: list[FileReport] = []
    timed("scan, 2 processes", len(files), lambda: reports.extend(scan_files(files, jobs=2)))
    print(f"    parsed: {sum(one.parsed for one in reports) / len(files):.1%} of the files")
    false_alarms(reports)
    as_handed_in(files[:: max(1, len(files) // 1_000)])
    cleared_wrongly(files[:: max(1, len(files) // 2_000)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take one file of so many")
    given = parser.parse_args()
    on_battery()
    on_variants()
    paths = sysconfig.get_paths()
    for folder in given.folders or [Path(paths["purelib"]), Path(paths["stdlib"])]:
        on_folder(folder, given.every)


if __name__ == "__main__":
    main()
