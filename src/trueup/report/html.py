"""What every page shares: its template environment, its style, and how it shows a log's text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trueup.report import text

if TYPE_CHECKING:
    from jinja2 import Environment

    from trueup.stats import Estimate, Interval

__all__ = ["Passage", "environment", "passage", "source", "style"]

_SHORT, _LONG = 320, 6_000  # characters of a text: at once, and in its fold


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the log: what is shown at once, what its fold holds, and how much is left out."""

    short: str
    rest: str
    left_out: int
    length: int


def passage(content: str) -> Passage:
    """Cut a text for display: line breaks stay, whatever else it holds is neutralised."""
    if len(content) <= _SHORT:
        return Passage(text.neutralise(content, keep_newlines=True), "", 0, len(content))
    return Passage(
        text.neutralise(content[:_SHORT], keep_newlines=True),
        text.neutralise(content[_SHORT:_LONG], keep_newlines=True),
        max(len(content) - _LONG, 0),
        len(content),
    )


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates with our filters; escaping is on, and an undefined name is an error."""
    from jinja2 import Environment, StrictUndefined

    made = Environment(
        loader=_loader(),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        percent=text.percent,
        points=text.points,
        interval=text.interval,
        basis=text.basis,
        confidence=text.confidence,
        money=text.money,
        amount=text.amount,
        milliseconds=text.milliseconds,
        shorten=text.shorten,
        sources=text.sources,
        shell_word=text.shell_word,
        spoken=text.spoken,
        passage=passage,
        capital=text.capital,
        vacuous=text.vacuous,
        unit=text.outcome_unit,
        known=_known,
        breakable=_breakable,
        split=_split,
        flow=_flow,
    )
    return made


def style(*more: str) -> Any:
    """The style sheet, with these behind it and the dark partner of every colour in a chart."""
    from markupsafe import Markup

    from trueup.report.charts import DARK

    sheets = "\n".join(source(name) for name in ("page.css", *more))
    dark = "".join(
        f'figure svg [{paint}="{light}"]{{{paint}:{partner}}}'
        for light, partner in DARK.items()
        for paint in ("fill", "stroke")
    )
    return Markup(f"{sheets}\n@media screen and (prefers-color-scheme:dark){{{dark}}}")


def source(name: str) -> str:
    """A file of the templates folder as it stands."""
    return _loader().get_source(environment(), name)[0]


def _loader() -> Any:
    from jinja2 import PackageLoader

    return PackageLoader("trueup.report")


def _printed(value: Any) -> Any:
    """What every expression of the template goes through: no text gets onto the page raw."""
    if value is None:
        return text.UNKNOWN
    if type(value) is str:
        return text.neutralise(value, keep_newlines=True)
    return value


def _known(estimate: Estimate | Interval) -> bool:
    return estimate.value == estimate.value


def _flow(sentence: str) -> str:
    """Our own sentence with its figures and their units kept on one line."""
    return re.sub(r"(?<=[0-9]) (?=%|points?\b)", "\u00a0", sentence)


def _breakable(name: str) -> Any:
    """A name that may break after its underscores and dots."""
    from markupsafe import Markup, escape

    parts = re.split(r"(?<=[_./-])", name)
    return Markup("<wbr>").join(escape(part) for part in parts)


def _split(shown: str) -> tuple[str, str]:
    """ "14.2 % (11.9 to 16.8)" as its value and its limits."""
    value, _, limits = shown.partition(" (")
    return value, limits.rstrip(")")
