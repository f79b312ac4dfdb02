"""One tree of errors and one of warnings.

A message says what was asked, where, what was seen and what to do about it. Each error also inherits the built-in
exception that a caller who does not know the library would catch.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ContinuumError",
    "ContinuumWarning",
    "ConvergenceWarning",
    "DomainError",
    "IncompatibleError",
    "InvalidInputError",
    "LeaseError",
    "MissingDataError",
    "MissingExtraError",
    "NotConvergedError",
    "ResourceError",
    "StoreError",
    "UntrustedArtifactError",
    "WorkerError",
]


class ContinuumError(Exception):
    """Root of every error that the library raises on purpose."""


class InvalidInputError(ContinuumError, ValueError):
    """An argument has a value that no call of this kind can use."""


class DomainError(InvalidInputError):
    """A coordinate lies outside the domain of an interpolant."""


class IncompatibleError(ContinuumError, ValueError):
    """Two arguments, each valid alone, cannot be used together."""


class NotConvergedError(ContinuumError, RuntimeError):
    """An iterative method stopped early and the caller asked for strictness.

    Attributes:
        result: the best result so far, with its residual; None if there is none.
    """

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


# The built-in comes first: MemoryError makes its objects in its own way, and `ResourceError.__new__` has to find that.
# What carries errors from one process to another calls it.
class ResourceError(MemoryError, ContinuumError):
    """The request does not fit into the memory or disk of this machine."""


class LeaseError(ContinuumError, RuntimeError):
    """Two borrowed values of one interpolant cannot exist at the same time."""


class StoreError(ContinuumError, OSError):
    """A result store cannot be read or written."""


class MissingDataError(ContinuumError, FileNotFoundError):
    """A data set is not on this machine; the message names the command that fetches it."""


class MissingExtraError(ContinuumError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class UntrustedArtifactError(ContinuumError):
    """A file could run code when read, or is not the file that was pinned."""


class WorkerError(ContinuumError, RuntimeError):
    """A worker process or a whole cluster was lost, or could not run what it was sent."""


class ContinuumWarning(UserWarning):
    """Root of every warning that the library gives on purpose."""


class ConvergenceWarning(ContinuumWarning):
    """An iterative method returned an unconverged result; it says so in `converged` too."""
