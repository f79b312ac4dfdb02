"""Law 2, first half: what `at` returns is the caller's."""

from __future__ import annotations

import itertools
from typing import Any
from unittest import SkipTest

from continuum.core import Interpolant, SupportsEndpoints

from .compare import Snapshot, overwrite, require, restored, share_containers, share_memory, snapshot, writable
from .points import some_points

__all__ = [
    "check_anchors_are_left_alone",
    "check_values_are_owned",
    "check_values_share_no_memory",
]


def check_values_are_owned(path: Interpolant[Any]) -> None:
    """Overwriting a value in place changes neither later values nor the endpoints; containers are made anew."""
    points = some_points(path.domain, "owned")
    for point in points:
        value, again = path.at(point), path.at(point)
        require(not share_containers(value, again), f"at({point}) gives a list, dict or set that it gave before.")
        if not writable(value):
            raise SkipTest("values hold no arrays that can be written into.")
        with restored(path), restored(value):
            before = {point: snapshot(value), points[0]: snapshot(path.at(points[0]))}
            ends = _end_values(path)
            overwrite(value)
            for other, expected in before.items():
                require(snapshot(path.at(other)).equals(expected), f"writing to at({point}) changed at({other}).")
            for other, expected in ends.items():
                now = _end_values(path)[other]
                require(now.equals(expected), f"writing to at({point}) changed the endpoint at {other}.")


def _end_values(path: Interpolant[Any]) -> dict[Any, Snapshot]:
    if not isinstance(path, SupportsEndpoints):
        return {}
    return {point: snapshot(value) for point, value in path.endpoints.items()}


def check_values_share_no_memory(path: Interpolant[Any]) -> None:
    """Values at different points, held at the same time, have no memory in common."""
    values = {point: path.at(point) for point in some_points(path.domain, "memory")}
    if not any(map(writable, values.values())):
        raise SkipTest("values hold no arrays that can be written into.")
    for (p, a), (q, b) in itertools.combinations(values.items(), 2):
        require(not share_memory(a, b), f"at({p}) and at({q}) share memory: writing to one changes the other.")


def check_anchors_are_left_alone(path: Interpolant[Any]) -> None:
    """`at` does not write into the arrays that the path is made of."""
    anchors = [(leaf, snapshot(leaf)) for leaf in writable(path)]
    if not anchors:
        raise SkipTest("the path shows no arrays that can be written into.")
    for point in some_points(path.domain, "anchors"):
        path.at(point)
        for leaf, before in anchors:
            require(snapshot(leaf).equals(before), f"at({point}) wrote into an array {before.kinds[0]} of the path.")
