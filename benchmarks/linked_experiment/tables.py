"""The tables of the experiment, from its pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.stats import t as student

Pieces = Mapping[str, Any]
Interval = tuple[float, float, float]

SETTINGS = {
    "images, pooled": "image-pooled-",
    "images, geodesic": "image-geodesic-",
    "images, Mixup": "image-Mixup-",
    "texts, pooled": "text-",
}
"""Dataset paths, by the beginning of the names of their pieces."""

BESIDE = {
    **{f"weak start, {kind}": f"image-weak-{kind}-" for kind in ("pooled", "geodesic", "Mixup")},
    "texts, half the rate": "text-gentle-",
}
"""The same of images from a start that knows less, and of texts from weaker training; no claim is about them."""

POOLED = ("images, pooled", "texts, pooled")
IMAGES = tuple(setting for setting in SETTINGS if setting.startswith("images"))

WEIGHTS, ARITHMETIC, GEOMETRIC = "weights", "arithmetic ensemble", "geometric ensemble"
CARRIED, FLOOR, OTHER_TEXTS = "link of the other seeds", "another seed", "other texts"
RIVALS = (
    "link",
    "link, held out",
    CARRIED,
    "identity",
    "best constant",
    ARITHMETIC,
    f"{ARITHMETIC}, linked",
    GEOMETRIC,
    f"{GEOMETRIC}, linked",
    "untuned",
    FLOOR,
)
"""What the models of a dataset path are compared with."""

_INNER = slice(1, -1)  # at the ends models are the same


def interval(values: Any) -> Interval:
    """Mean over seeds with its 95% Student interval; no interval of a single one."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), float("nan"), float("nan")
    half = float(student.ppf(0.975, len(values) - 1)) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def seeds(pieces: Pieces, setting: str) -> list[Any]:
    """The pieces of a setting, one for each seed."""
    start = _beginning(setting)
    return [piece for name, piece in pieces.items() if name.startswith(start) and name[len(start) :].isdigit()]


def measured(pieces: Pieces, settings: Iterable[str] = tuple(SETTINGS)) -> list[str]:
    """The settings of which there are two seeds and the floor."""
    return [name for name in settings if len(seeds(pieces, name)) > 1 and f"{_beginning(name)}floor" in pieces]


def points(pieces: Pieces, setting: str) -> np.ndarray:
    return np.array(seeds(pieces, setting)[0]["divergence"][WEIGHTS]["a"])


def maps(pieces: Pieces, setting: str, likeness: str = "divergence", path: str = WEIGHTS) -> np.ndarray:
    """Where each point is met, (seeds, points)."""
    return np.array([piece[likeness][path]["alpha"] for piece in seeds(pieces, setting)])


def between_ends(pieces: Pieces, setting: str) -> np.ndarray:
    """Divergence of the two ends of each seed, in nats."""
    return np.array([piece["divergence"][WEIGHTS]["between"][0][-1] for piece in seeds(pieces, setting)])


def apart(pieces: Pieces, setting: str, label: str) -> np.ndarray:
    """Divergence of the trained models from what they are met by, at inner points, (seeds, points), in nats."""
    found = seeds(pieces, setting)
    if label == FLOOR:
        return _floor(pieces, setting)
    if label == CARRIED:
        return _carried(pieces, setting)
    if label.endswith(", linked"):
        path, label = label.removesuffix(", linked"), "link"
        return np.array([piece["divergence"][path]["distances"][label][_INNER] for piece in found])
    return np.array([piece["divergence"][WEIGHTS]["distances"][label][_INNER] for piece in found])


def share(pieces: Pieces, setting: str, label: str) -> np.ndarray:
    """Its mean over inner points as a share of the divergence between the ends, (seeds,)."""
    return apart(pieces, setting, label).mean(1) / between_ends(pieces, setting)


def to_ensembles(pieces: Pieces, setting: str, ensemble: str) -> np.ndarray:
    """Divergence of interpolated weights from an ensemble at the same point, as such a share, (seeds,)."""
    found = [piece["weights to ensembles"][ensemble][_INNER] for piece in seeds(pieces, setting)]
    return np.mean(found, 1) / between_ends(pieces, setting)


def value_left(pieces: Pieces, setting: str, label: str) -> np.ndarray:
    """Difference of the value at the match, mean over inner points, as a share of that between the ends, (seeds,)."""
    found = []
    for piece in seeds(pieces, setting):
        one = piece["value"][WEIGHTS]
        found.append(np.mean(one["distances"][label][_INNER]) / abs(one["on a"][-1] - one["on a"][0]))
    return np.array(found)


def bend(pieces: Pieces, setting: str) -> np.ndarray:
    """Mean distance of the map from the identity at inner points, (seeds,)."""
    return abs(maps(pieces, setting) - points(pieces, setting))[:, _INNER].mean(1)


def disagreement(pieces: Pieces, setting: str) -> np.ndarray:
    """Mean distance of the map by value from that by divergence at inner points, (seeds,)."""
    return abs(maps(pieces, setting) - maps(pieces, setting, "value"))[:, _INNER].mean(1)


def other_texts(pieces: Pieces, setting: str) -> np.ndarray | None:
    """Divergence of trainings on other texts, one half each, in nats, (seeds,); None where there are none."""
    found = pieces[f"{_beginning(setting)}floor"].get(OTHER_TEXTS)
    return None if found is None else np.array(found)


def _beginning(setting: str) -> str:
    return {**SETTINGS, **BESIDE}[setting]


def _floor(pieces: Pieces, setting: str) -> np.ndarray:
    """Mean divergence of the training of a seed from those of the others, (seeds, inner points)."""
    rows = np.array(pieces[f"{_beginning(setting)}floor"]["other seed"])[:, _INNER]
    count = len(seeds(pieces, setting))
    pairs = list(combinations(range(count), 2))
    return np.array([rows[[seed in pair for pair in pairs]].mean(0) for seed in range(count)])


def _carried(pieces: Pieces, setting: str) -> np.ndarray:
    """Divergence where a point is met by the mean map of the other seeds, (seeds, inner points)."""
    alphas, found = maps(pieces, setting), []
    for place, piece in enumerate(seeds(pieces, setting)):
        table = np.array(piece["divergence"][WEIGHTS]["between"])
        mean = np.delete(alphas, place, 0).mean(0)
        spline = CubicSpline(np.linspace(0, 1, table.shape[1]), table, axis=1)
        found.append(np.diagonal(spline(mean))[_INNER])
    return np.array(found)
