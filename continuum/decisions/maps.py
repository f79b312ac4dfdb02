"""Shortest paths over maps: a cell shows what stands on it, and a task is what that costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from continuum.core import InvalidInputError, check_count, check_positive, check_weight, rng_for
from continuum.measures import admit_array

from .dataset import PtODataset
from .grid import GridShortestPath

__all__ = ["TERRAIN_COSTS", "make_image_maps", "make_terrain"]

TERRAIN_COSTS = (0.8, 1.2, 5.3, 7.7, 9.2)
"""What the five grounds of the maps of Vlastelica et al. (2020) cost."""

# Sand, meadow, forest, rock and water, in red, green and blue.
_COLOURS = np.array([[0.9, 0.8, 0.5], [0.4, 0.7, 0.3], [0.1, 0.4, 0.2], [0.5, 0.5, 0.5], [0.2, 0.3, 0.8]])
_MARGIN = 4  # widths of the smoothing beyond the border, so that regions there are like those inside


def make_terrain(
    maps: int,
    *,
    costs: Any = TERRAIN_COSTS,
    rows: int = 12,
    columns: int = 12,
    smoothness: float = 1.5,
    noise: float = 0.1,
    seed: int = 0,
) -> PtODataset:
    """Maps of five grounds, which form regions; a cell shows the colour of its ground with noise.

    What the maps of Vlastelica et al. (2020) are, without their pictures: paths go from the first cell to the last over
    all eight neighbours. One seed makes the same maps whatever the grounds cost, so that tasks can differ in that only.

    Args:
        maps: how many.
        costs: of the five grounds, not negative.
        rows: of each map.
        columns: of each map.
        smoothness: width of the regions, in cells.
        noise: standard deviation of the colours, whose channels lie in [0, 1].
        seed: of maps and noise.

    Returns:
        Instances of features (rows, columns, 3).

    Raises:
        InvalidInputError: for costs that are not five numbers of at least 0, and for sizes below 1.

    Example:
        >>> make_terrain(10)
        PtODataset(n=10, features=(12, 12, 3), problem=GridShortestPath, dim_y=144, dim_z=144)
    """
    check_weight("noise", noise)
    prices = _admit_costs(costs, len(_COLOURS))
    problem = GridShortestPath(rows, columns)
    rng = rng_for(seed, "terrain")
    grounds = _regions(rng, maps, rows, columns, len(_COLOURS), smoothness)
    colours = _COLOURS[grounds] + noise * rng.normal(size=(*grounds.shape, 3))
    return PtODataset(colours, prices[grounds].reshape(maps, -1), problem)


def make_image_maps(
    maps: int,
    images: Any,
    labels: Any,
    *,
    costs: Any,
    rows: int = 12,
    columns: int = 12,
    smoothness: float = 1.5,
    seed: int = 0,
) -> PtODataset:
    """Maps whose cells show images, such as digits, and cost what the label of their image does.

    Labels form regions; each cell shows an image of its label at random. One seed makes the same maps whatever labels
    cost.

    Args:
        maps: how many.
        images: (k, ...); keep those of training and test apart.
        labels: whole numbers below the number of costs, (k,); each occurs.
        costs: of the labels, not negative.
        rows: of each map.
        columns: of each map.
        smoothness: width of the regions, in cells.
        seed: of maps and images.

    Returns:
        Instances of features (rows, columns, ...).

    Raises:
        InvalidInputError: for labels without an image or a cost, negative costs, and sizes below 1.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> digits = load_digits()
        >>> make_image_maps(10, digits.images, digits.target, costs=np.arange(1.0, 11.0), rows=5, columns=5)
        PtODataset(n=10, features=(5, 5, 8, 8), problem=GridShortestPath, dim_y=25, dim_z=25)
    """
    pool = np.asarray(admit_array(images, "images", keep=True).cpu().numpy())
    prices = _admit_costs(costs, None)
    by_label = _rows_by_label(labels, len(pool), len(prices))
    problem = GridShortestPath(rows, columns)
    rng = rng_for(seed, "image maps")
    shown = _regions(rng, maps, rows, columns, len(prices), smoothness)
    chances = rng.random(shown.shape)
    x = np.empty((*shown.shape, *pool.shape[1:]), pool.dtype)
    for label, members in enumerate(by_label):
        here = shown == label
        x[here] = pool[members[(chances[here] * len(members)).astype(np.intp)]]
    return PtODataset(x, prices[shown].reshape(maps, -1), problem)


def _regions(
    rng: np.random.Generator, maps: int, rows: int, columns: int, classes: int, smoothness: float
) -> NDArray[np.intp]:
    """Classes (maps, rows, columns): levels of smooth normal noise, which are equally frequent over many maps."""
    check_count("maps", maps)
    check_positive("smoothness", smoothness)
    margin = int(np.ceil(_MARGIN * smoothness))
    noise = rng.normal(size=(maps, rows + 2 * margin, columns + 2 * margin))
    smooth = gaussian_filter(noise, (0, smoothness, smoothness))
    impulse = np.zeros(smooth.shape[1:])
    impulse[margin, margin] = 1.0
    spread = np.sqrt((gaussian_filter(impulse, smoothness) ** 2).sum())  # of white noise of variance 1
    inside = smooth[:, margin : margin + rows, margin : margin + columns] / spread
    return np.asarray((classes * norm.cdf(inside)).astype(np.intp).clip(0, classes - 1))


def _admit_costs(costs: Any, classes: int | None) -> NDArray[np.float64]:
    prices = np.asarray(admit_array(costs, "costs", ndim=1).cpu().numpy())
    if classes is not None and len(prices) != classes:
        raise InvalidInputError(f"`costs` must be {classes} numbers, one for each ground, got {len(prices)}.")
    if prices.min() < 0:
        raise InvalidInputError(f"`costs` must not be negative, got {prices.min():g}: there is no shortest path then.")
    return prices


def _rows_by_label(labels: Any, n: int, classes: int) -> list[NDArray[np.intp]]:
    codes = np.asarray(labels)
    if codes.shape != (n,) or codes.dtype.kind not in "iu":
        raise InvalidInputError(f"`labels` must be {n} whole numbers, got {codes.dtype} of shape {codes.shape}.")
    if codes.min() < 0 or codes.max() >= classes:
        raise InvalidInputError(f"`labels` must lie below the {classes} costs, got {codes.min()} to {codes.max()}.")
    members = [np.flatnonzero(codes == label) for label in range(classes)]
    missing = [label for label, rows in enumerate(members) if not len(rows)]
    if missing:
        raise InvalidInputError(f"labels {missing} have a cost and no image.")
    return members
