"""A figure as SVG inside a page: its ink follows the theme of the page, its marks speak when pointed at."""

from __future__ import annotations

import io
import re
import warnings
from xml.etree import ElementTree

import matplotlib.style
from matplotlib.figure import Figure

from .text import clean
from .theme import FAILED, INK, MUTED, PAPER, SERIES
from .tips import read_tips

__all__ = ["inline_svg", "page_style"]

# Text stays text, so that it can be searched and takes the type of the page; ids come from a fixed salt, so that the
# same results make the same page.
page_style = {"svg.fonttype": "none", "svg.hashsalt": "continuum", "text.usetex": False}

_DPI = 200  # of what is drawn as pixels, such as smooth shading
_VARIABLES = {INK: "--ink", MUTED: "--muted", PAPER: "--paper", FAILED: "--failed"} | {
    c: f"--series-{i}" for i, c in enumerate(SERIES)
}
_COLOUR = re.compile("|".join(_VARIABLES))
_ID = re.compile(r"#([\w.-]+)")


def inline_svg(figure: Figure, *, name: str, alt: str) -> str:
    """An `<svg>` element, to be put into an HTML page.

    Args:
        figure: any figure.
        name: prefix of the ids in it, different for each figure of a page.
        alt: what a reader who does not see the picture is told.
    """
    root = _rendered(figure)
    _without_foreign(root)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        _simplify(element, name)
    for group in root.iter("g"):
        _add_titles(group)
    width = root.attrib.pop("width", "0pt").removesuffix("pt")
    root.attrib.pop("height", None)
    root.attrib |= {"class": "plot", "role": "img", "aria-label": clean(alt), "style": f"--width: {float(width):.0f}"}
    return ElementTree.tostring(root, encoding="unicode")


def _rendered(figure: Figure) -> ElementTree.Element:
    buffer = io.BytesIO()
    with matplotlib.style.context(page_style), warnings.catch_warnings():
        # The font of matplotlib lacks many scripts; the browser has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        _lay_out(figure)
        figure.savefig(buffer, format="svg", dpi=_DPI, facecolor="none", metadata={"Date": None})
    return ElementTree.fromstring(buffer.getvalue())  # noqa: S314 -- written on the line above


def _lay_out(figure: Figure) -> None:
    """Place everything now: to save a figure that still has a layout to do draws it twice."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def _without_foreign(root: ElementTree.Element) -> None:
    """Remove metadata, which names web addresses, and style sheets, which would apply to the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)


def _simplify(element: ElementTree.Element, name: str) -> None:
    """Plain attribute names, ids that are unique in the page, colours that the page may change."""
    attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    if "id" in attributes and read_tips(attributes["id"]) is None:
        attributes["id"] = f"{name}-{attributes['id']}"
    for key in ("href", "clip-path", "mask", "filter", "fill"):
        if "#" in attributes.get(key, "") and (key == "href" or "url(" in attributes[key]):
            attributes[key] = _ID.sub(rf"#{name}-\1", attributes[key])
    if "style" in attributes:
        style = re.sub(r"url\(#([\w.-]+)\)", rf"url(#{name}-\1)", attributes["style"])
        attributes["style"] = _COLOUR.sub(lambda found: f"var({_VARIABLES[found[0]]}, {found[0]})", style)
    element.attrib.clear()
    element.attrib |= attributes


def _add_titles(group: ElementTree.Element) -> None:
    tips = read_tips(group.get("id", ""))
    if tips is None:
        return
    del group.attrib["id"]
    marks = list(group.iter("use")) or list(group.iter("path"))[:1]
    if len(marks) != len(tips):  # better no text than one at the wrong mark
        return
    for mark, tip in zip(marks, tips, strict=True):
        ElementTree.SubElement(mark, "title").text = "\n".join(map(clean, tip.split("\n")))
