"""`import trueup` and `trueup --help` load nothing heavy: they are what people wait for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "torch", "fastapi", "duckdb", "ibis", "pyarrow", "pandas", "numpy", "scipy", "sklearn",
    "altair", "vl_convert", "litellm", "jinja2", "polars",
)  # fmt: skip


def loaded(code: str) -> set[str]:
    report = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import trueup",
        "import trueup.schema, trueup.errors",
        "import trueup.cli.main",
        "from typer.testing import CliRunner; from trueup.cli.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0",
        "from typer.testing import CliRunner; from trueup.cli.main import app\n"
        "assert CliRunner().invoke(app, ['tax', '--help']).exit_code == 0",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded(code).isdisjoint(HEAVY)


def test_the_check_can_fail() -> None:
    assert "numpy" in loaded("import trueup, numpy")
