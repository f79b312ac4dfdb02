"""What is on this machine: versions, optional parts, data, models and texts, devices; and whether it computes right."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass

from continuum.self_test import SELF_TESTS
from continuum.targets import is_interpolant, offered

__all__ = ["Finding", "examine"]

_REQUIRED = ("numpy", "scipy", "torch", "POT", "geomloss", "scikit-learn", "pandas", "joblib", "transformers", "peft")
_OPTIONAL = {
    "matplotlib": "plots",
    "gradio": "explore",
    "optuna": "search",
    "distributed": "cluster",
    "ray": "cluster",
    "gguf": "lm",
    "vaderSentiment": "lm",
    "lm-eval": "lm-eval",
}


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
    """Look at everything that continuum uses, and compute something small from end to end."""
    return [
        Finding("python", platform.python_version(), sys.version_info >= (3, 11), True),
        *(_package(name, required=True) for name in _REQUIRED),
        *(_package(name, extra=extra) for name, extra in _OPTIONAL.items()),
        *_devices(),
        *_datasets(),
        *_recipes(),
        *_plugins(),
        *(_self_test(what, test) for what, test in SELF_TESTS.items()),
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
    from continuum.decisions.recipes import RECIPES as DEMAND
    from continuum.models.recipes import ENCODERS, MODELS, TEXTS

    kinds = {"model": MODELS, "encoder": ENCODERS, "text": TEXTS, "clouds": CLOUDS, "tables": DEMAND}
    return [_fetched(kind, name, recipe.path.exists()) for kind in kinds for name, recipe in kinds[kind].items()]


def _fetched(kind: str, name: str, here: bool) -> Finding:
    state, remedy = ("here", "") if here else ("absent", f"continuum fetch {name}")
    return Finding(f"{kind}: {name}", state, here, False, remedy)


def _plugins() -> list[Finding]:
    """The interpolants that other packages offer; a broken one is told, and does not break the rest."""
    return [_plugin(name, entry) for name, entry in offered().items()]


def _plugin(name: str, entry: importlib.metadata.EntryPoint) -> Finding:
    remedy = f"repair or remove {entry.value}"
    try:
        found = entry.load()
        usable = is_interpolant(found, entry.value) or callable(found)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- packages of other people fail in any way they like
        return Finding(f"plugin: {name}", f"broken: {error!r:.80}", False, False, remedy)
    if not usable:
        return Finding(f"plugin: {name}", f"no interpolant: {found!r:.60}", False, False, remedy)
    return Finding(f"plugin: {name}", entry.value)


def _self_test(what: str, test: Callable[[], tuple[str, bool]]) -> Finding:
    try:
        state, right = test()
    except Exception as error:  # noqa: BLE001 -- whatever it is, the other tests go on
        state, right = f"{type(error).__name__}: {error}", False
    return Finding(f"self-test: {what}", state, right, True, "" if right else "report this")
