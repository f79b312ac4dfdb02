"""Digits of which two fifths have wrong labels, and a task of two classes: what is worth training on?

A small network has seen a tenth of the pool. It goes on from there on what was selected, so that a row says what the
selection adds to the warm model, and the zero-shot row what the warm model is without it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from pieces import Lab, Piece, Work
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from continuum.core import rng_for
from continuum.selection import (
    DoublyGreedy,
    FacilityLocation,
    Herding,
    KnnKDE,
    KnnUniform,
    LastLayerGradients,
    LossDrop,
    MeanSimilarity,
    Ordering,
    PathLosses,
    Random,
    RoundRobin,
    SoftmaxUOT,
    Subset,
    mmd2_to,
    nearest_to,
    quantile_groups,
    transport_to,
)

REPRESENTATIONS = ("pixels", "pixels and label", "hidden", "gradient")
SELECTORS = {
    "round robin": RoundRobin(),
    "doubly greedy": DoublyGreedy(),
    "mean similarity": MeanSimilarity(),
    "soft-max UOT": SoftmaxUOT(),
    "kNN, uniform": KnnUniform(),
    "kNN, density": KnnKDE(),
    "herding": Herding(),
    "facility location": FacilityLocation(),
}

SMALL_POOL = 640

_BUDGETS = (20, 60, 200, 600)  # and all
_POOL, _QUERY, _NOISE, _CLASSES = 1300, 20, 0.4, 10
_EPOCHS, _BATCH, _RATE, _WARM = 5, 16, 0.1, 0.1
_RANDOM = 3  # random orders of each seed
_GROUPS, _OF_GROUP = 10, 60


@dataclass(frozen=True)
class Setting:
    """The pool, the task and the warm model of a seed."""

    seed: int
    n: int = _POOL

    @property
    def budgets(self) -> tuple[int, ...]:
        return (*_BUDGETS, self.n)

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images of the pool, of the query and of the test: of two classes the latter two, with clean labels."""
        order = rng_for(self.seed, "images").permutation(1797)
        pool, rest = order[: self.n], order[_POOL:]
        wanted = rest[np.isin(self.y[rest], self.classes)]
        return pool, wanted[:_QUERY], wanted[_QUERY:]

    @cached_property
    def classes(self) -> np.ndarray:
        return rng_for(self.seed, "task").choice(_CLASSES, 2, replace=False)

    @cached_property
    def x(self) -> np.ndarray:
        return (load_digits().data / 16).astype(np.float32)

    @cached_property
    def y(self) -> np.ndarray:
        return load_digits().target

    @cached_property
    def noisy(self) -> np.ndarray:
        """Labels of the pool, two fifths of them drawn anew."""
        rng = rng_for(self.seed, "noise")
        labels = self.y[self.rows[0]].copy()
        wrong = rng.random(len(labels)) < _NOISE
        labels[wrong] = rng.integers(_CLASSES, size=int(wrong.sum()))
        return labels

    @property
    def pool(self) -> tuple[Tensor, Tensor]:
        return torch.as_tensor(self.x[self.rows[0]]), torch.as_tensor(self.noisy)

    @property
    def query(self) -> tuple[Tensor, Tensor]:
        return self._clean(1)

    @property
    def test(self) -> tuple[Tensor, Tensor]:
        return self._clean(2)

    @cached_property
    def warm(self) -> nn.Module:
        """The network after a tenth of the pool."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, _CLASSES))
        first = rng_for(self.seed, "warm").choice(self.n, int(_WARM * self.n), replace=False)
        return trained(model, self.pool, first, self.seed)

    def _clean(self, part: int) -> tuple[Tensor, Tensor]:
        rows = self.rows[part]
        return torch.as_tensor(self.x[rows]), torch.as_tensor(self.y[rows])

    @cached_property
    def embeddings(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Vectors of pool and query in each representation."""
        gradients = LastLayerGradients(self.warm, "2")
        sides = self.pool, self.query
        with torch.no_grad():
            hidden = [self.warm[:2](x).numpy() for x, _ in sides]
        labelled = [np.concatenate([_unit(x.numpy()), np.eye(_CLASSES)[y]], 1) for x, y in sides]
        found = {
            "pixels": [x.numpy() for x, _ in sides],
            "pixels and label": labelled,
            "hidden": hidden,
            "gradient": [gradients.encode(list(zip(x, y, strict=True))) for x, y in sides],
        }
        return {name: (pool, query) for name, (pool, query) in found.items()}


