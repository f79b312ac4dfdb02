"""One tree of errors, each also the built-in that a stranger would catch."""

from __future__ import annotations

import pickle

import pytest

from continuum.core import errors

BUILT_IN = {
    "InvalidInputError": ValueError,
    "DomainError": errors.InvalidInputError,
    "IncompatibleError": ValueError,
    "NotConvergedError": RuntimeError,
    "ResourceError": MemoryError,
    "LeaseError": RuntimeError,
    "StoreError": OSError,
    "MissingDataError": FileNotFoundError,
    "MissingExtraError": ImportError,
    "UntrustedArtifactError": errors.ContinuumError,
    "WorkerError": RuntimeError,
    "ConvergenceWarning": errors.ContinuumWarning,
    "ContinuumWarning": UserWarning,
    "ContinuumError": Exception,
}


def test_every_error_is_listed():
    assert set(BUILT_IN) == set(errors.__all__)


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_error_is_what_a_stranger_would_catch(name):
    kind = getattr(errors, name)
    assert issubclass(kind, BUILT_IN[name])
    assert issubclass(kind, errors.ContinuumWarning if name.endswith("Warning") else errors.ContinuumError)
    assert kind.__doc__


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_error_keeps_its_message_between_processes(name):
    error = getattr(errors, name)("what was asked, what came, what to do.")
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert str(twin) == str(error) == "what was asked, what came, what to do."


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_error_can_be_made_without_its_initialiser(name):
    # So does tblib, through which Dask sends errors from one process to another.
    kind = getattr(errors, name)
    assert type(kind.__new__(kind)) is kind


def test_a_failed_iteration_carries_its_best_result():
    error = errors.NotConvergedError("residual 0.1 after 10 steps", result={"residual": 0.1})
    assert error.result == {"residual": 0.1}
    assert pickle.loads(pickle.dumps(error)).result == {"residual": 0.1}
