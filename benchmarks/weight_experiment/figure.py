"""The experiment in one picture: inter- and extrapolation, tracking, and entanglement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Found = Mapping[str, Any]

# Told apart by the colour-blind, Okabe & Ito (2008).
_COLOURS = {"sentiment": "#0072b2", "register": "#d55e00", "over-trained": "#999999", "second seed": "#56b4e9"}
_GREEN = "#009e73"


def draw(found: Found) -> Figure:
    """Four panels."""
    figure = Figure(figsize=(9.6, 6.6), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    _scores(panels[0], found)
    _perplexities(panels[1], found)
    _divergences(panels[2], found)
    _entanglement(figure, panels[3], found["entanglement"]["alone"])
    for panel in panels[:3]:
        panel.grid(alpha=0.3, linewidth=0.5)
    for panel in panels:
        panel.tick_params(labelsize=8)
    return figure


def _curve(rows: Sequence[Found], name: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row["alpha"] for row in rows]), np.array([row[name] for row in rows])


def _scores(panel: Axes, found: Found) -> None:
    for name in ("sentiment", "second seed", "register", "over-trained"):
        alphas, score = _curve(found["sweeps"][name], "S")
        ends = score[alphas == 0][0], score[alphas == 1][0]
        panel.plot(alphas, (score - ends[0]) / (ends[1] - ends[0]), "o-", ms=3, lw=1.2, c=_COLOURS[name], label=name)
    panel.plot([-1, 2], [-1, 2], ":", c="black", lw=0.8)
    panel.axvspan(0, 1, color="black", alpha=0.05, lw=0)
    panel.set_title("attribute score: straight inside, and how far outside?", fontsize=9)
    panel.set_ylabel("log-likelihood ratio, ends at 0 and 1", fontsize=8)
    panel.set_xlabel("alpha", fontsize=8)
    panel.legend(fontsize=8)


def _perplexities(panel: Axes, found: Found) -> None:
    for name in ("sentiment", "second seed", "register", "over-trained"):
        alphas, values = _curve(found["sweeps"][name], "perplexity")
        panel.plot(alphas, values, "o-", ms=3, lw=1.2, c=_COLOURS[name], label=name)
    panel.axhline(found["base"]["perplexity"], ls="--", lw=0.8, c="black", label="base")
    panel.axvspan(0, 1, color="black", alpha=0.05, lw=0)
    panel.set_yscale("log")
    panel.set_title("neutral perplexity: over-trained ends do not extrapolate", fontsize=9)
    panel.set_ylabel("perplexity", fontsize=8)
    panel.set_xlabel("alpha", fontsize=8)
    panel.legend(fontsize=8)


def _divergences(panel: Axes, found: Found) -> None:
    """Distance of the middle to what it should be like, beside noise floors."""
    agreement = [row for row in found["divergences"]["agreement"] if row["alpha"] == 0.5]
    kept = {
        "interpolated | geometric": "mixture of predictions, geometric",
        "interpolated | arithmetic": "mixture of predictions, arithmetic",
        "factors | interpolated": "factors averaged",
        "interpolated | trained": "trained on the mixture",
        "interpolated | trained, other sentences": "same, other sentences",
        "interpolated | trained, second seed": "same, second seed",
    }
    rows = {row["pair"]: row for row in [*agreement, *found["divergences"]["floors"]]}
    bars = {label: rows[pair] for pair, label in kept.items()}
    places = np.arange(len(bars))[::-1]
    values = np.array([row["JS"] for row in bars.values()])
    spread = np.abs(np.array([row["bounds"] for row in bars.values()]).T - values)
    panel.barh(places, values, xerr=spread, color=_COLOURS["sentiment"], error_kw={"lw": 0.8})
    panel.set_yticks(places, list(bars))
    for pair, label, colour in (
        ("trained | trained, other sentences", "two trainings, other sentences", _GREEN),
        ("trained | trained, second seed", "two trainings, second seed", "black"),
        ("plus | minus", "the two ends", _COLOURS["register"]),
    ):
        panel.axvline(rows[pair]["JS"], ls="--", lw=1, c=colour, label=label)
    panel.set_title("interpolated at .5 against ...", fontsize=9)
    panel.set_xlabel("token JS, nats; lines are distances for scale", fontsize=8)
    panel.legend(fontsize=7, loc="lower right")


def _entanglement(figure: Figure, panel: Axes, row: Found) -> None:
    matrix = np.array(row["J"]) / np.diag(np.array(row["J"]))
    errors = np.array(row["SE"]) / np.abs(np.diag(np.array(row["J"])))
    picture = panel.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    for (i, j), value in np.ndenumerate(matrix):
        colour = "white" if abs(value) > 0.6 else "black"
        panel.text(j, i, f"{value:.2f}\n±{errors[i, j]:.2f}", ha="center", va="center", fontsize=7, c=colour)
    names = row["names"]
    panel.set_xticks(range(len(names)), names, rotation=20)
    panel.set_yticks(range(len(names)), names)
    panel.set_ylabel("knob", fontsize=8)
    panel.set_title("score moved (column) by each knob (row), alone", fontsize=9)
    figure.colorbar(picture, ax=panel, shrink=0.8)
