"""Formulas as drawings inside the page: no LaTeX, no script, no font and no network is needed to read them.

matplotlib typesets, and its glyphs become one SVG path in the colour of the text; the LaTeX source is the text that is
read aloud. In docstrings, where style asks for plain text, `$...$` and `$$...$$` are formulas.
"""

from __future__ import annotations

import functools
import html
import re
from logging import getLogger
from typing import Any

from docutils import nodes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath, text_to_path
from sphinx.application import Sphinx
from sphinx.util import logging

__all__ = ["setup"]

_LOGGER = logging.getLogger(__name__)
getLogger("matplotlib.mathtext").setLevel("WARNING")  # it tells of every letter that it takes from another font
_DISPLAY = re.compile(r"^([ \t]*)\$\$(.+?)\$\$[ \t]*$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<![\\$])\$([^$]+?)\$(?!\$)")
_EM = 100  # units of the drawing in one em; whole numbers are then fine enough
_FONT = FontProperties(size=_EM, math_fontfamily="dejavuserif")
_STROKES = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}  # matplotlib's codes in the language of SVG

Synonyms = tuple[tuple[re.Pattern[str], str], ...]

# What matplotlib does not know, in terms of what it knows.
_SYNONYMS: Synonyms = (
    (re.compile(r"\\frac(\w)(\w)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\[bB]ig(?=[(\[])"), r"\\left"),
    (re.compile(r"\\[bB]ig(?=[)\]])"), r"\\right"),
    (re.compile(r"\\(le|ge)(?![a-zA-Z])"), r"\\\1q"),
)
_LARGE = (re.compile(r"\\frac"), r"\\dfrac")  # fractions of formulas that stand alone


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("drawn", (_visit_inline, None), (_visit_display, None))
    app.connect("autodoc-process-docstring", _translate_dollars, priority=400)  # before napoleon
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _translate_dollars(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = _as_rst("\n".join(lines)).split("\n")


def _as_rst(text: str) -> str:
    """`text` with its dollars as roles and directives of reStructuredText."""
    text = _DISPLAY.sub(lambda found: f"{found[1]}.. math:: {_one_line(found[2])}", text)
    return _INLINE.sub(lambda found: f":math:`{_one_line(found[1])}`", text)


def _one_line(formula: str) -> str:
    return " ".join(formula.split())


def _visit_inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(f'<span class="math">{_drawn(node, _SYNONYMS)}</span>')
    raise nodes.SkipNode


def _visit_display(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math">{_drawn(node, (*_SYNONYMS, _LARGE))}</div>')
    raise nodes.SkipNode


def _drawn(node: nodes.Element, synonyms: Synonyms) -> str:
    formula = _one_line(node.astext())
    try:
        return _svg(formula, synonyms)
    except ValueError as error:
        _LOGGER.warning("formula %r cannot be typeset: %s", formula, str(error).splitlines()[-1], location=node)
        return f"<code>{html.escape(formula)}</code>"


@functools.cache
def _svg(formula: str, synonyms: Synonyms) -> str:
    text = formula
    for unknown, known in synonyms:
        text = unknown.sub(known, text)
    width, height, depth = text_to_path.get_text_width_height_descent(f"${text}$", _FONT, ismath=True)
    outline = TextPath((0, 0), f"${text}$", prop=_FONT)
    strokes = (_stroke(points, code) for points, code in outline.iter_segments(simplify=False))
    style = f"width:{width / _EM:.3f}em;height:{height / _EM:.3f}em;vertical-align:{-depth / _EM:.3f}em"
    box = f"0 {depth - height:.0f} {width:.0f} {height:.0f}"
    label = html.escape(formula, quote=True)
    return (
        f'<svg role="img" aria-label="{label}" style="{style}" viewBox="{box}">'
        f'<path fill="currentColor" d="{"".join(strokes)}"/></svg>'
    )


def _stroke(points: Any, code: int) -> str:
    """One segment of an outline; the vertical axis of SVG points down."""
    letter = _STROKES[int(code)]
    if letter == "Z":
        return letter
    return letter + " ".join(f"{-x if i % 2 else x:.0f}" for i, x in enumerate(points))
