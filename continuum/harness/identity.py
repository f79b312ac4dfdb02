"""What the store knows paths, metrics and values by."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from continuum.core import InvalidInputError, fingerprint

from .units import Paths, Yardstick

__all__ = ["Identities", "contents_of"]

# What an object looked like after its last run, and the identity that it had before it.
_AFTER: dict[int, tuple[weakref.ref[Any], str, str]] = {}


class Identities:
    """Names things by their content, and remembers them by it when the run is over.

    A path may fill a cache and a metric may count its calls: what only a run of ours changed is no new content. An
    object that looks as its last run in this process left it keeps the identity that it had then.
    """

    def __init__(self) -> None:
        self._named: list[tuple[Any, str]] = []

    def __call__(self, kind: str, label: str, value: Any) -> str:
        try:
            identity = _known(value, fingerprint(value))
        except InvalidInputError as error:
            error.add_note(f"while naming {kind} {label!r} for the store; `store=None` needs no names.")
            raise
        self._named.append((value, identity))
        return identity

    def remember(self) -> None:
        """Note what everything named looks like now."""
        for value, identity in self._named:
            with suppress(InvalidInputError, TypeError):  # no longer to be identified, or not to be referred to
                _AFTER[id(value)] = (weakref.ref(value, _forget(id(value))), fingerprint(value), identity)


def contents_of(paths: Paths, yardstick: Yardstick) -> dict[str, str]:
    """Short digests of everything that the numbers of a study depend on, which tell later what has changed."""
    named = {f"metric {metric.name}": identity for metric, identity in yardstick.metrics}
    named |= {f"path {paths.label}": paths.path[1]}
    named |= {f"baseline {label}": identity for label, (_, identity, _) in paths.baselines.items()}
    named |= {f"reference {label}": identity for label, (_, identity) in paths.references.items()}
    return {name: identity[:16] for name, identity in named.items()}


def _forget(key: int) -> Callable[[Any], None]:
    def forget(_: Any) -> None:
        _AFTER.pop(key, None)

    return forget


def _known(value: Any, now: str) -> str:
    """The identity that `value` had before its last run, if it looks as that run left it; otherwise how it looks."""
    reference, after, identity = _AFTER.get(id(value), (None, "", ""))
    return identity if reference is not None and reference() is value and now == after else now
