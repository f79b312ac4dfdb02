"""
A path, a metric and a domain of your own
=========================================

Nothing in the package has to change for a new interpolant: no base class, no registration. This page is written as
somebody outside the project would write it.
"""

# %%
# The value of this path is a sample on the line. On the line optimal transport pairs sorted samples, so the weighted
# mean of sorted samples is the Wasserstein barycentre of the three of them.

from dataclasses import dataclass

import numpy as np

from continuum import Interval, Simplex, evaluate, from_function, metric
from continuum.core import DomainError, rng_for
from continuum.testing import check_interpolant

# %%
# Suppose that a rule demands at least half of the data to come from the first source. A domain that says so is any
# object with the six members of ``continuum.core.Domain``: here the half of a simplex that is next to its first vertex.


@dataclass(frozen=True)
class MostlyFirst:
    """Weights of which the first is at least one half."""

    names: tuple[str, ...]

    @property
    def simplex(self):
        return Simplex(self.names)

    @property
    def axes(self):
        return self.simplex.axes

    def point(self, x):
        a = self.simplex.point(x)
        if a[0] < 0.5 - 1e-12:
            raise DomainError(f"point {a} is outside {self}: {self.axes[0]} must be at least 0.5, got {a[0]:g}.")
        return a

    def grid(self, n):
        return tuple(map(self._nearer, self.simplex.grid(n)))

    def sample(self, n, rng):
        return tuple(map(self._nearer, self.simplex.sample(n, rng)))

    def vertices(self):
        return tuple(map(self._nearer, self.simplex.vertices()))

    def __contains__(self, x):
        try:
            self.point(x)
        except DomainError:
            return False
        return True

    def _nearer(self, a):
        """Half way from `a` to the first vertex: this maps the simplex onto the domain, and uniform to uniform."""
        return self.simplex.point([(weight + (i == 0)) / 2 for i, weight in enumerate(a)])


# %%
# The path itself is the ten lines that every path is.


@dataclass(frozen=True, eq=False)
class Barycentre:
    """Wasserstein barycentre of samples on the line: at(a) = sum_i a_i sort(x_i)."""

    samples: dict[str, np.ndarray]

    @property
    def domain(self):
        return MostlyFirst(tuple(self.samples))

    def at(self, point):
        a = self.domain.point(point)
        return sum(weight * np.sort(x) for weight, x in zip(a, self.samples.values(), strict=True))


rng = rng_for(0, "samples")
path = Barycentre({"narrow": rng.normal(0, 1, 400), "wide": rng.normal(1, 3, 400), "skewed": rng.gamma(2, 2, 400)})

# %%
# Does it obey the laws that everybody else relies on? One call checks them all; under pytest
# ``continuum.testing.parametrize_with_checks`` makes each a test of its own.

rows = check_interpolant(path)
print({status: sum(row["status"] == status for row in rows) for status in ("passed", "skipped")})

# %%
# A metric is a plain function with a direction. This one is the distance to a target sample.

TARGET = np.sort(rng.normal(0.5, 2, 400))


@metric(goal="min", unit="units of the data")
def distance(sample):
    return np.sqrt(np.mean((np.sort(sample) - TARGET) ** 2))


# %%
# From here on the path is treated like every other: a grid, baselines, a summary, a picture. The domain of three
# weights is drawn as the triangle that it is part of.

uniform = from_function(Interval(), lambda t: path.at((0.5, t / 2, (1 - t) / 2)))
results = evaluate(path, distance, points=9, name="barycentre", progress=False)
edge = evaluate(uniform, distance, points=9, name="half narrow", progress=False)
triangle = results.plot()

# %%
# Along the far edge of the domain, where the rule is met exactly:

curve = edge.plot()
print(results.summary().filter(like="best").round(3).to_string(index=False))
