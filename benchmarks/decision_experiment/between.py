"""What lies between a source and the target: regret of what is learnt there, and how decisions drift.

The path moves instances along a transport plan and decides anew; the mixture holds the instances of both ends, with
weights. Both are learnt from at each t, and the target's test instances are decided on.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
from families import Family, Learner, Predictor, pooled
from pieces import Piece
from transfers import lost

from continuum import Interval, evaluate, from_function, metric, transform
from continuum.decisions import DecisionAwareCost, DecisionPath, PtODataset, decision_drift

POINTS = 9


def measured(family: Family, sources: int) -> Piece:
    """Curves from some sources to the target, once with all of its labels and once with few."""
    learner = next(iter(family.learners.values()))
    few = family.target.subset(slice(family.few))
    found = []
    for name, source in islice(family.sources.items(), sources):
        for labels, target in (("all", family.target), ("few", few)):
            found.append({"source": name, "labels": labels, **_curves(family, source, target, learner)})
    return {"pairs": found, "t": np.linspace(0, 1, POINTS).tolist()}


def _curves(family: Family, source: PtODataset, target: PtODataset, learner: Learner) -> Piece:
    path = DecisionPath(source, target, DecisionAwareCost(source.problem, (0.5, 0.5, 0.0)))
    mixture = from_function(Interval(), lambda t: pooled([source, target], [1 - t, t]))

    @metric(goal="min")
    def regret(predict: Predictor) -> float:
        return lost(family.test, predict)

    learnt = evaluate(
        transform(path, learner),
        [regret],
        points=POINTS,
        name="path",
        baselines={"mixture": transform(mixture, learner)},
        progress=False,
    ).frame
    drift = evaluate(path, [decision_drift(path.at(0))], points=POINTS, name="path", progress=False).frame
    optimum = float(np.abs(target.problem.paired(target.z, target.y)) @ target.weights)
    return {
        "path": learnt[learnt.role == "path"].value.tolist(),
        "mixture": learnt[learnt.role == "baseline"].value.tolist(),
        "drift": (drift[drift.role == "path"].value / optimum).tolist(),
    }
