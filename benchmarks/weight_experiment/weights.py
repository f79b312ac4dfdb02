"""Angles between the adapters, and between the directions from minus to plus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from anchors import MIXTURES, OTHER_SENTENCES, OVER_TRAINED, PAIRS, SECOND_MIXTURE, SECOND_PAIR
from lab import Lab, adapted

from continuum.models.weights.factors import read_adapters
from continuum.models.weights.geometry import Geometry, weight_geometry


def gram(lab: Lab) -> dict[str, Any]:
    """Inner products of all adapters, from which every angle follows."""
    pairs = [anchor for pair in PAIRS.values() for anchor in pair]
    anchors = [*pairs, *MIXTURES.values(), OTHER_SENTENCES, *SECOND_PAIR, SECOND_MIXTURE, *OVER_TRAINED]
    names = [anchor.name for anchor in anchors]
    geometry = weight_geometry(read_adapters(adapted(lab, names), names))
    return {"names": names, "gram": geometry.gram.tolist()}


def angles(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Cosines of the anchors; of the directions plus less minus; and of both with those of the second seed."""
    geometry = Geometry(tuple(stored["names"]), np.array(stored["gram"]), {})
    axes = {name: _axis(name, geometry) for name in geometry.adapters}
    pairs = {attribute: (axes[plus.name], axes[minus.name]) for attribute, (plus, minus) in PAIRS.items()}
    directions = {attribute: plus - minus for attribute, (plus, minus) in pairs.items()}
    second = [axes[anchor.name] for anchor in SECOND_PAIR]
    directions["sentiment, second seed"] = second[0] - second[1]
    anchors = {name: axes[name] for pair in PAIRS.values() for name in (pair[0].name, pair[1].name)}
    anchors |= {anchor.name: axes[anchor.name] for anchor in SECOND_PAIR}
    middle = sum(pairs["sentiment"]) / 2
    return {
        "anchors": _table(geometry, anchors),
        "directions": _table(geometry, directions),
        "norms": {name: geometry.norm(row) for name, row in (anchors | directions).items()},
        "middle to mixture": geometry.distance(middle, axes[MIXTURES[0.5].name])
        / geometry.norm(directions["sentiment"]),
        "mixture to other sentences": geometry.distance(axes[MIXTURES[0.5].name], axes[OTHER_SENTENCES.name])
        / geometry.norm(directions["sentiment"]),
    }


def _axis(name: str, geometry: Geometry) -> np.ndarray:
    return np.eye(len(geometry.adapters))[geometry.adapters.index(name)]


def _table(geometry: Geometry, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    cosines = [[geometry.cosine(a, b) for b in rows.values()] for a in rows.values()]
    return {"names": list(rows), "cosines": cosines}
