"""Regret after transfer from every source, and every distance of it to the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from distances import distances, imputed
from families import Family, Predictor
from pieces import Piece

from continuum.decisions import DecisionDistance, PtODataset, regret, transfer_bound


def measured(family: Family) -> Piece:
    """Normalised regret on the test instances by learner and source, and distances by name and source.

    "tried" is the regret on the instances that distances are measured to: what is known without a distance by whoever
    trains on every source.
    """
    fitted = {name: {key: fit(data) for key, data in family.sources.items()} for name, fit in family.learners.items()}
    target = family.target
    own = {name: fit(target) for name, fit in family.learners.items()}
    found: dict[str, list[float]] = {}
    slacks: list[float] = []
    for key, source in family.sources.items():
        values, priced = distances(source, target)
        for name, value in values.items():
            found.setdefault(name, []).append(value)
        slacks += [_slack(source, target, priced, predictors[key]) for predictors in fitted.values()]
    return {
        "sources": list(family.sources),
        "regret": {name: [lost(family.test, p) for p in predictors.values()] for name, predictors in fitted.items()},
        "tried": {name: [lost(target, p) for p in predictors.values()] for name, predictors in fitted.items()},
        "imputed": {name: [imputed(source, own[name]) for source in family.sources.values()] for name in fitted},
        "own": {name: lost(family.test, predict) for name, predict in own.items()},
        "distances": found,
        "slack": slacks,
    }


def lost(data: PtODataset, predict: Predictor) -> float:
    """Normalised regret on some instances."""
    return regret(data.problem, predict(data.x), data.y, optimal=data.z)


def _slack(source: PtODataset, target: PtODataset, priced: DecisionDistance, predict: Predictor) -> float:
    """The least slack of the bound by the plan of the features and the independent one, in units of the optimum."""
    plans: tuple[Any, ...] = (priced.plan, np.outer(source.weights, target.weights))
    optimum = float(np.abs(target.problem.paired(target.z, target.y)) @ target.weights)
    return min(transfer_bound(source, target, plan, predict).slack for plan in plans) / optimum
