"""Models of the divergence that few measurements fit, and the orders that are best for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError

from .calibration import Calibration
from .depth_graph import DepthGraph
from .execution import Execution, Work
from .lattice import Lattice, Weight, added_parameters, check_lattice
from .members import Members
from .orders import size_moves
from .states import Evaluation, Trajectories

__all__ = ["Interactions", "Near", "Surrogate", "Terms"]

Terms = Literal["additive", "adjacent", "quadratic"]
Near = Literal["student", "teacher"]

_LIMIT = 20  # slots of which all predictions are made: a million numbers


@dataclass(frozen=True, eq=False)
class Interactions:
    r"""What changing one slot and two slots of an end of the family does to its divergence.

    $$D = c + \sum_i s_i y_i + \sum_{i<j} p_{ij} y_i y_j,$$

    where $y_i$ says that size slot i has not the owner that it has at that end. At the teacher, where c = 0, this is
    the form $(1 - z)^\top Q (1 - z)$ that the divergence has to second order of small mismatches.

    Args:
        slots: the size slots.
        near: at which end.
        constant: c, the divergence at that end.
        single: s, (m,).
        pair: p, (m, m), symmetric with a diagonal of zeros; also 0 for pairs that were not measured.
        layers: layers that patching each slot adds.
        parameters: the same in parameters.
        work: what was run.
    """

    slots: tuple[int, ...]
    near: Near
    constant: float
    single: NDArray[np.float64]
    pair: NDArray[np.float64]
    layers: tuple[int, ...]
    parameters: tuple[int, ...]
    work: Work = field(default_factory=Work)

    def lattice(self) -> Lattice:
        """The prediction for every member.

        Raises:
            ResourceError: if there are more than 20 slots.
        """
        m = len(self.slots)
        check_lattice(m, _LIMIT)
        bits = np.arange(2**m)[:, None] >> np.arange(m) & 1
        y = (bits if self.near == "student" else 1 - bits).astype(float)
        kl = self.constant + y @ self.single + ((y @ self.pair) * y).sum(1) / 2
        return Lattice(self.slots, kl, self.parameters, self.work)

    def graph(self) -> DepthGraph:
        """The graph that finds the best member of each depth, by places in `slots`.

        Raises:
            InvalidInputError: if slots interact that are no neighbours.
        """
        m = len(self.slots)
        if np.any(np.triu(self.pair, 2)):
            raise InvalidInputError('slots apart interact, which a depth graph cannot hold; fit terms="adjacent".')
        weights = np.zeros((m, 2, 2))
        changed = int(self.near == "student")
        weights[:, :, changed] += self.single[:, None]
        weights[np.arange(1, m), changed, changed] += self.pair[np.arange(m - 1), np.arange(1, m)]
        return DepthGraph(self.layers, weights, self.constant)

    def by_gain(self, weight: Weight) -> tuple[int, ...]:
        """The best order if slots do not interact, by sorting: what patching gains, per parameter for "area"."""
        gains = -self.single if self.near == "student" else self.single
        if weight == "area":
            gains = gains / np.array(self.parameters)
        return tuple(self.slots[place] for place in np.argsort(-gains, kind="stable"))


@dataclass(frozen=True, eq=False)
class Surrogate:
    """The best order for a model of the divergence, which is fitted to single patches and pairs of them.

    Near the student single patches were found to tell nothing: they gain little, and some cost.

    Args:
        calibration: texts.
        terms: "additive" measures each slot alone: m members; "adjacent" also pairs of neighbouring size slots, 2m - 1;
            "quadratic" all pairs, m (m + 1) / 2, as many as `KLPatch`.
        near: where: "teacher" gives slots back to the student, "student" patches them.
        weight: what the order minimizes, see `Lattice.shortest_path`.

    Raises:
        InvalidInputError: if an option is unknown.
    """

    calibration: Calibration
    terms: Terms = "additive"
    near: Near = "teacher"
    weight: Weight = "sum"

    def __post_init__(self) -> None:
        for name, known in (("terms", Terms), ("near", Near), ("weight", Weight)):
            if getattr(self, name) not in get_args(known):
                raise InvalidInputError(f"`{name}` must be one of {get_args(known)}, got {getattr(self, name)!r}.")

    def fit(self, members: Members) -> Interactions:
        """Measure a family."""
        moves = size_moves(members.layout)
        slots, m = tuple(moves), len(moves)
        run = Execution(members, self.calibration)
        start = frozenset() if self.near == "student" else frozenset(range(len(members.layout.kept)))
        at = Trajectories(run, start, Evaluation("prefix"), m)
        changes = [moves[slot] for slot in slots]
        constant = at.divergence.mean
        single = np.array([found.mean - constant for found in at.evaluate(changes)])
        pair = np.zeros((m, m))
        pairs = [(i, j) for i, j in combinations(range(m), 2) if self._has(i, j)]
        both = at.evaluate([changes[i] | changes[j] for i, j in pairs])
        for (i, j), found in zip(pairs, both, strict=True):
            pair[i, j] = pair[j, i] = found.mean - constant - single[i] - single[j]
        layers = tuple(len(members.layout.slots[slot]) - 1 for slot in slots)
        parameters = added_parameters(members)
        return Interactions(slots, self.near, constant, single, pair, layers, parameters, run.work)

    def slots(self, members: Members, /) -> Sequence[int]:
        fitted = self.fit(members)
        if self.terms == "additive":
            return fitted.by_gain(self.weight)
        return fitted.lattice().shortest_path(self.weight).order

    def _has(self, i: int, j: int) -> bool:
        return self.terms == "quadratic" or (self.terms == "adjacent" and j == i + 1)
