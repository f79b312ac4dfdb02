"""All tables of the experiment from what was measured, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import composition
import numpy as np
import tables
from measured import Study, studies_of
from texts import ATTRIBUTES
from weights import angles

Found = dict[str, Any]


def summarise(measured: Mapping[str, Any]) -> Found:
    studies = studies_of(measured["studies"])
    sentiment = ATTRIBUTES["sentiment"]
    found: Found = {
        "sweeps": {
            name: tables.sweep(studies[name], *ATTRIBUTES[attribute]) for name, attribute in tables.SWEEPS.items()
        },
        "gate": tables.gate(studies, ATTRIBUTES),
        "shapes": tables.shapes(studies, ATTRIBUTES),
        "stable": tables.stable(studies),
        "tracking": tables.tracking(studies, *sentiment),
        "divergences": {
            name: tables.divergences(studies[name])
            for name in ("agreement", "floors", "agreement, register", "agreement, over-trained")
        },
        "spoken": tables.spoken(studies),
        "score distances": tables.score_distances(studies),
        "two attributes": composition.two_attributes(studies["two attributes"], studies["references"], ATTRIBUTES),
        "entanglement": composition.entanglement(studies, ATTRIBUTES),
        "simplex": composition.simplex(studies["simplex"], ATTRIBUTES),
        "angles": angles(measured["geometry"]),
        "base": base(studies),
    }
    return found


def base(studies: Mapping[str, Study]) -> Found:
    """The base model on the same texts."""
    rows, ends = studies["references"], studies["ends"]
    scores = {name: float(ends.ratio(*pair)[ends.names.index("base")].mean()) for name, pair in ATTRIBUTES.items()}
    scores["sentiment"] = float(rows.ratio(*ATTRIBUTES["sentiment"])[rows.names.index("base")].mean())
    return {"S": scores, "perplexity": float(np.exp(rows.row("neutral", "base").mean()))}
