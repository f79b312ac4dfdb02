"""How well what is learnt on one task decides on another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .bound import Predictor
from .dataset import PtODataset
from .regret import Reduction, regret

__all__ = ["transfer_matrix"]


def transfer_matrix(
    sources: Sequence[PtODataset],
    targets: Sequence[PtODataset],
    fit: Callable[[PtODataset], Predictor],
    *,
    reduction: Reduction = "normalized",
) -> NDArray[np.float64]:
    """Regret on each target of a predictor that was fitted on each source, without fine-tuning, (k, l).

    Args:
        sources: the tasks to learn from.
        targets: instances to decide on that were not learnt from; they count by their weights.
        fit: the learner: a predictor, parameters (n, dim_y) of features (n, ...), of a dataset. It is called once for
            each source.
        reduction: as in `regret`.

    Example:
        >>> from continuum.decisions import TopK
        >>> task = PtODataset([[0.0], [1.0]], [[3.0, 1.0], [2.0, 1.0]], TopK(items=2))
        >>> other = PtODataset([[0.0], [1.0]], [[1.0, 2.0], [0.0, 2.0]], TopK(items=2))
        >>> mean = lambda data: lambda x: np.tile(data.y.mean(0), (len(x), 1))
        >>> transfer_matrix([task, other], [task, other], mean, reduction="mean").tolist()
        [[0.0, 1.5], [1.5, 0.0]]
    """
    fitted = [fit(source) for source in sources]
    return np.array([[_regret(predict, target, reduction) for target in targets] for predict in fitted])


def _regret(predict: Predictor, target: PtODataset, reduction: Reduction) -> float:
    optimal = target.z if target.is_optimal else None
    found = predict(target.x)
    return regret(target.problem, found, target.y, reduction=reduction, optimal=optimal, weights=target.weights)
