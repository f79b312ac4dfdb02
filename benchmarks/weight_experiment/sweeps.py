"""The studies of the experiment: each number goes through the harness, and into its store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from agreement import Scene, agreements, groups
from anchors import (
    FACTORS,
    MIXTURES,
    OTHER_SENTENCES,
    OVER_TRAINED,
    PAIRS,
    SECOND_MIXTURE,
    SECOND_PAIR,
    SHARES,
    Anchor,
)
from lab import Lab
from readings import Likelihoods, Reader, Reading, Rows, Sentiments, metrics, readings
from texts import ATTRIBUTES

from continuum import Interpolant, Simplex, evaluate
from continuum.core import PointLike
from continuum.models.weights.coefficients import Attributes

ALPHAS = tuple(np.arange(-1, 2.01, 0.25).tolist())
SPARSE = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
INSIDE = (0.0, 0.25, 0.5, 0.75, 1.0)
SPOKEN = (-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0)
_BOUNDS = (-1.0, 2.0)
_FEW = 32  # texts of each class where all ten classes are read
_CLASSES = tuple(name for pair in ATTRIBUTES.values() for name in pair)
_ALL = tuple(anchor for pair in PAIRS.values() for anchor in pair)

SPEAKERS: dict[str, Anchor | str | None] = {
    **{f"trained on {100 * share:.0f}% positive": anchor for share, anchor in MIXTURES.items()},
    "trained on 50% positive, other sentences": OTHER_SENTENCES,
    "trained on 50% positive, second seed": SECOND_MIXTURE,
    "base": None,
}
REFERENCES = SPEAKERS | {f"factors averaged at {share}": name for share, name in FACTORS.items()}
ENDS: dict[str, Anchor | str | None] = {anchor.name: anchor for anchor in _ALL} | {"base": None}
NAMES = {"references": list(REFERENCES), "generations of references": list(SPEAKERS), "ends": list(ENDS)}
"""Names of the rows of studies of models that lie on no line."""


def sentiment(lab: Lab) -> None:
    """The path between the two sentiment anchors, and what was trained or made otherwise."""
    _sweep(lab, "sentiment", PAIRS["sentiment"], "sentiment", ALPHAS)
    _rows(lab, "references", REFERENCES, Likelihoods(ATTRIBUTES["sentiment"]))


def generations(lab: Lab) -> None:
    """VADER of what models of the path write, and of what the trained ones do."""
    reader = Sentiments()
    path = readings(lab, PAIRS["sentiment"], Attributes(("sentiment",), _BOUNDS), reader)
    _study(lab, "generations", path, SPOKEN, reader.groups(lab))
    _rows(lab, "generations of references", SPEAKERS, reader)


def register(lab: Lab) -> None:
    _sweep(lab, "register", PAIRS["register"], "register", ALPHAS)


def genres(lab: Lab) -> None:
    """The paths between pairs of genres."""
    for attribute in list(ATTRIBUTES)[2:]:
        _sweep(lab, attribute, PAIRS[attribute], attribute, INSIDE)


def controls(lab: Lab) -> None:
    """The sentiment path of a second seed, and that of over-trained anchors."""
    for name, pair in (("second seed", SECOND_PAIR), ("over-trained", OVER_TRAINED)):
        _sweep(lab, name, pair, "sentiment", SPARSE)


def predictions(lab: Lab) -> None:
    """Token by token: interpolated against trained, against mixtures of predictions, and noise floors."""
    scenes = tuple(_scene(share) for share in SHARES)
    _study(lab, "agreement", agreements(lab, scenes), SHARES, groups(scenes))
    floors = (_floors(),)
    _study(lab, "floors", agreements(lab, floors), [0.5], groups(floors))
    _ends(lab, "agreement, over-trained", "sentiment", OVER_TRAINED)


def register_predictions(lab: Lab) -> None:
    _ends(lab, "agreement, register", "register", PAIRS["register"])


def two_attributes(lab: Lab) -> None:
    """Sentiment and register at once, each with half of the weight."""
    names = ("sentiment", "register")
    reader = Likelihoods(tuple(name for attribute in names for name in ATTRIBUTES[attribute]), _FEW)
    points = [(a, b, 0.5, 0.5) for a in (0.0, 0.5, 1.0) for b in (0.0, 0.5, 1.0)]
    _study(lab, "two attributes", _several(lab, names, reader), points, reader.groups(lab))


def entanglement(lab: Lab) -> None:
    """What each attribute's knob does to the others: alone, and with a fifth of the weight."""
    reader, names = Likelihoods(_CLASSES, _FEW, neutral=False), tuple(ATTRIBUTES)
    _rows(lab, "ends", ENDS, reader)
    points = [
        (*(end if name == turned else 0.5 for name in names), *(0.2,) * len(names))
        for turned in names
        for end in (0.0, 1.0)
    ]
    _study(lab, "uniform", _several(lab, names, reader), points, reader.groups(lab))


