"""All distances between a source and a target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from continuum.decisions import (
    DecisionAwareCost,
    DecisionDistance,
    Disparity,
    PtODataset,
    decision_distance,
    decision_regret,
    simplex_grid,
)
from continuum.measures import Plan, matrix, solve

GRID = [tuple(float(weight) for weight in triple) for triple in simplex_grid()]
"""The 91 triples of weights."""

_THIRDS = (1 / 3, 1 / 3, 1 / 3)
_OTHERS: tuple[Disparity, ...] = ("source", "sym", "profile")


def joint_name(triple: tuple[float, ...]) -> str:
    """What the joint distance with these weights is called."""
    return "joint " + " ".join(f"{weight:.3g}" for weight in triple)


AGNOSTIC, THIRDS, LABELS, DECISIONS = map(joint_name, ((0.5, 0.5, 0.0), _THIRDS, (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
JOINT = [joint_name(triple) for triple in GRID]


def distances(source: PtODataset, target: PtODataset) -> tuple[dict[str, float], DecisionDistance]:
    """Numbers by name, in the units of the target, and the priced distance with its plan.

    "priced" is what the plan of the features costs in decisions, "priced labels" what it costs in labels; "independent"
    is the mean disparity of all pairs. Those with the name of another disparity are valued on other instances.
    """
    priced = decision_distance(source, target, mode="priced")
    costs = np.stack([matrix(part).numpy() for part in (priced.parts.x, priced.parts.y, priced.parts.z)])
    plans = {joint_name(triple): _solved(triple, costs, source, target) for triple in GRID}
    found = {name: plan.value for name, plan in plans.items()}
    found |= {"priced": priced.components[2], "priced labels": priced.components[1]}
    found["priced, features and labels"] = _price(costs[2], plans[AGNOSTIC].coupling)
    found["independent"] = float(source.weights @ costs[2] @ target.weights)
    for kind in _OTHERS:
        parts = DecisionAwareCost(source.problem, disparity=kind).components(source, target)
        other = np.stack([costs[0], costs[1], matrix(parts.z).numpy()])
        found[f"priced, {kind}"] = _price(other[2], priced.plan)
        found[f"thirds, {kind}"] = _solved(_THIRDS, other, source, target).value
    return found, priced


def imputed(source: PtODataset, predict: Callable[[Any], Any]) -> float:
    """What the decisions of a source lose if its instances cost what a predictor of the target says; without a plan."""
    return float(source.weights @ decision_regret(source.problem, source.z, predict(source.x)))


def _solved(triple: tuple[float, ...], costs: Any, source: PtODataset, target: PtODataset) -> Plan:
    return solve(np.tensordot(triple, costs, 1), source.weights, target.weights)


def _price(cost: Any, coupling: Any) -> float:
    return float(coupling.multiply(cost).sum())
