"""Where units are carried out: here, in other processes, or on the cluster that joblib is told to use."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext

import cloudpickle
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend

from continuum.core import ContinuumError, InvalidInputError, WorkerError

from .dask_jobs import answering
from .units import OnError, Outcome, Unit, carry_out, carry_out_away

__all__ = ["check_travel", "outcomes"]

_BATCH = 4  # units for each worker
_COLOUR = re.compile(r"\x1b\[[\d;]*m")  # Ray paints its messages


def check_travel(planned: Iterable[Unit], n_jobs: int) -> None:
    """Refuse before any work what cannot be sent to the workers; Dask would wait for its outcome for ever.

    Raises:
        InvalidInputError: if a path, value or metric cannot be pickled.
    """
    if n_jobs == 1 or getattr(get_active_backend()[0], "supports_sharedmem", False):
        return
    parcels: dict[str, object] = {}
    for unit in planned:
        parcels.setdefault(f"{unit.role} {unit.label!r}", unit.borrow)
        parcels.update((f"metric {task.metric.name!r}", task.metric) for task in unit.tasks)
    for what, parcel in parcels.items():
        _check_parcel(what, parcel)


def outcomes(work: Iterator[Unit], n_jobs: int, on_error: OnError) -> Generator[Outcome]:
    """Carry out the units, and hand over what came of each as soon as the backend of joblib does.

    Raises:
        WorkerError: if workers or a cluster are lost.
    """
    if n_jobs == 1:
        for unit in work:
            yield carry_out(unit, on_error)
        return
    calls = (delayed(carry_out_away)(unit, on_error) for unit in work)
    backend = get_active_backend()[0]
    is_dask = type(backend).__module__ == "joblib._dask"
    with _explained(), answering(backend) if is_dask else nullcontext():
        if backend.supports_return_generator:
            yield from Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
            return
        # Ray gives results back all at once only: in small batches little is lost when the process dies. The workers
        # stay the same from batch to batch, or each batch would build every deferred path anew.
        with Parallel(n_jobs=n_jobs) as parallel:
            while batch := list(itertools.islice(calls, _BATCH * effective_n_jobs(n_jobs))):
                yield from parallel(batch)


def _check_parcel(what: str, parcel: object) -> None:
    try:
        with open(os.devnull, "wb") as nowhere:
            cloudpickle.dump(parcel, nowhere)
    except Exception as error:
        raise InvalidInputError(
            f"{what} cannot be sent to other processes ({type(error).__name__}: {error}). Let it open files, locks and "
            "connections when it is used, send a path as `deferred(factory, ...)`, or set `n_jobs=1`."
        ) from error


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what a backend raises into a `WorkerError`: what a unit raises comes home as its outcome."""
    try:
        yield
    except ContinuumError:
        raise
    except Exception as error:
        first: BaseException = error
        while first.__cause__ is not None:
            first = first.__cause__
        said = " ".join(_COLOUR.sub("", str(first)).split())
        raise WorkerError(
            f"the workers did not finish ({type(first).__name__}: {said:.400}). Was one "
            "killed, as when memory is short, is the cluster gone, or can they not import what they are sent? What is "
            "in the `store` stays there: the same call computes only the rest."
        ) from error
