"""Lets the gallery see the figures that `continuum.report` returns.

They belong to no window and to no global state, so sphinx-gallery's own scraper, which asks pyplot, does not find them.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

__all__ = ["scrape"]

_RESOLUTION = 110  # dots per inch


def scrape(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save every figure that a block of an example has bound to a name, and link it below the block."""
    names = block_vars["example_globals"]
    shown = names.setdefault("__shown_figures__", [])
    paths = []
    for figure in [value for value in names.values() if isinstance(value, Figure)]:
        if any(figure is other for other in shown):
            continue
        shown.append(figure)
        paths.append(next(block_vars["image_path_iterator"]))
        figure.savefig(paths[-1], dpi=_RESOLUTION)
    return figure_rst(paths, gallery_conf["src_dir"])
