"""Scaling curves: how a loss falls with size, and how well that foretells the largest model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares, nnls

from continuum.core import InvalidInputError, check_count, rng_for

from .intervals import percentile_interval

__all__ = ["ScalingFit", "ScalingLaw", "fit_scaling"]

Array = NDArray[np.float64]

_FEWEST = 4  # sizes, for three parameters
_STARTS = (0.03, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5)  # exponents
_STEEPEST = 20.0
_HUBER = 1e-3  # of the logarithm of the loss; Hoffmann et al. (2022), appendix D.2
_PRECISION = 1e-15


@dataclass(frozen=True)
class ScalingLaw:
    r"""A loss as a function of size, $L(N) = E + A N^{-\alpha}$.

    Args:
        floor: $E \ge 0$, the loss that no size goes below.
        coefficient: $A > 0$.
        exponent: $\alpha \ge 0$.

    Example:
        >>> ScalingLaw(floor=1.0, coefficient=10.0, exponent=0.5)(100)
        2.0
    """

    floor: float
    coefficient: float
    exponent: float

    def __call__(self, size: ArrayLike) -> Any:
        """The loss at a size, or at several."""
        found = self.floor + self.coefficient * np.asarray(size, float) ** -self.exponent
        return found if found.ndim else float(found)


@dataclass(frozen=True, eq=False)
class ScalingFit:
    """A scaling law, how sure it is, and how it did on sizes that it had not seen.

    Attributes:
        law: fitted to all sizes.
        intervals: for floor, coefficient and exponent: value, low and high (95 %).
        residual: root mean square of log(fitted / measured).
        held_out: the largest sizes, foretold from the others: size, loss, what the law and a straight line in log-log
            say, and their relative errors `law_error` and `line_error`. Empty if none was held out.
    """

    law: ScalingLaw
    intervals: pd.DataFrame
    residual: float
    held_out: pd.DataFrame

    @property
    def held_out_error(self) -> float:
        """Mean relative error of the law on the held-out sizes; NaN without any."""
        return float(self.held_out["law_error"].mean())

    @property
    def line_error(self) -> float:
        """The same of a straight line in log-log, which the law has to beat."""
        return float(self.held_out["line_error"].mean())


def fit_scaling(sizes: ArrayLike, losses: ArrayLike, *, held_out: int = 1, draws: int = 200) -> ScalingFit:
    r"""Fit $L(N) = E + A N^{-\alpha}$ to the losses of a family of models.

    Least squares of the logarithms under Huber's loss, from several starts, as in Hoffmann et al. (2022), "Training
    compute-optimal large language models", appendix D.2. The members of an interpolated family are not independent
    experiments: the fit describes the family, and the intervals are those of its noise.

    Args:
        sizes: (n,), such as numbers of parameters.
        losses: mean losses (n,), or one column for each seed (n, seeds).
        held_out: how many of the largest sizes to foretell from the others, besides the fit to all.
        draws: resamples for the intervals: of seeds if there are several, otherwise of residuals.

    Raises:
        InvalidInputError: if sizes or losses are not positive and finite, or fewer than four sizes are left to fit.

    Example:
        >>> sizes = np.array([1e6, 3e6, 1e7, 3e7, 1e8])
        >>> fit = fit_scaling(sizes, 2 + 40 * sizes**-0.3)
        >>> round(fit.law.floor, 4), round(fit.law.coefficient, 3), round(fit.law.exponent, 5)
        (2.0, 40.0, 0.3)
        >>> fit.held_out_error < 1e-6 < fit.line_error
        True
    """
    n, table = _checked(sizes, losses, held_out)
    check_count("draws", draws)
    y = table.mean(axis=1)
    law = _fitted(n, y)
    residuals = np.log(law(n) / y)
    drawn, count = _resampled_laws(n, table, law, draws)
    low, high = percentile_interval(drawn, count)
    names = ["floor", "coefficient", "exponent"]
    intervals = pd.DataFrame({"value": _numbers(law), "low": low, "high": high}, index=names)
    return ScalingFit(law, intervals, float(np.sqrt(np.mean(residuals**2))), _foretold(n, y, held_out))


def _checked(sizes: ArrayLike, losses: ArrayLike, held_out: int) -> tuple[Array, Array]:
    """Sizes in order, and losses by seed."""
    check_count("held_out", held_out, least=0)
    n, table = np.asarray(sizes, float), np.asarray(losses, float)
    table = table[:, None] if table.ndim == 1 else table
    if n.ndim != 1 or table.ndim != 2 or len(n) != len(table):
        raise InvalidInputError(f"`losses` needs a row for each of the sizes {n.shape}, got {np.shape(losses)}.")
    for name, x in (("sizes", n), ("losses", table)):
        if not (np.isfinite(x).all() and (x > 0).all()):
            raise InvalidInputError(f"`{name}` must be positive and finite, got {x[~(np.isfinite(x) & (x > 0))][0]}.")
    if len(np.unique(n)) < len(n) or len(n) - held_out < _FEWEST:
        raise InvalidInputError(
            f"a scaling law needs {_FEWEST} distinct sizes beside those held out, got {len(np.unique(n))} distinct of "
            f"{len(n)}, {held_out} held out; add sizes or set `held_out=0`."
        )
    order = np.argsort(n)
    return n[order], table[order]


def _fitted(n: Array, y: Array, start: ScalingLaw | None = None) -> ScalingLaw:
    """The best law from several starts, or from one."""
    centre, unit = float(np.exp(np.log(n).mean())), float(y.min())  # so that parameters are of the order of 1
    x, z = np.log(n / centre), y / unit
    starts = [_start(x, z, alpha) for alpha in _STARTS] if start is None else [_scaled(start, centre, unit)]
    found = min((_polished(x, z, theta) for theta in starts), key=lambda fit: fit.cost)
    e, log_a, alpha = found.x
    return ScalingLaw(float(e * unit), float(np.exp(log_a + alpha * np.log(centre)) * unit), float(alpha))


def _polished(x: Array, z: Array, theta: Sequence[float]) -> Any:
    log_z = np.log(z)

    def gap(theta: Array) -> Array:
        return np.asarray(np.log(theta[0] + np.exp(theta[1] - theta[2] * x)) - log_z)

    def slopes(theta: Array) -> Array:
        power = np.exp(theta[1] - theta[2] * x)
        return np.asarray(np.stack([np.ones(len(x)), power, -x * power], axis=1) / (theta[0] + power)[:, None])

    bounds = ([0.0, -np.inf, 0.0], [float(z.max()), np.inf, _STEEPEST])
    # One part in 1e15: the default of 1e-8 would stop where exact data are not yet met.
    precise = dict.fromkeys(("xtol", "ftol", "gtol"), _PRECISION)
    return least_squares(gap, theta, jac=slopes, bounds=bounds, loss="huber", f_scale=_HUBER, **precise)


def _start(x: Array, z: Array, alpha: float) -> tuple[float, float, float]:
    """Floor and coefficient by least squares for a given exponent: the problem is linear then."""
    (e, a), _ = nnls(np.stack([1 / z, np.exp(-alpha * x) / z], axis=1), np.ones(len(z)))
    inside = min(max(float(e), 1e-3), float(z.max()) * (1 - 1e-3))  # the solver starts inside the bounds
    return inside, float(np.log(max(a, 1e-3))), alpha


def _scaled(law: ScalingLaw, centre: float, unit: float) -> tuple[float, float, float]:
    floor = max(law.floor / unit, 1e-12)
    return floor, float(np.log(law.coefficient / unit) - law.exponent * np.log(centre)), max(law.exponent, 1e-6)


def _resampled_laws(n: Array, table: Array, law: ScalingLaw, draws: int) -> tuple[Array, int]:
    """The parameters of each resample, (draws, 3), and how many members were drawn."""
    rng = rng_for(0, "scaling")
    points, seeds = table.shape
    if seeds > 1:
        means = [table[:, rng.integers(seeds, size=seeds)].mean(axis=1) for _ in range(draws)]
        return np.array([_numbers(_fitted(n, y, law)) for y in means]), seeds
    y = table[:, 0]
    spread = np.log(y / law(n)) * np.sqrt(points / (points - 3))  # three parameters took their share
    drawn = [law(n) * np.exp(rng.choice(spread, size=points)) for _ in range(draws)]
    return np.array([_numbers(_fitted(n, y, law)) for y in drawn]), points - 2


def _foretold(n: Array, y: Array, held_out: int) -> pd.DataFrame:
    kept = len(n) - held_out
    size, loss = n[kept:], y[kept:]
    columns = ["size", "loss", "law", "line", "law_error", "line_error"]
    if held_out == 0:
        return pd.DataFrame(columns=columns, dtype=float)
    slope, level = np.polyfit(np.log(n[:kept]), np.log(y[:kept]), 1)
    law, line = _fitted(n[:kept], y[:kept])(size), np.exp(level + slope * np.log(size))
    errors = (abs(law / loss - 1), abs(line / loss - 1))
    return pd.DataFrame(dict(zip(columns, (size, loss, law, line, *errors), strict=True)))


def _numbers(law: ScalingLaw) -> tuple[float, float, float]:
    return law.floor, law.coefficient, law.exponent
