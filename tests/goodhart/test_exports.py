"""What `trueup.goodhart` offers is there, and costs nothing until it is used."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import is_dataclass

import pytest

from trueup import goodhart
from trueup.errors import UserError

HEAVY = {"numpy", "scipy", "inspect_ai", "torch", "trl", "ruamel", "duckdb", "pyarrow", "anyio"}


def test_everything_listed_is_there() -> None:
    assert sorted(goodhart.__all__) == goodhart.__all__ == dir(goodhart)
    for name in goodhart.__all__:
        found = getattr(goodhart, name)
        assert callable(found) or is_dataclass(found)


def test_the_names_for_type_checkers_are_the_same() -> None:
    import ast
    from pathlib import Path

    tree = ast.parse(Path(goodhart.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    names = [
        alias.asname or alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(names) == goodhart.__all__


def test_what_is_not_listed_is_missing() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'rewrad'"):
        _ = goodhart.rewrad  # type: ignore[attr-defined]


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import trueup.goodhart, json, sys\n"
        "from trueup.goodhart import Case, FunctionTask, Task\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(json.loads(done.stdout))


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "trueup.goodhart.inspect_scorer", raising=False)
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    monkeypatch.setitem(sys.modules, "inspect_ai.scorer", None)
    with pytest.raises(UserError, match="needs inspect_ai, which is not installed"):
        _ = goodhart.scorer
