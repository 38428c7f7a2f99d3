"""Who may import whom. The areas meet through tables, so the arrows are few and all here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "schema": {"errors"},
    "remote": {"errors"},
    "sources": {"errors", "schema"},
    "store": {"errors", "schema"},
    "stats": {"errors"},
    "judge": {"errors", "remote", "schema", "store", "stats"},
    "guards": {"errors", "remote", "schema", "store"},
    "tax": {"errors", "schema", "store", "stats"},
    "tune": {"errors", "schema", "store", "stats"},
    "probe": {
        "errors",
        "remote",
        "schema",
        "store",
        "guards",
        "sources.files",
        "sources.json_reading",
        "sources.json_records",
        "sources.tables",
    },
    "compare": {"errors", "schema", "stats", "tune.dial"},
    "goodhart": {
        "errors",
        "remote",
        "stats",
        "store",
        "sources.files",
        "sources.json_reading",
        "sources.json_records",
        "sources.tables",
        "sources.zip_members",
    },
    "train": {"errors", "goodhart"},
    "report": {
        "errors",
        "stats",
        "tax.result",
        "judge.result",
        "tune.result",
        "compare.result",
        "compare.gate_result",
        "compare.summary_result",
        "goodhart.exploits",
        "goodhart.attack.result",
        "goodhart.divergence.result",
        "goodhart.grade.result",
        "goodhart.scan.result",
    },
    "cli": {"*"},
    "__init__": set(),
    "__main__": {"cli"},
}


def imported(source: str) -> Iterator[str]:
    """Names below `trueup` that the source imports: also inside functions, also for types."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide which area is meant"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("trueup.") and name != "trueup.__version__":
                yield name.removeprefix("trueup.")


def forbidden(area: str, source: str) -> list[str]:
    """The imports in `source` that its area may not make."""
    allowed = ALLOWED[area]
    if "*" in allowed:
        return []
    return [
        name
        for name in imported(source)
        if name.split(".")[0] != area
        and not any(name == ok or name.startswith(f"{ok}.") for ok in allowed)
    ]


def sources(root: Path) -> Iterator[tuple[str, Path]]:
    package = root / "src" / "trueup"
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).parts[0].removesuffix(".py"), path


def test_every_module_keeps_to_its_layer(root: Path) -> None:
    wrong = {
        str(path.relative_to(root)): bad
        for area, path in sources(root)
        if (bad := forbidden(area, path.read_text(encoding="utf-8")))
    }
    assert wrong == {}


def test_every_area_is_in_the_table(root: Path) -> None:
    assert {area for area, _ in sources(root)} <= set(ALLOWED)


@pytest.mark.parametrize(
    ("area", "planted"),
    [
        ("stats", "from trueup.schema import TABLES"),
        ("tax", "def f():\n    from trueup.judge.annotate import annotate"),
        ("report", "from trueup.tax import measure"),
        ("sources", "import trueup.store.workspace"),
        ("schema", "from trueup.store import Workspace"),
        ("compare", "from trueup.judge.annotate import annotate"),
        ("compare", "from trueup.tune import select"),
        ("probe", "from trueup.sources import read"),
        ("report", "from trueup.compare.series import compare"),
    ],
)
def test_it_fires(area: str, planted: str) -> None:
    assert forbidden(area, planted)


def test_what_is_allowed_passes() -> None:
    assert not forbidden("report", "from trueup.tax.result import TaxReport")
    assert not forbidden("tax", "from trueup.stats import Estimate\nimport numpy")
