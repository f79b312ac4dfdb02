"""The tables as Markdown, beside the numbers as JSON and the figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    if tables.seeds(measured["pieces"]):
        draw(measured["pieces"]).savefig(path.with_suffix(".png"), dpi=160)


def markdown(measured: Mapping[str, Any]) -> Lines:
    pieces = measured["pieces"]
    lines = opening("What is worth training on", measured, claims(pieces))
    for title, (text, rows, needed) in _SECTIONS.items():
        if any(name.startswith(needed) for name in pieces):
            lines += ["", f"## {title}", "", text, "", *rows(pieces)]
    return lines


def _error(values: Any) -> str:
    values = np.asarray(values, float)
    return f"{values.mean():.2f} ± {values.std(ddof=1) / len(values) ** 0.5:.2f}"


def _curves(key: str) -> Any:
    def rows(pieces: Pieces) -> Lines:
        found = tables.seeds(pieces)
        names = ["zero-shot", *tables.orders(pieces)]
        curves = {name: np.transpose([tables.curve(piece, name, key) for piece in found]) for name in names}
        cells = ((name, *map(_error, columns)) for name, columns in curves.items())
        return table(("chosen by", *map(str, tables.budgets(pieces))), cells)

    return rows


def _differences(pieces: Pieces) -> Lines:
    cells = (
        (name, *(f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]" for mean, low, high in tables.less_random(pieces, name)[:-1]))
        for name in tables.orders(pieces)[1:]
    )
    return table(("chosen by", *map(str, tables.budgets(pieces)[:-1])), cells)


def _quantiles(pieces: Pieces) -> Lines:
    cells = (
        (name, *(f"{rows[key].mean():+.2f} ± {rows[key].std():.2f}" for key in ("loss", "accuracy")))
        for name, rows in tables.quantiles(pieces).items()
    )
    return table(("representation", "with the loss", "with the accuracy"), cells)


def _distances(pieces: Pieces) -> Lines:
    lines: Lines = []
    for space in ("pixels", "gradient"):
        for distance in ("transport", "mmd2", "nearest"):
            found = tables.distances(pieces, space, distance)
            cells = ((name, *(f"{value:.3f}" for value in values)) for name, values in found.items())
            lines += [f"{distance}, {space}:", "", *table(("chosen by", *map(str, tables.budgets(pieces))), cells), ""]
    return lines


def _precision(pieces: Pieces) -> Lines:
    piece = pieces["text-orders"]
    share = float(np.mean(list(piece["share"].values())))
    rows = {**tables.precision(pieces), "at random": [share] * len(piece["depths"])}
    head = ("chosen by", *(f"first {depth}" for depth in piece["depths"]))
    return table(head, ((name, *(f"{value:.2f}" for value in values)) for name, values in rows.items()))


def _texts(pieces: Pieces) -> Lines:
    names = tables.text_rows(pieces)
    if not names:
        return []
    budgets = next(iter(tables.topics(pieces).values()))["budgets"]
    cells = (
        (
            name,
            *(f"{mean:.3f}" for mean, _ in tables.text_loss(pieces, name)),
            *(f"{mean:+.3f} ± {error:.3f}" for mean, error in tables.text_loss(pieces, name, "random")),
        )
        for name in names
    )
    head = ("chosen by", *(f"loss, {k}" for k in budgets), *(f"less random, {k}" for k in budgets))
    return table(head, cells)


_SECTIONS = {
    "Loss on the task": (
        "Cross-entropy on clean images of the two classes, mean over seeds and its standard error, by the number of "
        "examples.",
        _curves("loss"),
        "digits",
    ),
    "Loss less that of random choice": ("Paired by seed, 95% bootstrap interval.", _differences, "digits"),
    "Accuracy on the task": ("The same runs.", _curves("accuracy"), "digits"),
    "Quantiles": (
        "The pool in the order of round robin, ten quantiles, the first 60 of each: Spearman correlation of the number "
        "of the quantile with what comes after training on it, mean and standard deviation over seeds.",
        _quantiles,
        "digits",
    ),
    "Distances along the budget": ("To the query, mean over seeds.", _distances, "digits"),
    "Texts on the topic": (
        "Share of the first that are on the topic, mean over four topics.",
        _precision,
        "text-orders",
    ),
    "Loss on the topic": (
        "Nats a token, mean over 24 held-out texts of each of four topics, with the standard error of the paired "
        "difference.",
        _texts,
        "text-",
    ),
}
