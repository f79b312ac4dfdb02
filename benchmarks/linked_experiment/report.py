"""The tables as Markdown, beside the numbers as JSON and the figure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tables
from claims import claims
from figure import draw
from reports import Lines, opening, rounded, table

Pieces = Mapping[str, Any]

_DIGITS = 5  # significant ones that are stored


def write(path: Path, measured: Mapping[str, Any]) -> None:
    """Write what was measured, its tables and its figure side by side."""
    measured = rounded(measured, _DIGITS)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {**measured, "claims": [claim._asdict() for claim in claims(measured["pieces"])]}
    path.write_text(json.dumps(found) + "\n")
    path.with_suffix(".md").write_text("\n".join(markdown(measured)) + "\n")
    if tables.measured(measured["pieces"]):
        draw(measured["pieces"]).savefig(path.with_suffix(".png"), dpi=160)


def markdown(measured: Mapping[str, Any]) -> Lines:
    pieces = measured["pieces"]
    lines = opening("Linked continua", measured, claims(pieces))
    if tables.measured(pieces):
        for title, (text, rows) in _SECTIONS.items():
            lines += ["", f"## {title}", "", text, "", *rows(pieces)]
    return lines


def _shown(values: Any, digits: int = 1, scale: float = 100, sign: str = "") -> str:
    mean, low, high = (scale * x for x in tables.interval(values))
    return f"{mean:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def _left(of: Iterable[str]) -> Any:
    def rows(pieces: Pieces) -> Lines:
        settings = tables.measured(pieces, of)
        cells = ((label, *(_shown(tables.share(pieces, name, label)) for name in settings)) for label in tables.RIVALS)
        return table(("met by", *settings), cells) if settings else []

    return rows


def _less_link(pieces: Pieces) -> Lines:
    settings = tables.measured(pieces)
    link = {name: tables.share(pieces, name, "link") for name in settings}
    rows = (
        (label, *(_shown(tables.share(pieces, name, label) - link[name], sign="+") for name in settings))
        for label in tables.RIVALS[1:]
    )
    return table(("met by", *settings), rows)


def _maps(start: str) -> Any:
    def rows(pieces: Pieces) -> Lines:
        every = (*tables.SETTINGS, *tables.BESIDE)
        settings = tables.measured(pieces, [name for name in every if name.startswith(start)])
        if not settings:
            return []
        columns = [(name, likeness) for likeness in ("divergence", "value") for name in settings]
        found = [tables.maps(pieces, *column).T for column in columns]
        a = tables.points(pieces, settings[0])
        cells = ((f"{x:.3f}", *(_shown(part[k], 2, scale=1) for part in found)) for k, x in enumerate(a))
        return table(("a", *(f"{name}, by {likeness}" for name, likeness in columns)), cells)

    return rows


def _values(pieces: Pieces) -> Lines:
    settings = tables.measured(pieces)
    labels = ("link", "link, held out", "identity", "best constant", tables.ARITHMETIC, tables.GEOMETRIC)
    rows = ((label, *(_shown(tables.value_left(pieces, name, label)) for name in settings)) for label in labels)
    return table(("met by", *settings), rows)


def _ensembles(pieces: Pieces) -> Lines:
    both = tables.ARITHMETIC, tables.GEOMETRIC
    rows = (
        (name, *(_shown(tables.to_ensembles(pieces, name, label)) for label in both))
        for name in tables.measured(pieces)
    )
    return table(("weights of", *(f"from the {label}" for label in both)), rows)


def _accuracies(pieces: Pieces) -> Lines:
    settings = [name for name in tables.IMAGES if name in tables.measured(pieces)]
    if not settings:
        return []
    kinds = ("trained", "weights")
    found = {
        (name, kind): np.mean([piece["accuracy"][kind] for piece in tables.seeds(pieces, name)], 0)
        for name in settings
        for kind in kinds
    }
    cells = (
        (f"{x:.3f}", *(f"{100 * rows[k][0]:.1f}, {100 * rows[k][1]:.1f}" for rows in found.values()))
        for k, x in enumerate(tables.points(pieces, settings[0]))
    )
    return table(("a", *(f"{name}, {kind}" for name, kind in found)), cells)


def _ends(pieces: Pieces) -> Lines:
    rows = []
    for name in tables.measured(pieces, (*tables.SETTINGS, *tables.BESIDE)):
        ends, floor = tables.between_ends(pieces, name), tables.apart(pieces, name, tables.FLOOR).mean(1)
        other = tables.other_texts(pieces, name)
        count = len(tables.seeds(pieces, name))
        shown = "-" if other is None else _shown(other, 4, 1)
        rows.append((name, count, _shown(ends, 4, 1), _shown(floor, 4, 1), shown))
    return table(("path of data", "seeds", "between the ends", "between seeds", "other texts alone, at a = 1/2"), rows)


_SECTIONS = {
    "What is left": (
        "Jensen-Shannon divergence of the trained models from what they are met by, mean over inner points, in percent "
        "of that between the ends; mean over seeds and its 95% interval.",
        _left(tables.SETTINGS),
    ),
    "More than the link leaves": ("The same less that of the link, paired by seed.", _less_link),
    "Other trainings": (
        "What is left where the network that all start from has learnt less, and where the rate is halved.",
        _left(tables.BESIDE),
    ),
    "Maps of images": ("Alpha by a, mean over seeds and its 95% interval.", _maps("images")),
    "Maps of images from a weak start": ("The same.", _maps("weak start")),
    "Maps of texts": ("The same.", _maps("texts")),
    "One number": (
        "Accuracy on the target less that on the source, and log-likelihood of the target less that of the source: how "
        "far from that of the trained models, mean over inner points, in percent of the range between the ends.",
        _values,
    ),
    "Weights and ensembles": (
        "Divergence of the weights at alpha from the ensembles of the two ends at the same weight, mean over inner "
        "points, in percent of that between the ends.",
        _ensembles,
    ),
    "Accuracy": ("On the source and on the target, percent, mean over seeds.", _accuracies),
    "Divergences": ("In nats.", _ends),
}
