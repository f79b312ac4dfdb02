"""
A first path: between two estimates
===================================

Two laboratories estimate the same 100 numbers, one more precisely than the other. Which of the two should be used? The
choice is discrete; an interpolant makes it continuous, and the answer turns out to lie in between.
"""

# %%
# An interpolant is any object with a ``domain`` and a method ``at``. This one also names its endpoints, the two
# choices that it joins. The first line of ``at`` accepts exactly the points of the domain.

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from continuum import Interval, evaluate, from_function, metric
from continuum.core import rng_for

rng = rng_for(0, "laboratories")
TRUTH = rng.normal(size=100)
FIRST = TRUTH + 0.5 * rng.normal(size=100)
SECOND = TRUTH + 0.4 * rng.normal(size=100)


@dataclass(frozen=True, eq=False)
class Average:
    """Weighted mean of two estimates: at(t) = (1 - t) first + t second."""

    first: np.ndarray
    second: np.ndarray
    domain: Interval = Interval()

    def at(self, t):
        (t,) = self.domain.point(t)
        return (1 - t) * self.first + t * self.second

    @property
    def endpoints(self):
        return {(0.0,): self.first, (1.0,): self.second}


# %%
# A metric is a function of a value that says which way is better. The error of the mean is the square
# :math:`(1 - t)^2 \sigma_1^2 + t^2 \sigma_2^2` in expectation, so its minimum lies inside the interval.


@metric(goal="min")
def error(estimate):
    return np.mean((estimate - TRUTH) ** 2)


# %%
# What must the path beat? Choosing the better endpoint, which the harness adds by itself, and the other way to be in
# between: take each number from one laboratory or the other, by lot. Its expected error is a straight line.

LOTS = rng.random(100)
by_lot = from_function(Interval(), lambda t: np.where(t > LOTS, SECOND, FIRST))

results = evaluate(
    Average(FIRST, SECOND), error, points=17, name="average", baselines={"by lot": by_lot}, progress=False
)
figure = results.plot()

# %%
# The summary holds one line for each path: the best point, how much better it is than the best endpoint, and numbers
# about the shape of the curve.

columns = ["label", "first", "last", "best", "best_t", "best_endpoint", "barrier", "advantage"]
print(results.summary()[columns].round(4).to_string(index=False))

# %%
# With a ``store`` nothing is computed twice. Nine of the seventeen points of the finer grid are in the coarser one, so
# the second call below computes the other eight; had the first been killed half way, the second would do what is left.

with tempfile.TemporaryDirectory() as folder:
    store = Path(folder, "estimates.db")
    evaluate(Average(FIRST, SECOND), error, points=9, store=store, progress=False)
    finer = evaluate(Average(FIRST, SECOND), error, points=17, store=store, progress=False)
runs = [run["time"] for run in finer.provenance]
print(f"{len(finer.frame)} numbers, from {len(runs)} runs")
