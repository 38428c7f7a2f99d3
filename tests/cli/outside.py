"""Run `trueup` from outside, in a folder of its own, as a person at a small terminal would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TRUEUP = (sys.executable, "-m", "trueup")


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TRUEUP_WORKSPACE": str(folder / "w.duckdb"),
        "USER": "ann",
        "TERM": "xterm",
        "COLUMNS": "80",
        "LINES": "40",
    }


def run(folder: Path, *words: str, keys: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*TRUEUP, *words),
        input=keys,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=environment(folder),
        check=False,
    )