def simplex(lab: Lab) -> None:
    """All five positive ends, over a lattice of their weights."""
    reader, names = Likelihoods(_CLASSES, _FEW // 2), tuple(ATTRIBUTES)
    points = [(*(1.0,) * len(names), *weights) for weights in Simplex(names).grid(3)]
    _study(lab, "simplex", _several(lab, names, reader), points, reader.groups(lab))


def _sweep(lab: Lab, name: str, pair: tuple[Anchor, ...], attribute: str, alphas: Sequence[float]) -> None:
    reader = Likelihoods(ATTRIBUTES[attribute])
    path = readings(lab, pair, Attributes((attribute,), _BOUNDS), reader)
    _study(lab, name, path, alphas, reader.groups(lab))


def _rows(lab: Lab, name: str, models: Mapping[str, Anchor | str | None], reader: Reader) -> None:
    """Models by themselves, each at its place in the list; None is the base."""
    kept = tuple(dict.fromkeys(model for model in models.values() if model is not None))
    rows = tuple(tuple(float(model == other) for other in kept) for model in models.values())
    levels = tuple(map(float, range(len(rows))))
    _study(lab, name, readings(lab, kept, Rows(levels, rows), reader), levels, reader.groups(lab))


def _several(lab: Lab, names: tuple[str, ...], reader: Reader) -> Interpolant[Reading]:
    anchors = tuple(anchor for name in names for anchor in PAIRS[name])
    return readings(lab, anchors, Attributes(names, _BOUNDS), reader)


def _scene(alpha: float) -> Scene:
    anchors = (*PAIRS["sentiment"], MIXTURES[alpha], FACTORS[alpha])
    models = {
        "plus": (1.0, 0.0, 0.0, 0.0),
        "minus": (0.0, 1.0, 0.0, 0.0),
        "trained": (0.0, 0.0, 1.0, 0.0),
        "factors": (0.0, 0.0, 0.0, 1.0),
        "interpolated": (alpha, 1 - alpha, 0.0, 0.0),
    }
    pairs = (
        ("interpolated", "trained"),
        ("interpolated", "geometric"),
        ("interpolated", "arithmetic"),
        ("trained", "geometric"),
        ("trained", "arithmetic"),
        ("factors", "trained"),
        ("factors", "interpolated"),
        ("plus", "minus"),
        ("trained", "plus"),
        ("trained", "minus"),
    )
    return Scene(alpha, "sentiment", anchors, tuple(models.items()), pairs)


def _floors() -> Scene:
    """How far apart models are that should be the same, and the base for scale."""
    anchors = (*PAIRS["sentiment"], MIXTURES[0.5], OTHER_SENTENCES, SECOND_MIXTURE, *SECOND_PAIR)
    rows = {
        "plus": {0: 1.0},
        "minus": {1: 1.0},
        "interpolated": {0: 0.5, 1: 0.5},
        "trained": {2: 1.0},
        "trained, other sentences": {3: 1.0},
        "trained, second seed": {4: 1.0},
        "interpolated, second seed": {5: 0.5, 6: 0.5},
        "base": {},
    }
    models = {name: tuple(row.get(k, 0.0) for k in range(len(anchors))) for name, row in rows.items()}
    pairs = (
        ("trained", "trained, other sentences"),
        ("trained", "trained, second seed"),
        ("interpolated", "trained, other sentences"),
        ("interpolated", "trained, second seed"),
        ("interpolated", "interpolated, second seed"),
        ("interpolated, second seed", "trained, second seed"),
        ("base", "interpolated"),
        ("base", "plus"),
        ("base", "minus"),
    )
    return Scene(0.5, "sentiment", anchors, tuple(models.items()), pairs)


def _ends(lab: Lab, name: str, attribute: str, pair: tuple[Anchor, ...]) -> None:
    """Interpolated weights half way against both mixtures of what the ends predict."""
    models = (("plus", (1.0, 0.0)), ("minus", (0.0, 1.0)), ("interpolated", (0.5, 0.5)))
    pairs = (("interpolated", "geometric"), ("interpolated", "arithmetic"), ("plus", "minus"))
    scenes = (Scene(0.5, attribute, pair, models, pairs),)
    _study(lab, name, agreements(lab, scenes), [0.5], groups(scenes))


def _study(
    lab: Lab, name: str, path: Interpolant[Reading], points: Sequence[PointLike], groups: Mapping[str, int]
) -> None:
    start = time.perf_counter()
    evaluate(path, metrics(groups), points=points, name=name, store=lab.store, n_jobs=lab.jobs)
    print(f"{time.strftime('%H:%M:%S')} {name}: {time.perf_counter() - start:.0f} s", flush=True)
