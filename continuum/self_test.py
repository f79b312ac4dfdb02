"""A small run from end to end, for every machine: answers that are known beforehand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

__all__ = ["SELF_TESTS"]


def _distance() -> tuple[str, bool]:
    """Two points moved by 3, features and labels, make 2 * 3^2."""
    from continuum.datasets import LabelledDataset, otdd

    data = LabelledDataset(np.array([[0.0], [1.0]]), [0, 0])
    squared = otdd(data, LabelledDataset(data.x + 3.0, data.y)).squared
    return f"otdd = {squared:.9g}, expected 18", abs(squared - 18) < 1e-9


def _transport() -> tuple[str, bool]:
    """On the line the sorted plan is optimal; dual potentials certify it without knowing that."""
    import torch

    from continuum.measures import solve

    x, y = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64), torch.tensor([5.0, 3.0, 4.0], dtype=torch.float64)
    plan = solve((x[:, None] - y[None, :]).square())
    certified = plan.converged and plan.lower <= 9 + 1e-9 and plan.gap < 1e-9
    return f"cost {plan.value:.9g} in [{plan.lower:.9g}, {plan.upper:.9g}], expected 9", certified


def _laws() -> tuple[str, bool]:
    """A path that is known to be one obeys every law that applies to it."""
    from continuum.testing import check_interpolant
    from continuum.testing.exact import Translation

    rows = check_interpolant(Translation(np.zeros((3, 2)), np.ones(2)), on_fail=None)
    failed = [row["check_name"] for row in rows if row["status"] == "failed"]
    return f"{sum(row['status'] == 'passed' for row in rows)} laws hold, {len(failed)} broken", not failed


def _store() -> tuple[str, bool]:
    """Numbers come back from a store bit for bit, nothing is computed twice, and all of it can be verified."""
    from continuum import Interval, evaluate, from_function
    from continuum.harness import Results, verify

    def study(store: Path) -> Results:
        path = from_function(Interval(), lambda t: t / 3)
        return evaluate(path, {"square": lambda x: x * x}, points=9, store=store, name="self-test", progress=False)

    with tempfile.TemporaryDirectory(prefix="continuum-") as folder:
        store = Path(folder) / "self-test.db"
        first, again = study(store), study(store)
        same = first.frame.equals(again.frame) and first.frame.equals(Results.load(store).frame)
        verified = verify(store, study, share=1.0).is_same
    return f"{len(first.frame)} numbers kept, {'verified' if verified else 'changed'}", same and verified


SELF_TESTS: Mapping[str, Callable[[], tuple[str, bool]]] = {
    "distance": _distance,
    "transport": _transport,
    "laws": _laws,
    "store": _store,
}
