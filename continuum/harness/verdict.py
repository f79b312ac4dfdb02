"""Is a path smooth? One word, and the numbers that it follows from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import mean_interval
from .summaries import curve_of

__all__ = ["Verdict", "noise_of", "verdict"]

Array = NDArray[np.float64]

# Conventions, as shares of the range of the values on the path.
_FEWEST = 5  # points
_TURN = 0.05  # reversals up to here do not count
_JUMP = 0.5  # a step that holds more than this is a jump ...
_STEP = 0.25  # ... unless it is that much of the path itself
_NOISE = 0.25  # more hides the shape
_CONSTANT = 1e-9  # of the values: rounding


class Verdict(NamedTuple):
    """Whether a path is smooth.

    Attributes:
        word: "smooth" (one direction), "peak" (better inside than at both ends, and one turn), "barrier" (worse inside
            than at both ends), "bend" (one turn of a metric without a goal), "rough" (more turns), "jump" (one step
            holds most of the change), "flat" (no change), or "unclear".
        reason: the numbers that it follows from.
    """

    word: str
    reason: str


def verdict(s: ArrayLike, u: ArrayLike, *, noise: float = 0.0, has_goal: bool = True) -> Verdict:
    """Whether a curve is smooth, with the reason.

    A reversal is a change against the direction in which the path goes as a whole. It counts if it is more than 5 % of
    the range of the values, and more than noise can do to the difference of two points. A jump is a step that holds
    more than half of the range, over less than a quarter of the path. Where noise is more than a quarter of the range,
    or there are fewer than five points, the shape stays unclear.

    Args:
        s: coordinates, which increase.
        u: values, turned so that larger is better if the metric has a goal.
        noise: half the width of a 95 % interval of a point against the mean of the path; 0 if there is no randomness,
            NaN if it is not known.
        has_goal: whether larger `u` are better.

    Example:
        >>> s = np.linspace(0, 1, 11)
        >>> verdict(s, s**2).word, verdict(s, s * (1 - s)).word, verdict(s, -s * (1 - s)).word, verdict(s, s > 0.5).word
        ('smooth', 'peak', 'barrier', 'jump')
        >>> verdict(s, s**2).reason
        'largest reversal 0 %, largest step 19 % of the range'
    """
    s, u = curve_of(s, u)
    if not np.isfinite(u).all():
        return Verdict("unclear", "some points have no number")
    if len(u) < _FEWEST:
        return Verdict("unclear", f"{len(u)} points do not show a shape")
    span = float(np.ptp(u))
    if span <= _CONSTANT * float(np.abs(u).max()):
        return Verdict("flat", "the value does not change")
    v, noise = (u - u.min()) / span, noise / span
    facts = f"largest reversal {_reversal(v):.0%}, largest step {np.abs(np.diff(v)).max():.0%} of the range"
    facts = facts.replace("%", " %") + ("" if noise == 0 else _noise_in_words(noise))
    if not noise <= _NOISE:
        return Verdict("unclear", facts)
    return Verdict(_word(s, v, max(_TURN, float(np.sqrt(2) * noise)), has_goal), facts)


def noise_of(x: Array) -> float:
    """Half the width of the widest 95 % interval of a point against the mean of the path.

    Paired by seed and item: what all points share is no noise. 0 where nothing was drawn at random as far as is known.

    Args:
        x: measurements, (points, seeds, items).
    """
    if x.shape[1] == 0:
        return float("nan")
    if x[0].size == 1:
        return 0.0
    return max((high - low) / 2 for _, low, high in map(mean_interval, x - x.mean(axis=0)))


def _word(s: Array, v: Array, tolerance: float, has_goal: bool) -> str:
    steps = np.abs(np.diff(v))
    if (steps[np.diff(s) < _STEP] > _JUMP).any():
        return "jump"
    if _reversal(v) <= tolerance:
        return "smooth"
    if has_goal and min(v[0], v[-1]) - v.min() > tolerance:
        return "barrier"
    turns_once = min(_reversal_around(v, int(v.argmax())), _reversal_around(-v, int(v.argmin()))) <= tolerance
    if turns_once:
        return "peak" if has_goal else "bend"
    return "rough"


def _reversal(v: Array) -> float:
    """Largest change against the direction of the whole: that of the two which has the smaller one."""
    return min(_fall(v), _fall(-v))


def _reversal_around(v: Array, top: int) -> float:
    """Largest fall before the top, and rise after it."""
    return max(_fall(v[: top + 1]), _fall(-v[top:]))


def _fall(v: Array) -> float:
    """Largest fall from a value to a later one."""
    return float(np.max(np.maximum.accumulate(v) - v))


def _noise_in_words(noise: float) -> str:
    return ", noise of unknown size" if np.isnan(noise) else f", noise ±{noise:.0%}".replace("%", " %")
