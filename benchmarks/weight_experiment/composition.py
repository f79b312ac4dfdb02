"""Several attributes at once: what each knob does to each attribute, and whether effects add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from measured import Array, Study, interval

from continuum.models.paired import paired_difference

Row = dict[str, Any]
Attributes = Mapping[str, Sequence[str]]


def two_attributes(study: Study, base: Study, attributes: Attributes) -> Row:
    """Scores on the 3 x 3 grid, and what each knob does at each end of the other."""
    scores = {name: study.ratio(*attributes[name]) for name in ("sentiment", "register")}
    corners = {point[:2]: place for place, point in enumerate(study.points)}
    grid = [
        {
            "sentiment": a,
            "register": b,
            **{f"S {name}": float(scores[name][place].mean()) for name in scores},
            "perplexity": float(np.exp(study.groups["neutral"][place].mean())),
        }
        for (a, b), place in corners.items()
    ]
    effects = []
    for knob in (0, 1):
        for other in (0.0, 1.0):
            ends = [corners[_corner(knob, end, other)] for end in (1.0, 0.0)]
            changes = {name: _pair(*scores[name][ends]) for name in scores}
            effects.append({"knob": list(scores)[knob], "other at": other, **changes})
    both = np.array([corners[1.0, 1.0], corners[0.0, 0.0], corners[1.0, 0.0], corners[0.0, 1.0]])
    crossed = {
        name: _pair(rows[both[0]] + rows[both[1]], rows[both[2]] + rows[both[3]]) for name, rows in scores.items()
    }
    perplexity = float(np.exp(base.row("neutral", "base").mean()))
    return {"grid": grid, "effects": effects, "interaction": crossed, "base perplexity": perplexity}


def _corner(knob: int, end: float, other: float) -> tuple[float, float]:
    return (end, other) if knob == 0 else (other, end)


def _pair(a: Array, b: Array) -> list[float]:
    """Mean and paired standard error of a difference."""
    found = paired_difference(a, b)
    return [found.mean, found.standard_error]


def entanglement(studies: Mapping[str, Study], attributes: Attributes) -> dict[str, Row]:
    """J: how much the score of each attribute (columns) moves when one alpha goes from 0 to 1 (rows)."""
    return {
        "alone": _summary(_alone(studies["ends"], attributes), list(attributes)),
        "a fifth each": _summary(_together(studies["uniform"], attributes), list(attributes)),
    }


def _alone(study: Study, attributes: Attributes) -> Array:
    """Changes of scores between the two anchors of each attribute, (knobs, scores, blocks)."""
    scores = {name: study.ratio(*pair) for name, pair in attributes.items()}
    places = {name: [study.names.index(anchor) for anchor in pair] for name, pair in attributes.items()}
    return np.array([[rows[one] - rows[other] for rows in scores.values()] for one, other in places.values()])


def _together(study: Study, attributes: Attributes) -> Array:
    scores = [study.ratio(*pair) for pair in attributes.values()]
    turned = [np.array(study.points)[:, k] for k in range(len(attributes))]
    ends = [(int(np.flatnonzero(alphas == 1)[0]), int(np.flatnonzero(alphas == 0)[0])) for alphas in turned]
    return np.array([[rows[one] - rows[other] for rows in scores] for one, other in ends])


def _summary(changes: Array, names: list[str]) -> Row:
    found = changes.mean(-1)
    errors = changes.std(-1, ddof=1) / np.sqrt(changes.shape[-1])
    shares = interval(lambda chosen: off_diagonal(changes[..., chosen].mean(-1)), changes.shape[-1])
    largest = interval(lambda chosen: _largest(changes[..., chosen].mean(-1)), changes.shape[-1])
    return {
        "names": names,
        "J": found.tolist(),
        "SE": errors.tolist(),
        "off-diagonal share": [off_diagonal(found), *shares.tolist()],
        "largest off-diagonal": [_largest(found), *largest.tolist()],
    }


def off_diagonal(matrix: Array) -> float:
    """Share of what is off the diagonal, in units of how far each score moves by its own knob."""
    scaled = np.abs(matrix / np.diag(matrix))
    return float(1 - np.trace(scaled) / scaled.sum())


def _largest(matrix: Array) -> float:
    scaled = np.abs(matrix / np.diag(matrix))
    return float((scaled - np.diag(np.diag(scaled))).max())


def simplex(study: Study, attributes: Attributes) -> Row:
    """Scores over the lattice of weights, all alphas 1, beside what the vertices predict linearly."""
    weights = np.array(study.points)[:, len(attributes) :]
    vertices = np.array([np.flatnonzero(weights[:, k] == 1)[0] for k in range(weights.shape[1])])
    rows, fits = [], {}
    scores = {name: study.ratio(*pair) for name, pair in attributes.items()}
    for place, point in enumerate(weights):
        means = {f"S {name}": float(score[place].mean()) for name, score in scores.items()}
        perplexity = float(np.exp(study.groups["neutral"][place].mean()))
        rows.append({"weights": point.tolist(), **means, "perplexity": perplexity})
    inner = weights.max(1) < 1
    for name, score in scores.items():
        fits[name] = _fit(score[inner], np.einsum("pk,kb->pb", weights[inner], score[vertices]))
    return {"rows": rows, "linear": fits}


def _fit(found: Array, linear: Array) -> Row:
    """How well midpoints of edges are the means of their ends."""
    error = (found - linear).mean(1)
    bounds = interval(lambda chosen: (found - linear)[:, chosen].mean(), found.shape[1])
    spread = np.ptp(linear.mean(1))
    squared = float(np.corrcoef(found.mean(1), linear.mean(1))[0, 1] ** 2)
    return {"R2": squared, "mean gap": [float(error.mean()), *bounds.tolist()], "range": float(spread)}
