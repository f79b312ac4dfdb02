"""Soft votes: each query spreads its mass over candidates in proportion to the exponentials of their similarities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .embeddings import Doubles, Floats, Indices
from .keys import best_first
from .ordering import Ordering
from .products import Products

__all__ = ["SoftVotes", "soft_votes"]

_LARGE, _SMALL = 1e25, 1e-30  # sums of exponentials and masses between these lose no digits in float32
_ERROR = 4 * float(np.finfo(np.float32).eps)  # relative, of sums of numbers that were rounded to float32


@dataclass(frozen=True, eq=False)
class SoftVotes:
    r"""The masses $w_j = \sum_i a_i \exp(s_{ij} / \tau) / \sum_l \exp(s_{il} / \tau)$ of candidates.

    Attributes:
        products: the similarities $s$.
        temperature: $\tau$.
        offset: $\log a_i - \log \sum_l \exp(s_{il} / \tau)$, (u,).
        masses: $w$, (n,), in the precision of float32.
    """

    products: Products
    temperature: float
    offset: Doubles
    masses: Doubles

    def log_masses(self, numbers: Indices) -> Doubles:
        """Logarithms of the masses of some candidates, in the precision of float64."""
        found = np.empty(len(numbers))
        for start in range(0, len(numbers), self.products.tile):
            some = slice(start, start + self.products.tile)
            exponents = self.products.of(numbers[some]) * np.float64(1 / self.temperature) + self.offset
            peak = exponents.max(axis=1)
            found[some] = peak + np.log(np.exp(exponents - peak[:, None]).sum(axis=1))
        return found

    def ranked(self, k: int) -> Ordering:
        """The `k` candidates of the largest masses, of equal ones the first; scores are the masses."""
        some, logs = self._contenders(k)
        first = best_first(logs, k)
        return Ordering(some[first], np.exp(logs[first]), len(self.masses))

    def _contenders(self, k: int) -> tuple[Indices, Doubles]:
        """Candidates that may be among the first `k`, ascending, and logarithms of masses that order them."""
        least = np.partition(self.masses, len(self.masses) - k)[len(self.masses) - k]
        some = np.flatnonzero(self.masses >= (least * (1 - _ERROR) if least >= _SMALL else 0))
        order = np.argsort(-self.masses[some])
        masses = self.masses[some[order]]
        close = masses[1:] >= masses[:-1] * (1 - _ERROR)
        doubtful = masses < _SMALL
        doubtful[1:] |= close
        doubtful[:-1] |= close
        again = np.sort(order[doubtful])
        with np.errstate(divide="ignore"):
            logs = np.log(self.masses[some])
        logs[again] = self.log_masses(some[again])
        return some, logs


def soft_votes(products: Products, shares: Doubles, temperature: float, keep: int) -> SoftVotes:
    """The masses of all candidates.

    Args:
        products: similarities.
        shares: the mass of each query, (u,).
        temperature: what similarities are divided by.
        keep: bytes of exponentials that may be kept; others are computed a second time.
    """
    tile, u = products.tile, products.u
    kept = np.empty((min(-(-products.n // tile), keep // (4 * tile * u)), tile, u), np.float32)
    room, totals = np.empty((tile, u)), np.zeros(u)
    shifts = [np.zeros(u)]  # what is taken from the exponents of each tile; the first belongs to none
    for number, (_, block) in enumerate(products.blocks()):
        shift = shifts[-1]
        found = _exponentials(block, temperature, shift, room)
        sums = np.ones(len(found)) @ found
        if (unfit := (sums > _LARGE) | (totals + sums < _SMALL)).any():
            shift = np.where(unfit, block.max(axis=0) * np.float64(1 / temperature), shift)
            totals *= np.exp(np.minimum(shifts[-1] - shift, 0))
            found = _exponentials(block, temperature, shift, room)
            sums = np.ones(len(found)) @ found
        totals += sums
        shifts.append(shift)
        if number < len(kept):
            kept[number, : len(found)] = found
    offset = np.log(shares) - shifts[-1] - np.log(totals)
    masses = np.empty(products.n)
    for number, part in enumerate(kept):
        some = masses[number * tile : (number + 1) * tile]
        room[: len(some)] = part[: len(some)]
        np.matmul(room[: len(some)], np.exp(shifts[number + 1] + offset), out=some)
    for start, block in products.blocks(len(kept) * tile):
        _exponentials(block, temperature, -offset, room).sum(axis=1, out=masses[start : start + len(block)])
    return SoftVotes(products, temperature, offset, masses)


def _exponentials(block: Floats, temperature: float, shift: Doubles, room: Doubles) -> Doubles:
    r"""$\exp(s_{ij} / \tau - \text{shift}_i)$ in `room`, (rows, u)."""
    found = room[: len(block)]
    np.multiply(block, 1 / temperature, out=found, dtype=np.float64)
    if shift.any():
        found -= shift
    with np.errstate(over="ignore"):  # the sums tell
        return np.exp(found, out=found)
