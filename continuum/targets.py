"""What a command line names: `package.module:object`, or an interpolant that an installed package offers."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import sys
from typing import Any

from continuum.core import ContinuumError, Interpolant, InvalidInputError

__all__ = ["GROUP", "accepted", "imported", "interpolant", "is_interpolant", "offered"]

GROUP = "continuum.interpolants"  # entry points under which packages offer their interpolants by name


def imported(target: str) -> Any:
    """The object that `package.module:object` names, found from the current folder too.

    Raises:
        InvalidInputError: if there is none, or importing its module fails.
    """
    module_name, colon, attribute = target.partition(":")
    if not colon or not attribute:
        raise InvalidInputError(f"{target!r} names no object; write it as package.module:object.")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except ContinuumError:
        raise
    except (Exception, SystemExit) as error:  # a module of other people fails in any way it likes
        kind = "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
        raise InvalidInputError(f"cannot import {target!r}: {kind}{error}.") from error


def interpolant(target: str) -> Any:
    """The interpolant that a target names; a function of no arguments that makes one is called.

    Raises:
        InvalidInputError: if there is no such target, or it is broken.
    """
    found = imported(target) if ":" in target else _plugin(target)
    if is_interpolant(found, target) or not callable(found):
        return found
    try:
        made = found()
    except ContinuumError:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidInputError(f"{target} makes no interpolant: it raised {type(error).__name__}: {error}") from error
    is_interpolant(made, target)
    return made


def is_interpolant(found: Any, target: str) -> bool:
    """Whether what a target names has the members of an interpolant.

    Raises:
        InvalidInputError: if its domain cannot be read.
    """
    try:
        getattr(found, "domain", None)  # not every version of Python reads it in the next line
        return isinstance(found, Interpolant)
    except Exception as error:
        raise InvalidInputError(
            f"{target} is no interpolant: reading its `domain` raised {type(error).__name__}: {error}"
        ) from error


def offered() -> dict[str, importlib.metadata.EntryPoint]:
    """The interpolants that installed packages offer, by name; none is loaded."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}


def accepted(function: Any, options: dict[str, Any]) -> dict[str, Any]:
    """`options`, all of which `function` takes.

    Raises:
        InvalidInputError: naming those that it does not take.
    """
    known = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    unknown = [] if takes_all else [name for name in options if name not in known]
    if unknown:
        raise InvalidInputError(f"the study takes no parameter {unknown}; it has {list(known)}.")
    return options


def _plugin(name: str) -> Any:
    plugins = offered()
    if name not in plugins:
        known = ", ".join(sorted(plugins)) or "none"
        raise InvalidInputError(f"no installed package offers an interpolant {name!r} (offered: {known}).")
    try:
        return plugins[name].load()
    except (Exception, SystemExit) as error:
        raise InvalidInputError(f"the plugin {plugins[name].value!r} is broken: {error!r}.") from error