def trained(model: nn.Module, data: tuple[Tensor, Tensor], chosen: np.ndarray, seed: int) -> nn.Module:
    """A copy of a model after five epochs of plain SGD on chosen examples."""
    model = copy.deepcopy(model)
    rng, (x, y) = rng_for(seed, "batches"), data
    optimiser = torch.optim.SGD(model.parameters(), lr=_RATE)
    for _ in range(_EPOCHS):
        order = rng.permutation(chosen)
        for start in range(0, len(order), _BATCH):
            rows = torch.as_tensor(order[start : start + _BATCH])
            optimiser.zero_grad()
            cross_entropy(model(x[rows]), y[rows]).backward()
            optimiser.step()
    return model


@torch.no_grad()
def tested(model: nn.Module, data: tuple[Tensor, Tensor]) -> dict[str, float]:
    logits, y = model(data[0]), data[1]
    return {"loss": float(cross_entropy(logits, y)), "accuracy": float((logits.argmax(1) == y).float().mean())}


def work(lab: Lab) -> list[Work]:
    seeds, n = (2, SMALL_POOL) if lab.small else (20, _POOL)
    return [(f"digits-{seed}", partial(_measured, Setting(seed, n))) for seed in range(seeds)]


def _measured(setting: Setting) -> Piece:
    orders, budgets = _orders(setting), setting.budgets
    curves = {name: [_after(setting, order.indices[:k]) for k in budgets] for name, order in orders.items()}
    return {
        "classes": setting.classes.tolist(),
        "budgets": budgets,
        "zero-shot": tested(setting.warm, setting.test),
        "curves": curves,
        "clean": {name: [_clean_share(setting, order, k) for k in budgets] for name, order in orders.items()},
        "quantiles": {name: _quantiles(setting, orders[f"{name}, round robin"]) for name in REPRESENTATIONS},
        "distances": {
            name: {selector: _distances(setting, name, orders[f"{name}, {selector}"]) for selector in SELECTORS}
            | {"random": _distances(setting, name, orders["random 0"])}
            for name in ("pixels", "gradient")
        },
    }


def _orders(setting: Setting) -> dict[str, Ordering]:
    """Orderings of the whole pool, by representation and selector; and those that look at nothing, or at losses."""
    found = {
        f"{name}, {selector}": rule.order(*setting.embeddings[name], seed=setting.seed)
        for name in REPRESENTATIONS
        for selector, rule in SELECTORS.items()
    }
    for draw in range(_RANDOM):
        found[f"random {draw}"] = Random().order(*setting.embeddings["pixels"], seed=_RANDOM * setting.seed + draw)
    return {**found, "loss drop": LossDrop().order(_losses(setting))}


def _losses(setting: Setting) -> np.ndarray:
    """Losses of the pool before and after a training on the query."""
    after = trained(setting.warm, setting.query, np.arange(_QUERY), setting.seed)
    states = [dict(model.named_parameters()) for model in (setting.warm, after)]
    x, y = setting.pool

    def loss(model: Any, x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(model(x), y, reduction="none")

    return PathLosses(setting.warm, loss, states).encode(list(zip(x, y, strict=True)))


def _after(setting: Setting, chosen: np.ndarray) -> dict[str, float]:
    return tested(trained(setting.warm, setting.pool, chosen, setting.seed), setting.test)


def _clean_share(setting: Setting, order: Ordering, k: int) -> float:
    """The share of what is chosen that has its true label and is of a class of the task."""
    chosen = order.indices[:k]
    true = setting.y[setting.rows[0]][chosen]
    return float(((setting.noisy[chosen] == true) & np.isin(true, setting.classes)).mean())


def _quantiles(setting: Setting, order: Ordering) -> dict[str, Any]:
    found = [_after(setting, rows) for rows in quantile_groups(order, groups=_GROUPS, count=_OF_GROUP)]
    return {
        key: {
            "values": (values := [one[key] for one in found]),
            "spearman": float(spearmanr(range(_GROUPS), values)[0]),
        }
        for key in ("loss", "accuracy")
    }


def _distances(setting: Setting, name: str, order: Ordering) -> dict[str, list[float]]:
    """How far what is chosen is from the query, along the budget."""
    pool, query = setting.embeddings[name]
    metrics = {"transport": transport_to(pool, query), "mmd2": mmd2_to(pool, query), "nearest": nearest_to(pool, query)}
    parts = [Subset(order.indices[:k], order.scores[:k]) for k in setting.budgets]
    return {key: [float(metric(part)) for part in parts] for key, metric in metrics.items()}


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)
