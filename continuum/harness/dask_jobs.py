"""Answers for the jobs of which joblib's Dask backend says nothing: it would wait for them for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from .units import lost

__all__ = ["answering"]

_PATIENCE = 60.0  # seconds without any worker; nannies start new ones in a few

Callback = Callable[[Any], None]


@contextmanager
def answering(backend: Any) -> Iterator[None]:
    """In this block each job that is submitted to the backend is called back, also if no worker finishes it.

    joblib calls back only for what returns from a worker: not for a job that is given up since it ended several
    workers, and not for one that waits for a worker after all have gone.
    """
    submit, over = backend.submit, threading.Event()
    waiting: dict[Any, Callback] = {}

    def submit_and_answer(call: Any, callback: Callback) -> Any:
        job = submit(call, callback)
        waiting[job] = callback
        job.add_done_callback(lambda job: waiting.pop(job, None))
        job.add_done_callback(partial(_answer, call, callback))
        return job

    backend.submit = submit_and_answer
    threading.Thread(target=_watch, args=(backend, waiting, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        del backend.submit


def _answer(call: Any, callback: Callback, job: Any) -> None:
    """Call back for a job that was given up."""
    error = job.exception()
    if error is None:
        return
    fatal = type(error).__name__ == "KilledWorker"  # it is about these units; the cluster goes on
    callback([lost(unit, on_error, error) for _, (unit, on_error), _ in call.items] if fatal else error)


def _watch(backend: Any, waiting: dict[Any, Callback], over: threading.Event) -> None:
    """Call back with an error when there has been no worker for a while."""
    patience = max(_PATIENCE, backend.wait_for_workers_timeout or 0.0)
    seen = time.monotonic()
    while not over.wait(1.0):
        if _has_workers(backend.client):
            seen = time.monotonic()
        elif time.monotonic() - seen > patience:
            error = TimeoutError(f"the Dask cluster has had no worker for {patience:g} seconds; their logs tell why")
            for callback in list(waiting.values()):
                callback(error)
            return


def _has_workers(client: Any) -> bool:
    try:
        return bool(client.ncores())
    except Exception:  # noqa: BLE001 -- whatever a client raises whose scheduler is gone
        return False
