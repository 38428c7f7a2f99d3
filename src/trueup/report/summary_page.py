"""A table of published figures compared, as one page that needs neither network nor script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.report import summary_text as say
from trueup.report.html import environment, style

if TYPE_CHECKING:
    from trueup.compare.summary_result import SummaryReport

__all__ = ["summary_html"]


def summary_html(report: SummaryReport) -> str:
    """Return the report as one self-contained HTML page; every name of the table is escaped."""
    from trueup import __version__

    template = environment().get_template("summary.html")
    return template.render(report=report, say=say, version=__version__, style=style())
