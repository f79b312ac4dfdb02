"""The tables as Markdown, beside the numbers as JSON and the figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tables
from claims import claims
from figure import draw
from reports import Lines, opening, rounded, table

Pieces = Mapping[str, Any]

_DIGITS = 4  # significant ones that are stored


def write(path: Path, measured: Mapping[str, Any]) -> None:
    """Write what was measured, its tables and its figure side by side."""
    measured = rounded(measured, _DIGITS)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {**measured, "claims": [claim._asdict() for claim in claims(measured["pieces"])]}
    path.write_text(json.dumps(found, separators=(",", ":")) + "\n")
    path.with_suffix(".md").write_text("\n".join(markdown(measured)) + "\n")
    draw(measured["pieces"]).savefig(path.with_suffix(".png"), dpi=160)


def markdown(measured: Mapping[str, Any]) -> Lines:
    pieces = measured["pieces"]
    lines = opening("Distances between decision tasks", measured, claims(pieces))
    for title, (text, rows) in _SECTIONS.items():
        lines += ["", f"## {title}", "", text, "", *rows(pieces)]
    return lines


def _interval(values: Sequence[float]) -> str:
    mean, low, high = values
    return "" if np.isnan(mean) else f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def _error(values: Any) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.3f}" if len(values) > 1 else ""


def _correlations(rank: bool) -> Any:
    def rows(pieces: Pieces) -> Lines:
        head = ("setting", "targets", "sources", *tables.NAMED)
        cells = (
            (row["setting"], row["targets"], row["sources"], *(_interval(row[name]) for name in tables.NAMED))
            for row in tables.correlations(pieces, rank)
        )
        return table(head, cells)

    return rows


def _differences(pieces: Pieces) -> Lines:
    names = [f"{one} less {other}" for one, other in tables.DIFFERENCES]
    cells = ((row["setting"], *(_interval(row[name]) for name in names)) for row in tables.differences(pieces))
    return table(("setting", *names), cells)


def _disparities(pieces: Pieces) -> Lines:
    found = tables.disparities(pieces)
    names = [name for name in next(iter(found), {}) if name != "setting"]
    return table(("setting", *names), ((row["setting"], *(f"{row[name]:+.2f}" for name in names)) for row in found))


def _tuning(pieces: Pieces) -> Lines:
    numbers = ("r of the best", "r of one for all", "priced")
    head = ("setting", "best", numbers[0], "one for all", *numbers[1:], "above agnostic", "above priced")
    cells = (
        (
            *(row["setting"], row["best"], f"{row[numbers[0]]:+.2f}", row["one for all"]),
            *(f"{row[name]:+.2f}" for name in numbers[1:]),
            *(row["above agnostic"], row["above priced"]),
        )
        for row in tables.tuning(pieces)
    )
    return table(head, cells)


def _regrets(pieces: Pieces) -> Lines:
    levels, bounds = ("own", "least", "mean", "greatest"), ("least slack", "median slack")
    cells = (
        (row["setting"], *(f"{row[k]:.3f}" for k in levels), row["bounds"], *(f"{row[k]:.2f}" for k in bounds))
        for row in tables.regrets(pieces)
    )
    return table(("setting", *levels, "transfers", *bounds), cells)


def _choices(pieces: Pieces) -> Lines:
    cells = (
        (row["setting"], row["choice"], *(_error(row[key]) if key in row else "" for key in ("zero-shot", "with few")))
        for row in tables.choices(pieces)
    )
    return table(("setting", "learnt from", "zero-shot", "with few"), cells)


def _cubic(pieces: Pieces) -> Lines:
    found = tables.cubic(pieces)
    names = [name for name in next(iter(found), {}) if name != "coefficient"]
    cells = ((row["coefficient"], *(f"{row[name]:.3f}" for name in names)) for row in found)
    return table(("coefficient", *names), cells)


def _curves(pieces: Pieces) -> Lines:
    found = tables.curves(pieces)
    points = [f"{t:g}" for t in found[0]["t"]] if found else []
    cells = (
        (row["setting"], row["labels"], len(row[key]), key, *(f"{value:.3f}" for value in row[key].mean(0)))
        for row in found
        for key in ("path", "mixture", "drift")
    )
    return table(("setting", "labels of the target", "pairs", "what", *points), cells)


_SECTIONS: Mapping[str, tuple[str, Any]] = {
    "Correlations": (
        "Pearson's correlation of distance and regret over sources, mean over targets, with the middle 95% of a "
        "thousand draws of sources. The best ones are chosen in hindsight, by the numbers that they are judged by; "
        "tried out is no distance, but the regret of each source's predictor on the instances that distances are "
        "measured to.",
        _correlations(False),
    ),
    "Differences": ("Of Pearson's correlations, from the same draws.", _differences),
    "Ranks": ("Spearman's correlation, likewise.", _correlations(True)),
    "Disparities": ("Mean correlation by the instances on which decisions are valued, and by the plan.", _disparities),
    "Tuning": (
        "Weights of features, labels and decisions in the joint distance; how many of the 91 triples are above the "
        "agnostic one and above the price.",
        _tuning,
    ),
    "Regret after transfer": (
        "Normalised regret of the target's own predictor and of those of sources, mean over targets; the slack of the "
        "transfer bound in units of the optimum.",
        _regrets,
    ),
    "Choices": (
        "Normalised regret where few instances of the target have labels, mean over targets with its standard error.",
        _choices,
    ),
    "Cubic top-k": ("Mean over seeds; the coefficient of the target is 0.65.", _cubic),
    "Between source and target": (
        "Normalised regret on the target of what is learnt at t, mean over pairs, and the drift of decisions in units "
        "of the optimum.",
        _curves,
    ),
}
