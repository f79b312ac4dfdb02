"""The three parts of the experiment, in pieces that are kept when they are finished."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import classification
import completing
import propagating
from pieces import Lab, Work, finished, side_by_side

import continuum

PARTS: Mapping[str, Callable[[Lab], list[Work]]] = {
    "propagation": propagating.work,
    "classification": classification.work,
    "completion": completing.work,
}

_ABOUT = (
    "Clouds of MNIST are all pixels above 0, coordinates only, centred and divided by one number for each cloud. "
    "Digits are those of scikit-learn, 8 x 8 pixels, of which those above a quarter of full darkness are points. "
    "Furniture are points on 367 meshes of eleven classes that were found by words in their names. Everything is "
    "trained by one recipe, from seeds, on one thread; nothing was chosen by looking at test clouds."
)


def run(lab: Lab, parts: Sequence[str]) -> None:
    """All pieces of some parts; what is there already takes no time."""
    side_by_side(lab, [work for name in parts for work in PARTS[name](lab)])


def collected(lab: Lab, command: str) -> dict[str, Any]:
    """All finished pieces with their origin, and the names of those that are missing."""
    names = [name for part in PARTS.values() for name, _ in part(lab)]
    pieces = {name: finished(lab, name) for name in names}
    return {
        "command": command,
        "about": "Made-up clouds." if lab.small else _ABOUT,
        "versions": {"continuum": continuum.__version__, **{name: version(name) for name in ("torch", "numpy")}},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "written": time.strftime("%Y-%m-%d"),
        "missing": [name for name, piece in pieces.items() if piece is None],
        "pieces": {name: piece for name, piece in pieces.items() if piece is not None},
    }
