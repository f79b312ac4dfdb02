"""Grids with regions: which of some classes stands where."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

_SMOOTH = 1.5  # cells
_MARGIN = 8  # cells beyond the border, so that those at the border are as noisy as others


def fields(rng: np.random.Generator, n: int, grid: int, classes: int) -> Any:
    """Classes of cells, (n, grid, grid): levels of smooth noise, equally frequent over many fields."""
    noise = rng.normal(size=(n, grid + 2 * _MARGIN, grid + 2 * _MARGIN))
    smooth = gaussian_filter(noise, (0, _SMOOTH, _SMOOTH))[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    # White noise that a Gaussian of width s has smoothed has the variance 1 / (4 pi s^2).
    return np.floor(classes * norm.cdf(smooth * _SMOOTH * (4 * np.pi) ** 0.5)).astype(int).clip(0, classes - 1)
