"""Read thresholds and bands: for a layer, for its categories, for its segments."""

from __future__ import annotations

from trueup.errors import UserError
from trueup.guards.model import Bands, Rules
from trueup.guards.yaml_text import Section
from trueup.schema import ACTIONS

__all__ = ["BAND_KEYS", "RULE_KEYS", "read_rules"]

BAND_KEYS = ("threshold", "bands")
RULE_KEYS = (*BAND_KEYS, "categories", "segments")


def read_rules(section: Section) -> Rules:
    """The rules of a layer. Raises `UserError` naming the line and the key."""
    segments = {}
    for name, inner in section.sections("segments"):
        column, equals, value = name.partition("=")
        if not (column and equals and value):
            raise section.section("segments").error(
                name, "must name a segment as column=value", 'For example "domain=legal".'
            )
        inner.check_keys((*BAND_KEYS, "categories"))
        rules = segments[name] = Rules(read_bands(inner), _categories(inner))
        if rules == Rules():
            raise _no_threshold(inner)
    return Rules(read_bands(section), _categories(section), segments)


def _categories(section: Section) -> dict[str, Bands]:
    found = {}
    for name, inner in section.sections("categories"):
        inner.check_keys(BAND_KEYS)
        bands = read_bands(inner)
        if bands is None:
            raise _no_threshold(inner)
        found[name] = bands
    return found


def _no_threshold(section: Section) -> UserError:
    return section.error(None, "has no threshold", "Write `threshold: 0.5`, or null for off.")


def read_bands(section: Section) -> Bands | None:
    """The bands stated in a section; `threshold` is short for block, None: nothing is stated."""
    if "threshold" in section and "bands" in section:
        raise section.error("bands", "and threshold say the same", "Keep one of them.")
    if "threshold" in section:
        return Bands(block=section.number("threshold"))
    if "bands" not in section:
        return None
    bands = section.section("bands")
    bands.check_keys(ACTIONS)  # allow may be written down, and changes nothing
    return Bands(**{name: bands.number(name) for name in ACTIONS[1:]})
