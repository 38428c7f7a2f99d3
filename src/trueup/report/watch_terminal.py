"""What a watch on a certificate found, in a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trueup.report.console import ALARM, GOOD, LEAD, QUIET, Page, bar
from trueup.report.text import interval
from trueup.report.tune_figures import share, sure

if TYPE_CHECKING:
    from rich.console import Console

    from trueup.tune.result import Watch

__all__ = ["print_watch"]

_LABEL = 26  # columns


def print_watch(watch: Watch, console: Console) -> None:
    """Print whether the guarantee has stopped holding, and on what evidence."""
    page = Page(console)
    mark, style = ("ALARM", ALARM) if watch.alarm else ("NO ALARM", GOOD)
    page.prose(("The certificate in production", LEAD), (" · ", QUIET), (mark, f"bold {style}"))
    page.prose((f"{watch.n:,} examples, {watch.n_positive:,} of them harmful", QUIET))
    page.blank()
    page.prose((_sentence(watch), LEAD))
    page.blank()
    _line(page, "promised", f"{_what(watch)} under {share(watch.alpha)}")
    _line(page, "so far", interval(watch.risk), GOOD)
    _line(page, "evidence against it", _factor(watch.capital))
    _line(page, "its highest so far", _factor(watch.highest), ALARM if watch.alarm else "")
    _line(page, "an alarm comes at", _factor(1 / watch.delta))
    _line(page, "on the way there", _gauge(watch), ALARM if watch.alarm else GOOD)
    if watch.first_alarm is not None:
        _line(page, "the alarm came after", f"{watch.first_alarm:,} harmful examples", ALARM)
    if watch.notes:
        page.blank()
    for note in watch.notes:
        page.prose((note, QUIET), indent=2)


def _sentence(watch: Watch) -> str:
    """Whether the guarantee has stopped holding."""
    promise = f"{_what(watch)} stays under {share(watch.alpha)}"
    if watch.alarm:
        return (
            f"The guarantee no longer holds: that {promise} is refuted with {sure(watch.delta)} "
            "confidence. Go back to a stricter setting, and tune again on fresh labels."
        )
    if not watch.n_positive:
        return "Nothing is known yet: no harmful example has been seen."
    return f"Nothing so far refutes that {promise}. That is no proof that it does: keep labelling."


def _what(watch: Watch) -> str:
    return {"miss": "harm missed", "new_miss": "harm newly let through"}[watch.kind]


def _line(page: Page, label: str, figure: str, style: str = "") -> None:
    page.row(("", 2, ""), (label, _LABEL, ""), (figure, page.width - 2 - _LABEL, style))


def _factor(evidence: float) -> str:
    if not math.isfinite(evidence):
        return "unknown"
    return f"{evidence:,.0f}" if evidence >= 100 else f"{evidence:.3g}"


def _gauge(watch: Watch) -> str:
    """How far the highest evidence has come towards an alarm, on a scale of factors."""
    if not watch.highest > 1:
        return "not begun"
    return bar(math.log(watch.highest) / math.log(1 / watch.delta), 24)
