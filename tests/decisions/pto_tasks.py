"""Small problems of which everything is known, and random datasets of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from continuum.decisions import LinearObjective, PtODataset, TopK


@dataclass(frozen=True, eq=False)
class Menu(LinearObjective):
    """Choose one of the listed decisions at least cost."""

    decisions: np.ndarray
    sense: str = "min"

    @property
    def dim_y(self):
        return self.decisions.shape[1]

    @property
    def dim_z(self):
        return self.decisions.shape[1]

    @property
    def lipschitz(self):
        return float(np.linalg.norm(self.decisions, axis=1).max())

    def solve(self, y):
        values = np.asarray(y) @ self.decisions.T
        return self.decisions[values.argmin(1) if self.sense == "min" else values.argmax(1)]


@dataclass(frozen=True)
class Inventory:
    """Order an amount; what is missing costs `short` for each unit, what is left costs `over`. The optimum is 0."""

    short: float = 3.0
    over: float = 1.0
    sense: str = "min"
    dim_y: int = 1
    dim_z: int = 1

    @property
    def lipschitz(self):
        return max(self.short, self.over)

    def solve(self, y):
        return np.array(y, float)

    def objective(self, z, y):
        excess = np.asarray(z)[:, None, 0] - np.asarray(y)[None, :, 0]
        return np.where(excess > 0, self.over * excess, -self.short * excess)

    def paired(self, z, y):
        return np.diagonal(self.objective(z, y)).copy()


@dataclass(frozen=True, eq=False)
class Opaque:
    """A problem that tells nobody whether it is linear, and counts what it is asked."""

    inner: object
    counts: dict = field(default_factory=lambda: {"solved": 0, "valued": 0, "paired": 0})

    @property
    def sense(self):
        return self.inner.sense

    @property
    def dim_y(self):
        return self.inner.dim_y

    @property
    def dim_z(self):
        return self.inner.dim_z

    def solve(self, y):
        self.counts["solved"] += len(y)
        return self.inner.solve(y)

    def objective(self, z, y):
        self.counts["valued"] += len(z) * len(y)
        return self.inner.objective(z, y)

    def paired(self, z, y):
        self.counts["paired"] += len(z)
        return self.inner.paired(z, y)

    @property
    def fingerprint(self):
        return "one problem, whatever was counted"


def menu(rng, sense="min", dimension=4, size=6):
    """Decisions of one sum, so that none is the best for all positive prices."""
    return Menu(rng.multinomial(4, np.full(dimension, 1 / dimension), size=size).astype(float), sense)


def task(rng, problem, n, *, shift=0.0, dimension=2, weighted=False):
    """A dataset of random features, and positive parameters."""
    x = rng.normal(size=(n, dimension)) + shift
    y = rng.random((n, problem.dim_y)) * 5 + 0.1
    weights = rng.random(n) + 0.1
    return PtODataset(x, y, problem, weights=weights / weights.sum() if weighted else None)


def cubic_task(coefficient, n, *, items=50, seed=0):
    """Values 10 (x^3 - coefficient x) of items sorted by their feature x ~ U(-1, 1)."""
    x = np.sort(np.random.default_rng(seed).uniform(-1, 1, size=(n, items)), axis=1)
    return PtODataset(x, 10 * (x**3 - coefficient * x), TopK(items, 1))
