"""The parts of the experiment, in pieces that are kept when they are finished."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import digits
import texts
from pieces import Lab, Work, finished, side_by_side

import continuum

PARTS: Mapping[str, Callable[[Lab], list[Work]]] = {"digits": digits.work, "orders": texts.orders, "texts": texts.work}

_ABOUT = (
    "Digits are those of scikit-learn: a pool of 1,300 of which two fifths got a label at random, 20 clean images "
    "of two classes as the query, and the other images of these classes to test on; a small network saw a tenth of "
    "the pool before anything was selected, and goes on from there for five epochs. Texts are the distinct English "
    "exchanges of the ChatterBot corpus, cut at 64 tokens; a topic is the task, 16 exchanges on it the query, and "
    "SmolLM2-135M (dequantised from four bits) is fine-tuned by LoRA, one pass, on what was selected. Nothing was "
    "chosen by looking at what is tested on."
)

_SMALL = f"Two seeds of the digits with a pool of {digits.SMALL_POOL} only, and no texts."


def run(lab: Lab, parts: Sequence[str]) -> None:
    """All pieces of some parts, one part after the other; what is there already takes no time."""
    for name in parts:
        side_by_side(lab, PARTS[name](lab))


def collected(lab: Lab, command: str) -> dict[str, Any]:
    """All finished pieces with their origin, and the names of those that are missing."""
    names = [name for part in PARTS.values() for name, _ in part(lab)]
    pieces = {name: finished(lab, name) for name in names}
    packages = ("numpy", "scikit-learn", "torch", "transformers", "peft")
    return {
        "command": command,
        "about": f"{_SMALL} {_ABOUT}" if lab.small else _ABOUT,
        "versions": {"continuum": continuum.__version__, **{name: version(name) for name in packages}},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "written": time.strftime("%Y-%m-%d"),
        "missing": [name for name, piece in pieces.items() if piece is None],
        "pieces": {name: piece for name, piece in pieces.items() if piece is not None},
    }
