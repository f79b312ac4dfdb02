"""Interpolate the discrete choices of machine learning: datasets, models, sizes, compute.

`import continuum` loads the idea only (NumPy). The harness and the axes load on first use (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .core import (
    Interpolant,
    Interval,
    Levels,
    Metric,
    PerItem,
    Product,
    Simplex,
    SupportsEndpoints,
    SupportsLease,
    along,
    deferred,
    from_function,
    lease,
    metric,
    nest,
    product,
    tabulate,
    transform,
)
from .core.version import __version__ as __version__

if TYPE_CHECKING:
    from .harness.evaluate import evaluate
    from .harness.link import link
    from .harness.pareto import pareto
    from .harness.results import Results
    from .harness.search import navigate

__all__ = [
    "Interpolant",
    "Interval",
    "Levels",
    "Metric",
    "PerItem",
    "Product",
    "Results",
    "Simplex",
    "SupportsEndpoints",
    "SupportsLease",
    "along",
    "deferred",
    "evaluate",
    "from_function",
    "lease",
    "link",
    "metric",
    "navigate",
    "nest",
    "pareto",
    "product",
    "tabulate",
    "transform",
]

_LATE = {"Results": "harness", "evaluate": "harness", "link": "harness", "navigate": "harness", "pareto": "harness"}
_ROOMS = (
    "compute",
    "core",
    "datasets",
    "decisions",
    "explorer",
    "harness",
    "measures",
    "models",
    "report",
    "selection",
    "testing",
)


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(f".{_LATE[name]}", __name__), name)
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS, "__version__"})
