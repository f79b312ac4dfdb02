"""Optimisers of numbers in [0, 1], asked for one point after the other."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any, Literal, TypeAlias, get_args

from continuum.core import InvalidInputError, require_extra, rng_for

__all__ = ["Asking", "Method", "asking", "check_method"]

Method = Literal["cma", "tpe", "gp", "random"]
Asking: TypeAlias = Generator[list[float], float, None]


def check_method(method: str) -> None:
    """Refuse what is no optimiser, or is not installed.

    Raises:
        InvalidInputError: if there is none of this name.
        MissingExtraError: if it needs Optuna, which is not installed.
    """
    if method not in get_args(Method):
        raise InvalidInputError(f"`method` must be one of {', '.join(get_args(Method))}, got {method!r}.")
    if method != "random":
        require_extra("optuna", extra="search", what=f"navigate(method={method!r})")


def asking(method: Method, size: int, seed: int) -> Asking:
    """A generator of points of the cube that is sent what the last one is worth, smaller being better.

    What it asks for is a function of the seed and of the values that it was sent.
    """
    return _at_random(size, seed) if method == "random" else _guided(method, size, seed)


def _at_random(size: int, seed: int) -> Asking:
    rng = rng_for(seed, "navigate", "search")
    while True:
        yield rng.random(size).tolist()


def _guided(method: Method, size: int, seed: int) -> Asking:
    import optuna

    names = [f"u{k}" for k in range(size)]
    space: dict[str, Any] = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in names}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(sampler=_sampler(optuna, method, seed))
    finally:
        optuna.logging.set_verbosity(verbosity)
    while True:
        trial = study.ask(space)
        value = yield [float(trial.params[name]) for name in names]
        if math.isnan(value):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, value)


def _sampler(optuna: Any, method: Method, seed: int) -> Any:
    if method == "cma":
        return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    if method == "gp":
        return optuna.samplers.GPSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, multivariate=True)
