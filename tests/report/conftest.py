"""Helpers of the display tests."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from trueup.report import print_tax
from trueup.tax.result import TaxReport


@pytest.fixture(scope="session")
def printed() -> Callable[..., str]:
    """Print a report into a string, without colour unless asked for."""

    def print_into(report: TaxReport, width: int = 80, *, colour: bool = False) -> str:
        out = io.StringIO()
        system = "truecolor" if colour else None
        print_tax(
            report, Console(file=out, width=width, color_system=system, force_terminal=colour)
        )
        return out.getvalue()

    return print_into
