"""Manners: a path leaves the process as it found it, travels to other processes and says what it is."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from continuum.core import Interpolant, fingerprint

from .compare import known_leaves, require, snapshot, twin, visit
from .points import some_points
from .value_law import random_state, random_state_restored, seed_everything

__all__ = [
    "check_global_random_state_is_untouched",
    "check_global_settings_are_untouched",
    "check_pickle_keeps_values",
    "check_repr_is_one_line",
    "settings_restored",
]


def check_global_random_state_is_untouched(path: Interpolant[Any]) -> None:
    """`at` draws nothing from `random`, `numpy.random` or `torch`, and seeds none of them."""
    with random_state_restored():
        seed_everything(20260101)  # a state that no path sets by chance
        before = {name: fingerprint(state) for name, state in random_state().items()}
        path = twin(path)
        for point in some_points(path.domain, "draws"):
            visit(path, point)
            for name, state in random_state().items():
                require(fingerprint(state) == before.get(name, fingerprint(state)), f"at({point}) changed `{name}`.")


def check_global_settings_are_untouched(path: Interpolant[Any]) -> None:
    """`at` leaves warning filters, floating-point error handling, torch's modes, environment and directory alone."""
    point = some_points(path.domain, "settings", n=1)[-1]
    with settings_restored():
        visit(twin(path), point)  # a first call may import modules that set things up, once
    with settings_restored():
        before = _settings()
        visit(twin(path), point)
        for name, value in _settings().items():
            require(value == before.get(name, value), f"at({point}) changed {name}: {before.get(name)} became {value}.")


def _settings() -> dict[str, Any]:
    settings: dict[str, Any] = {
        "warnings.filters": list(warnings.filters),
        "numpy.geterr()": np.geterr(),
        "os.environ": dict(os.environ),
        "os.getcwd()": os.getcwd(),
    }
    if torch := sys.modules.get("torch"):
        settings["torch.is_grad_enabled()"] = torch.is_grad_enabled()
        settings["torch.get_default_dtype()"] = torch.get_default_dtype()
        settings["torch.get_num_threads()"] = torch.get_num_threads()
    return settings


@contextmanager
def settings_restored() -> Iterator[None]:
    """Leave every global setting as it was."""
    before = _settings()
    try:
        with warnings.catch_warnings(), np.errstate(**before["numpy.geterr()"]):
            yield
    finally:
        for name, value in _settings().items():
            if name in _RESTORE and value != before.get(name, value):
                _RESTORE[name](before[name])


def _set_environment(before: dict[str, str]) -> None:
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


# Warning filters and floating-point errors have context managers of their own.
_RESTORE: dict[str, Callable[[Any], object]] = {
    "os.environ": _set_environment,
    "os.getcwd()": os.chdir,
    "torch.is_grad_enabled()": lambda mode: sys.modules["torch"].set_grad_enabled(mode),
    "torch.get_default_dtype()": lambda dtype: sys.modules["torch"].set_default_dtype(dtype),
    "torch.get_num_threads()": lambda count: sys.modules["torch"].set_num_threads(count),
}


def check_pickle_keeps_values(path: Interpolant[Any]) -> None:
    """A pickled and unpickled path gives the same values, so that it can be sent to a worker."""
    try:
        data = pickle.dumps(path)
    except Exception as error:
        raise AssertionError(
            f"the path cannot be pickled ({error}); use importable functions, or send it as `deferred(factory, ...)`."
        ) from error
    twin = pickle.loads(data)  # noqa: S301 -- our own bytes, one line above
    require(twin.domain == path.domain, f"after pickling the domain is {twin.domain}, it was {path.domain}.")
    for point in some_points(path.domain, "pickle"):
        require(snapshot(twin.at(point)).equals(snapshot(path.at(point))), f"pickling changed at({point}).")


def check_repr_is_one_line(path: Interpolant[Any]) -> None:
    """`repr(path)` is one line, apart from the arrays that it shows."""
    text = repr(path)
    for leaf in known_leaves(path):
        text = text.replace(repr(leaf), "...")
    require("\n" not in text, f"repr has {text.count(chr(10)) + 1} lines: {text!r:.200}.")
