"""Pieces of HTML. Every text goes through `escaped`: labels may hold anything."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .text import clean, printable

__all__ = ["Cell", "definitions", "escaped", "escaped_text", "folded", "table"]

Cell = tuple[str, str]  # text, and the class of the cell: "number", "text" or "long"


def escaped(text: object) -> str:
    """Text as HTML, safe in elements and in quoted attributes."""
    return html.escape(clean(text), quote=True)


def escaped_text(text: object) -> str:
    """Text as HTML with its line breaks, for elements that keep them."""
    return html.escape(printable(text), quote=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, caption: str) -> str:
    """A table that scrolls sideways where the screen is narrow; the first cell of a row is its heading."""
    rows = list(rows)
    kinds = [kind for _, kind in rows[0]] if rows else ["text"] * len(headings)
    names = zip(headings, kinds, strict=True)
    head = "".join(f'<th scope="col" class="{kind}">{escaped(heading)}</th>' for heading, kind in names)
    body = "".join(f"<tr>{_row(row)}</tr>\n" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escaped(caption)}"><table>'
        f"<caption><span>{escaped(caption)}</span></caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def definitions(items: Mapping[str, Any]) -> str:
    """A list of names and what they stand for; nested mappings are written flat, as "packages.numpy"."""
    lines = "".join(f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>\n" for name, value in _flat(items))
    return f"<dl>\n{lines}</dl>\n"


def folded(title: str, content: str) -> str:
    """Content that the reader opens by its title."""
    return f"<details><summary>{escaped(title)}</summary>\n{content}</details>\n"


def _row(cells: Sequence[Cell]) -> str:
    (first, _), *rest = cells
    return f'<th scope="row">{escaped(first)}</th>' + "".join(
        f'<td class="{kind}">{escaped(x)}</td>' for x, kind in rest
    )


def _flat(items: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in items.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(map(str, value))
        else:
            yield f"{prefix}{name}", "—" if value is None else value
