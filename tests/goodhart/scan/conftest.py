"""Pieces of code for the scan, kept as text so that nothing imports or lints them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pieces(name: str) -> list[tuple[str, str]]:
    """Heading and text of each piece of a file."""
    text = (HERE / name).read_text(encoding="utf-8")
    parts = re.split(r"^=== (.+)\n", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name in ("code_variant", "code_benign"):
        if name in metafunc.fixturenames:
            listed = pieces("variants.txt" if name == "code_variant" else "benign.txt")
            metafunc.parametrize(
                name, listed, ids=[f"{i}-{one[0]}" for i, one in enumerate(listed)]
            )


@pytest.fixture(scope="session")
def code_variants() -> list[tuple[str, str]]:
    """Technique and code of every variant."""
    return pieces("variants.txt")
