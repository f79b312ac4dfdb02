"""What is on this machine: versions, optional parts, data, models and texts, devices."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import dataclass

__all__ = ["Finding", "examine"]

_REQUIRED = ("numpy", "scipy", "torch", "POT", "geomloss", "scikit-learn", "pandas", "joblib", "transformers", "peft")
_OPTIONAL = {"matplotlib": "plots", "gguf": "lm", "vaderSentiment": "lm"}


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes:
        what: what was looked at.
        state: what was found.
        fine: whether nothing is missing.
        required: whether the library cannot work without it.
        remedy: what to do if something is missing.
    """

    what: str
    state: str
    fine: bool = True
    required: bool = False
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything that continuum uses, and do one tiny computation with it."""
    return [
        Finding("python", platform.python_version(), sys.version_info >= (3, 11), True),
        *(_package(name, required=True) for name in _REQUIRED),
        *(_package(name, extra=extra) for name, extra in _OPTIONAL.items()),
        *_devices(),
        *_datasets(),
        *_recipes(),
        _self_test(),
    ]


def _package(name: str, *, required: bool = False, extra: str = "") -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name), required=required)
    except importlib.metadata.PackageNotFoundError:
        wanted = f"continuum-interpolation[{extra}]" if extra else name
        return Finding(name, "not installed", False, required, f'pip install "{wanted}"')


def _devices() -> list[Finding]:
    import torch

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "none"
    return [Finding("threads", str(torch.get_num_threads())), Finding("accelerator", str(accelerator))]


def _datasets() -> list[Finding]:
    from continuum.datasets.sources import SOURCES, available

    here = available()
    return [_fetched("data", name, name in here) for name in SOURCES]


def _recipes() -> list[Finding]:
    from continuum.compute.recipes import RECIPES as CLOUDS
    from continuum.models.recipes import MODELS, TEXTS

    kinds = {"model": MODELS, "text": TEXTS, "clouds": CLOUDS}
    return [_fetched(kind, name, recipe.path.exists()) for kind in kinds for name, recipe in kinds[kind].items()]


def _fetched(kind: str, name: str, here: bool) -> Finding:
    state, remedy = ("here", "") if here else ("absent", f"continuum fetch {name}")
    return Finding(f"{kind}: {name}", state, here, False, remedy)


def _self_test() -> Finding:
    """A distance with a known answer: two points moved by 3, features and labels, make 2 * 3^2."""
    import numpy as np

    from continuum.datasets import LabelledDataset, otdd

    data = LabelledDataset(np.array([[0.0], [1.0]]), [0, 0])
    squared = otdd(data, LabelledDataset(data.x + 3.0, data.y)).squared
    right = abs(squared - 18) < 1e-9
    return Finding("self-test", f"otdd = {squared:.9g}, expected 18", right, True, "" if right else "report this")
