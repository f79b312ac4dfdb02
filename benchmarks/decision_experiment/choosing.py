"""Which sources to learn from, where labels of the target are few: the nearest ones, some at random, or all?

Distances are those to the few instances of the target. What is learnt from sources alone is zero-shot; "with few" the
sources and the few instances of the target share the weight equally.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from distances import imputed
from families import Family, Learner, pooled
from pieces import Piece
from transfers import lost

from continuum.decisions import DecisionAwareCost, PtODataset, decision_distance

RULES = ("agnostic", "thirds", "decisions only", "priced")
"""How the nearest is found: by features and labels; by all three; by decisions alone; by the price of decisions.

Two more ask a predictor: "imputed" values the decisions of sources by what a predictor of the few instances says of
their features, and "tried out" is the regret on the few instances of a predictor of each source.
"""

_WEIGHTS = {"agnostic": (0.5, 0.5, 0.0), "thirds": (1 / 3, 1 / 3, 1 / 3), "decisions only": (0.0, 0.0, 1.0)}
_SEVERAL = 3

Pair = list[float]  # regret of what is learnt zero-shot, and with few


def measured(family: Family) -> Piece:
    """Regret of each choice by learner."""
    few = family.target.subset(slice(family.few))
    ranked = {rule: _ranked(rule, family.sources, few) for rule in RULES}
    return {name: _choices(family, fit, few, ranked) for name, fit in family.learners.items()}


def _choices(family: Family, fit: Learner, few: PtODataset, ranked: Mapping[str, Sequence[str]]) -> Piece:
    def pair(names: Sequence[str]) -> Pair:
        zero = pooled([family.sources[name] for name in names])
        return [lost(family.test, fit(zero)), lost(family.test, fit(pooled([zero, few])))]

    alone = {name: pair([name]) for name in family.sources}
    chosen: dict[str, Pair] = {}
    tried = {name: lost(few, fit(source)) for name, source in family.sources.items()}
    predict = fit(few)
    guessed = {name: imputed(source, predict) for name, source in family.sources.items()}
    for rule, order in {**ranked, "imputed": _sorted(guessed), "tried out": _sorted(tried)}.items():
        chosen[f"nearest, {rule}"] = alone[order[0]]
        chosen[f"nearest {_SEVERAL}, {rule}"] = pair(order[:_SEVERAL])
    columns = np.array(list(alone.values()))
    chosen["at random"] = columns.mean(0).tolist()
    chosen["best in hindsight"] = columns.min(0).tolist()
    chosen["all"] = pair(list(family.sources))
    return {"chosen": chosen, "few alone": lost(family.test, predict), "own": lost(family.test, fit(family.target))}


def _ranked(rule: str, sources: Mapping[str, PtODataset], few: PtODataset) -> list[str]:
    """Sources, the nearest one first."""
    values = {name: _distance(rule, source, few) for name, source in sources.items()}
    return _sorted(values)


def _sorted(values: Mapping[str, float]) -> list[str]:
    return sorted(values, key=values.__getitem__)


def _distance(rule: str, source: PtODataset, few: PtODataset) -> float:
    if rule == "priced":
        return decision_distance(source, few, mode="priced").components[2]
    cost: Any = DecisionAwareCost(source.problem, _WEIGHTS[rule])
    return decision_distance(source, few, cost).value
