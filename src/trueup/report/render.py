"""From a chart to a drawing inside a page: made here, so that viewing it needs no network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from trueup.errors import TrueupError

if TYPE_CHECKING:
    import altair as alt

__all__ = ["UnsafeDrawing", "svg"]

_NAMESPACE = "http://www.w3.org/2000/svg"
_ELEMENTS = frozenset(
    {"svg", "g", "path", "rect", "line", "circle", "text", "tspan", "defs", "clipPath"}
)
_NOISE = frozenset({"role", "class", "pointer-events", "version", "stroke-miterlimit"})
_LOCAL_URL = re.compile(r"url\(#([\w-]+)\)")


class UnsafeDrawing(TrueupError):
    """A drawing holds something that a page must not take in: a bug in whatever drew it."""


def svg(chart: alt.TopLevelMixin, *, name: str, label: str) -> str:
    """Return the chart as one inline SVG element, scalable and with its meaning in words.

    Parameters
    ----------
    chart
        An Altair chart whose data are inside it. A URL in the spec is refused, not fetched.
    name
        Unique within the page; ids inside the drawing are prefixed with it.
    label
        What a screen reader says in place of the drawing.
    """
    import altair
    import vl_convert

    version = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    drawn = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=version, allowed_base_urls=[])
    return clean(drawn, name=name, label=label)


def clean(drawing: str, *, name: str, label: str) -> str:
    """Return the SVG without noise, its ids made unique. Raises `UnsafeDrawing`.

    Only drawing elements may occur, no event handlers, and no reference out of the drawing. The
    description of a mark becomes its title, which a browser shows as a tooltip.
    """
    ET.register_namespace("", _NAMESPACE)
    root = ET.fromstring(drawing)
    for element in root.iter():
        _check(element)
    for element in list(root.iter()):
        _describe(element)
        _tidy(element, name)
    _drop_hidden(root)
    width, height = root.attrib.pop("width"), root.attrib.pop("height")
    root.set("viewBox", f"0 0 {width} {height}")
    root.set("style", f"max-width:{width}px")
    root.set("role", "img")
    root.set("aria-label", label)
    return ET.tostring(root, encoding="unicode")


def _check(element: ET.Element) -> None:
    tag = element.tag.removeprefix(f"{{{_NAMESPACE}}}")
    if tag not in _ELEMENTS:
        raise UnsafeDrawing(f"a drawing may not hold the element {tag!r}")
    for key, value in element.attrib.items():
        local = _LOCAL_URL.sub("", value)
        if key.lower().startswith("on") or "href" in key.lower() or "url(" in local.lower():
            raise UnsafeDrawing(f"a drawing may not hold {key}={value[:60]!r}")


def _describe(element: ET.Element) -> None:
    """Turn the description of a mark, if it has one, into a tooltip."""
    words = element.attrib.get("aria-label")
    if words and not element.tag.endswith("}g"):
        ET.SubElement(element, f"{{{_NAMESPACE}}}title").text = words


def _tidy(element: ET.Element, name: str) -> None:
    for key in list(element.attrib):
        if key in _NOISE or key.startswith("aria-"):
            del element.attrib[key]
        elif key == "id":
            element.set("id", f"{name}-{element.attrib['id']}")
        else:
            element.set(key, _LOCAL_URL.sub(rf"url(#{name}-\1)", element.attrib[key]))


def _drop_hidden(element: ET.Element) -> None:
    for child in list(element):
        if _hidden(child.attrib):
            element.remove(child)
        else:
            _drop_hidden(child)


def _hidden(attributes: dict[str, Any]) -> bool:
    empty = attributes.get("d") in ("", "M0,0h0v0h0Z")
    return attributes.get("display") == "none" or empty
