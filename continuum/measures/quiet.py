"""Without the warnings of a library that is called from several threads."""

from __future__ import annotations

import threading
import warnings

__all__ = ["Quiet"]


class Quiet:
    """A context in which warnings of one module are left out.

    Filters of warnings are common to all threads, so that each of several restoring what it found may restore what
    another had set. Here the first thread that enters sets the filter, and the last one that leaves takes it away.

    Args:
        module: regular expression of the module whose warnings are left out.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=self._module)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)
