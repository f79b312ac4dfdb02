"""Which function makes which studies of a store, as `continuum run` recorded it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from continuum.harness import provenance_of
from continuum.targets import accepted, imported

__all__ = ["Maker", "makers_of"]


@dataclass(frozen=True)
class Maker:
    """A function, and the studies that it makes.

    Attributes:
        target: the function, as `package.module:function`.
        arguments: with which it was called.
        studies: names of what it makes.
    """

    target: str
    arguments: Mapping[str, Any]
    studies: tuple[str, ...]

    def run(self, store: Path) -> object:
        """Call it with another store.

        Raises:
            InvalidInputError: if it cannot be imported, or takes no store.
        """
        function = imported(self.target)
        return function(**accepted(function, {"store": store, **self.arguments}))


def makers_of(store: Path, target: str | None = None) -> tuple[list[Maker], list[str]]:
    """The makers of the studies in a store, and the studies whose maker is not recorded.

    Args:
        store: the file.
        target: a function that makes all of them, whatever is recorded.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    orphans = []
    for study in provenance_of(store)["studies"]:
        last = study["runs"][-1] if study["runs"] else {}
        maker = target or last.get("target")
        if maker is None:
            orphans.append(study["name"])
        else:
            groups.setdefault((maker, json.dumps(last.get("arguments", {}))), []).append(study["name"])
    return [Maker(maker, json.loads(given), tuple(names)) for (maker, given), names in groups.items()], orphans
