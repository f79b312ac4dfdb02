"""Law 1 on a connected domain: a small step in the domain is a small step in value."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest

import numpy as np

from continuum.core import Interpolant, Point

from .compare import Array, Snapshot, require, snapshot
from .points import midpoint, segments

__all__ = ["check_value_is_continuous"]

_PIECES = 16
_HALVINGS = 24  # what remains is 2^-28 of a segment


def check_value_is_continuous(path: Interpolant[Any], *, tolerance: float = 1e-3) -> None:
    """Along a segment, no tiny step changes a leaf of the value by more than `tolerance` of its whole change.

    A jump bends the path however small the piece that holds it, while a smooth path becomes straight. So the segment is
    cut into pieces, and the piece that bends most is halved again and again: a jump, if there is one, is what remains.
    Each leaf is measured by its own change, so that a small one is not lost beside a large one.
    """
    for start, end in segments(path.domain):
        pieces = _cut(path, start, end)
        whole = np.sum([piece.changes for piece in pieces], axis=0)
        rounding = 64 * np.max([piece.middle.value.rounding for piece in pieces], axis=0)
        moving = whole > rounding
        if not moving.any():
            continue
        piece = max(pieces, key=lambda piece: _largest(piece.bends, whole, moving))
        for _ in range(_HALVINGS):
            piece = max(piece.halves(path), key=lambda piece: _largest(piece.bends, whole, moving))
        jumps = np.where(piece.changes > rounding, piece.changes, 0.0)
        worst = int(np.argmax(np.where(moving, jumps / np.where(moving, whole, 1.0), 0.0)))
        require(
            jumps[worst] <= tolerance * whole[worst],
            f"leaf {worst} jumps by {jumps[worst]:.3g} between {piece.start.point} and {piece.end.point}; "
            f"its whole change from {start} to {end} is {whole[worst]:.3g}.",
        )


def _largest(amounts: Array, whole: Array, moving: Array) -> float:
    """The largest amount of a leaf in units of its whole change."""
    return float((amounts[moving] / whole[moving]).max())


@dataclass(frozen=True, eq=False)
class _Place:
    """A point with its value."""

    point: Point
    value: Snapshot


@dataclass(frozen=True, eq=False)
class _Piece:
    """A piece of a segment: its ends and what lies between."""

    start: _Place
    middle: _Place
    end: _Place

    @property
    def changes(self) -> Array:
        """Largest change of a number, for each leaf."""
        pairs = zip(self.start.value.numbers, self.end.value.numbers, strict=True)
        return np.array([np.abs(a - b).max() for a, b in pairs])

    @property
    def bends(self) -> Array:
        """Largest second difference of a number, for each leaf."""
        triples = zip(self.start.value.numbers, self.middle.value.numbers, self.end.value.numbers, strict=True)
        return np.array([np.abs(a - 2 * m + b).max() for a, m, b in triples])

    def halves(self, path: Interpolant[Any]) -> tuple[_Piece, _Piece]:
        return _piece(path, self.start, self.middle), _piece(path, self.middle, self.end)


def _cut(path: Interpolant[Any], start: Point, end: Point) -> list[_Piece]:
    points = [start, end]
    while len(points) <= _PIECES:
        between = [midpoint(path.domain, a, b) for a, b in itertools.pairwise(points)]
        points = [*itertools.chain(*zip(points, between, strict=False)), end]
    places = [_place(path, point) for point in points]
    return [_piece(path, a, b) for a, b in itertools.pairwise(places)]


def _piece(path: Interpolant[Any], a: _Place, b: _Place) -> _Piece:
    middle = _place(path, midpoint(path.domain, a.point, b.point))
    if not a.value.kinds == middle.value.kinds == b.value.kinds:
        raise SkipTest("the shapes of the values change along the path.")
    return _Piece(a, middle, b)


def _place(path: Interpolant[Any], point: Point) -> _Place:
    value = snapshot(path.at(point))
    if not value.numbers:
        raise SkipTest("values hold no numbers.")
    if not all(np.isfinite(array).all() for array in value.numbers):
        raise SkipTest("values hold numbers that are not finite.")
    return _Place(point, value)
