"""Newsvendors with real demand: a domain is a dish of a restaurant, a product of a bakery's shop, an item of a store.

An order is placed before demand is known, from the calendar, the weather and promotions. A unit costs 1, and 4 where it
is missing, so that the best order is the quantile 0.75 of demand, and regret over the optimum is what is lost for each
unit that is asked for. All domains of a data set see the same days: those that are learnt from are drawn from the first
60% of days, those that are decided on from the rest. Demand is as it was counted ("raw"), or divided by the mean of
each domain over its own days to learn from ("scaled").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from demand import domains
from families import Family, Predictor
from pieces import Lab
from sklearn.linear_model import QuantileRegressor, Ridge

from continuum.core import rng_for
from continuum.decisions import Newsvendor, PtODataset

UNITS = ("raw", "scaled")

_SHOP = Newsvendor(order=1.0, backorder=4.0, holding=0.0)
_QUANTILE = 0.75
_PAST = 0.6
_SHRINKAGE = {"ridge": 0.05, "quantile": 0.02}  # of features with variance 1


def families(lab: Lab, data: str, units: str) -> Mapping[str, Family]:
    """Each domain as the target of all others."""
    found = domains(lab, data)
    learnt, decided = _days(lab, data, found.demand.shape[1])
    centre, spread = found.features[:, learnt].mean((0, 1)), found.features[:, learnt].std((0, 1))
    x = (found.features - centre) / np.where(spread > 0, spread, 1.0)
    scale = found.demand[:, learnt].mean(1, keepdims=True) if units == "scaled" else 1.0
    y = (found.demand / scale)[..., None]
    tasks = {name: PtODataset(x[k, learnt], y[k, learnt], _SHOP) for k, name in enumerate(found.names)}
    tests = {name: PtODataset(x[k, decided], y[k, decided], _SHOP) for k, name in enumerate(found.names)}
    learners = {"quantile": quantile, "ridge": ridge}
    return {
        name: Family(task, {k: v for k, v in tasks.items() if k != name}, tests[name], learners, few=20)
        for name, task in tasks.items()
    }


def quantile(data: PtODataset) -> Predictor:
    """Linear regression of the order itself, by what it loses."""
    level = float(np.abs(data.y).mean())
    model = QuantileRegressor(quantile=_QUANTILE, alpha=_SHRINKAGE["quantile"], solver="highs")
    found = model.fit(data.x, data.y[:, 0] / level, sample_weight=data.weights)
    return lambda x: np.maximum(level * found.predict(x), 0)[:, None]


def ridge(data: PtODataset) -> Predictor:
    """Linear regression of the mean demand."""
    found = Ridge(alpha=_SHRINKAGE["ridge"]).fit(data.x, data.y[:, 0], sample_weight=data.weights)
    return lambda x: np.maximum(found.predict(x), 0)[:, None]


def _days(lab: Lab, data: str, days: int) -> tuple[Any, Any]:
    """Days to learn from, and later ones to decide on."""
    rng, past = rng_for(0, "stock", data), int(_PAST * days)
    learnt, decided = (30, 30) if lab.small else (100, 200)
    return rng.choice(past, learnt, replace=False), past + rng.choice(days - past, decided, replace=False)
