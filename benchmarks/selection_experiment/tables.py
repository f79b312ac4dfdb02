"""The tables of the experiment, from its pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

Pieces = Mapping[str, Any]
Interval = tuple[float, float, float]

_DRAWS = 4000


def interval(values: Any) -> Interval:
    """Mean of paired differences over seeds, with its 95% bootstrap interval; no interval of a single one."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), float("nan"), float("nan")
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(_DRAWS, len(values)))].mean(1)
    return (float(values.mean()), *map(float, np.quantile(means, (0.025, 0.975))))


def seeds(pieces: Pieces) -> list[Any]:
    """The pieces of the digits, one for each seed."""
    return [piece for name, piece in pieces.items() if name.startswith("digits-")]


def budgets(pieces: Pieces) -> list[int]:
    return list(seeds(pieces)[0]["budgets"])


def orders(pieces: Pieces) -> list[str]:
    """Names of the orderings; random ones are one."""
    names = list(seeds(pieces)[0]["curves"])
    return ["random", *(name for name in names if not name.startswith("random"))]


def curve(piece: Any, name: str, key: str = "loss") -> np.ndarray:
    """Loss or accuracy of a seed at each budget; for "random" the mean over its draws, for "zero-shot" a constant."""
    if name == "zero-shot":
        return np.full(len(piece["budgets"]), piece["zero-shot"][key])
    chosen = [found for label, found in piece["curves"].items() if label == name or label.startswith(f"{name} ")]
    return np.mean([[one[key] for one in found] for found in chosen], 0)


def less_random(pieces: Pieces, name: str, key: str = "loss") -> list[Interval]:
    """Difference from random at each budget, paired by seed."""
    differences = [curve(piece, name, key) - curve(piece, "random", key) for piece in seeds(pieces)]
    return [interval(column) for column in np.transpose(differences)]


def quantiles(pieces: Pieces) -> dict[str, dict[str, np.ndarray]]:
    """Spearman of quantile and loss, and of quantile and accuracy, of each seed, by representation."""
    found = seeds(pieces)
    return {
        name: {
            key: np.array([piece["quantiles"][name][key]["spearman"] for piece in found])
            for key in ("loss", "accuracy")
        }
        for name in found[0]["quantiles"]
    }


def distances(pieces: Pieces, space: str, distance: str) -> dict[str, np.ndarray]:
    """Mean over seeds of a distance at each budget, by selector."""
    found = seeds(pieces)
    return {
        selector: np.mean([piece["distances"][space][selector][distance] for piece in found], 0)
        for selector in found[0]["distances"][space]
    }


def nearer_is_better(pieces: Pieces, space: str, budget: int) -> np.ndarray:
    """Spearman of distance to the query and loss over selectors at one budget, of each seed."""
    place = budgets(pieces).index(budget)
    found = []
    for piece in seeds(pieces):
        known = piece["distances"][space]
        names = {selector: "random" if selector == "random" else f"{space}, {selector}" for selector in known}
        far = [known[selector]["transport"][place] for selector in known]
        loss = [curve(piece, name)[place] for name in names.values()]
        found.append(float(spearmanr(far, loss)[0]))
    return np.array(found)


def topics(pieces: Pieces) -> dict[str, Any]:
    return {
        name[len("text-") :]: piece for name, piece in pieces.items() if name.startswith("text-") and "losses" in piece
    }


def text_rows(pieces: Pieces) -> dict[str, list[list[np.ndarray]]]:
    """Losses of the test texts of all topics after each selection, by ordering and budget; topics side by side."""
    found = topics(pieces)
    rows: dict[str, list[list[np.ndarray]]] = {}
    for piece in found.values():
        random = [losses for name, losses in piece["losses"].items() if name.startswith("random")]
        named = {name: losses for name, losses in piece["losses"].items() if not name.startswith("random")}
        for name, losses in {"random": np.mean(random, 0), **named}.items():
            rows.setdefault(name, []).append([np.asarray(one) for one in losses])
        rows.setdefault("zero-shot", []).append([np.asarray(piece["zero-shot"])] * len(piece["budgets"]))
    return rows


def text_loss(pieces: Pieces, name: str, other: str | None = None) -> list[tuple[float, float]]:
    """Mean loss over texts of all topics at each budget, less that of another ordering if there is one, and its s.e."""
    rows = text_rows(pieces)
    found = []
    for place in range(len(rows[name][0])):
        values = np.concatenate([topic[place] for topic in rows[name]])
        if other is not None:
            values = values - np.concatenate([topic[place] for topic in rows[other]])
        found.append((float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)))
    return found


def precision(pieces: Pieces) -> dict[str, Sequence[float]]:
    """Mean over topics of the share of the first that are on the topic, by representation and rule."""
    piece = pieces["text-orders"]
    found: dict[str, list[Sequence[float]]] = {}
    for name, order in piece["orders"].items():
        found.setdefault(name.split(", ", 1)[1], []).append(order["precision"])
    return {name: np.mean(rows, 0).tolist() for name, rows in found.items()}
