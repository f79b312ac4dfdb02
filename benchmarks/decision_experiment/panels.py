"""Correlations of distances with regret over sources, averaged over targets, with bootstrap intervals.

A panel is one target: what was lost on it after learning from each source, and all distances of these. Sources that
were drawn for one target are drawn again among themselves. Where the same domains are sources and targets in turn, it
is the domains that are drawn again, in both of their roles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import rng_for

Array = NDArray[np.float64]
Draws = Sequence[tuple[Array, Array]]
"""For each panel how often each source was drawn (draws, sources), and how often the target was (draws,)."""

_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Panel:
    """One target.

    Attributes:
        target: its name.
        sources: their names.
        regret: after transfer from each of them.
        distances: of each of them, by name of the distance.
        own: regret of what the target itself teaches.
    """

    target: str
    sources: Sequence[str]
    regret: Array
    distances: Mapping[str, Array]
    own: float


@dataclass(frozen=True, eq=False)
class Panels:
    """The panels of one setting.

    Attributes:
        all: at least one.
        shares_domains: whether targets are sources of each other.
    """

    all: Sequence[Panel]
    shares_domains: bool = False

    @property
    def names(self) -> list[str]:
        """Of the distances."""
        return list(self.all[0].distances)

    def mean(self, name: str, rank: bool = False) -> float:
        """Mean correlation over the panels; NaN where a distance is constant on all of them."""
        once = [(np.ones((1, len(panel.sources))), np.ones(1)) for panel in self.all]
        return float(self._means(name, rank, once)[0])

    def interval(self, name: str, rank: bool = False) -> tuple[float, float]:
        """The middle 95% of draws."""
        return middle(self._means(name, rank, self.draws))

    def difference(self, name: str, other: str) -> tuple[float, float, float]:
        """Pearson's correlation of one distance less that of another, and the middle 95% of paired draws."""
        drawn = self._means(name, False, self.draws) - self._means(other, False, self.draws)
        return (self.mean(name) - self.mean(other), *middle(drawn))

    @cached_property
    def draws(self) -> Draws:
        """Drawn once, so that differences are paired."""
        rng = rng_for(0, "panels")
        if not self.shares_domains:
            sizes = [len(panel.sources) for panel in self.all]
            return [(rng.multinomial(k, np.ones(k) / k, _DRAWS).astype(float), np.ones(_DRAWS)) for k in sizes]
        domains = sorted({name for panel in self.all for name in (panel.target, *panel.sources)})
        counts = rng.multinomial(len(domains), np.ones(len(domains)) / len(domains), _DRAWS).astype(float)
        place = {domain: number for number, domain in enumerate(domains)}
        return [(counts[:, [place[s] for s in panel.sources]], counts[:, place[panel.target]]) for panel in self.all]

    def _means(self, name: str, rank: bool, draws: Draws) -> Array:
        correlation = spearman if rank else pearson
        found = np.stack([correlation(p.distances[name], p.regret, counts) for p, (counts, _) in self._with(draws)])
        weights = np.stack([times for _, times in draws]) * ~np.isnan(found)
        with np.errstate(invalid="ignore"):
            return np.asarray((np.nan_to_num(found) * weights).sum(0) / weights.sum(0))

    def _with(self, draws: Draws) -> Any:
        return zip(self.all, draws, strict=True)


def pearson(x: Array, y: Array, counts: Array) -> Array:
    """Correlation of x and y (k,) if entries occur `counts` (draws, k) times; NaN if one is constant there."""
    return _product_moment(np.broadcast_to(x, counts.shape), np.broadcast_to(y, counts.shape), counts)


def spearman(x: Array, y: Array, counts: Array) -> Array:
    """The same of ranks, in which equal values share their mean rank."""
    return _product_moment(_ranks(x, counts), _ranks(y, counts), counts)


def middle(draws: Array) -> tuple[float, float]:
    """The middle 95% of what is not NaN."""
    known = draws[~np.isnan(draws)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return float(low), float(high)


def _ranks(values: Array, counts: Array) -> Array:
    below = (values[None] < values[:, None]) + 0.5 * (values[None] == values[:, None])
    return np.asarray(counts @ below.T)


def _product_moment(x: Array, y: Array, counts: Array) -> Array:
    total = counts.sum(1, keepdims=True)
    centred = [v - (counts * v).sum(1, keepdims=True) / total for v in (x, y)]
    product, *squares = (
        (counts * one * other).sum(1)
        for one, other in ((centred[0], centred[1]), (centred[0], centred[0]), (centred[1], centred[1]))
    )
    sizes = [(counts * np.abs(v)).max(1) for v in (x, y)]
    constant = [square <= 1e-18 * np.maximum(size, 1e-300) ** 2 for square, size in zip(squares, sizes, strict=True)]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = product / np.sqrt(squares[0] * squares[1])
    return np.where(constant[0] | constant[1], np.nan, found)


def best(panels: Panels, allowed: Callable[[str], bool]) -> str:
    """The distance of the largest mean correlation among those that are allowed, in hindsight."""
    return max(filter(allowed, panels.names), key=lambda name: np.nan_to_num(panels.mean(name), nan=-2.0))
