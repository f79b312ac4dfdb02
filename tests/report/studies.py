"""Small studies for every kind of picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from continuum import Interval, Metric, Product, Simplex, evaluate, from_function
from continuum.core import Domain

EVIL = "<script>alert('x')</script> & \"q\""


@dataclass(frozen=True, eq=False)
class Arc:
    """The value at a point is the height of the path and the point; its vertices are its endpoints."""

    domain: Domain = Interval()
    height: float = 1.0

    def at(self, point: Any) -> tuple[float, ...]:
        return (self.height, *self.domain.point(point))

    @property
    def endpoints(self) -> dict[Any, Any]:
        return {vertex: self.at(vertex) for vertex in self.domain.vertices()}


def _score(value: tuple[float, ...], rng: np.random.Generator) -> float:
    height, *point = value
    return point[-1] + height * (1 - sum(x * x for x in point)) + 0.01 * rng.standard_normal()


SCORE = Metric("score", _score, goal="max", stochastic=True, unit="points")
COST = Metric("cost", lambda value: 2.0 + value[-1], goal="min")
SQUARE = Product(a=Interval(axis="a"), b=Interval(axis="b"))
CUBE = Product(a=Interval(axis="a"), b=Interval(axis="b"), c=Interval(axis="c"))
TRIANGLE = Simplex(("mnist", "usps", "kmnist"))
DOMAINS: dict[str, Domain] = {
    "curve": Interval(),
    "two weights": Simplex(("mnist", "usps")),
    "triangle": TRIANGLE,
    "map": SQUARE,
    "dots": CUBE,
    "four weights": Simplex(tuple("abcd")),
}


def study(
    domain: Domain = DOMAINS["curve"], *, baselines: int = 2, metrics: Any = (SCORE, COST), **options: Any
) -> Any:
    """A path, its baselines and a reference."""
    others = {f"baseline {i}": Arc(domain, height=-0.5 * i) for i in range(baselines)}
    references = {"teacher": Arc(domain).at(domain.vertices()[0])}
    defaults = {"name": "arc", "points": 5, "seeds": 3, "references": references}
    return evaluate(Arc(domain), metrics, baselines=others, **(defaults | options))


def line(fn: Any, *, points: Any = 5, goal: Any = "max", **options: Any) -> Any:
    """A deterministic metric of t on a path without endpoints."""
    path = from_function(Interval(), lambda t: t)
    return evaluate(path, [Metric("m", fn, goal=goal)], points=points, **options)
