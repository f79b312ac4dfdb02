"""The parts of the experiment, in pieces that are kept when they are finished."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import images
import texts
import trainings
from pieces import Lab, Work, finished, side_by_side

import continuum

PARTS: Mapping[str, tuple[Callable[[Lab], list[Work]], ...]] = {
    "images": (images.work, images.floors),
    "texts": (trainings.work, texts.work, texts.floors),
}
"""Each part in steps, which need what the steps before have made."""


def run(lab: Lab, parts: Sequence[str]) -> None:
    """All pieces of some parts, one step after the other; what is there already takes no time."""
    for name in parts:
        for step in PARTS[name]:
            side_by_side(lab, step(lab))


def collected(lab: Lab, command: str) -> dict[str, Any]:
    """All finished pieces with their origin, and the names of those that are missing."""
    names = [name for steps in PARTS.values() for step in steps for name, _ in step(lab)]
    pieces = {name: finished(lab, name) for name in names}
    packages = ("numpy", "torch", "transformers", "peft")
    return {
        "command": command,
        "about": _SMALL if lab.small else _ABOUT,
        "versions": {"continuum": continuum.__version__, **{name: version(name) for name in packages}},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "written": time.strftime("%Y-%m-%d"),
        "missing": [name for name, piece in pieces.items() if piece is None],
        "pieces": {name: piece for name, piece in pieces.items() if piece is not None},
    }


_SMALL = "Made-up images and texts, a tiny random language model, two seeds: does it run?"
_ABOUT = (
    "Images: the source is MNIST, the target optdigits, both resampled to 14 x 14 pixels; 1,000 training images at "
    "each of nine points of each path, 1,000 test images of each set. A network of two convolutions has seen 500 other "
    "images of each set for ten epochs before (a weak start: for two), and is trained for ten more; all points of a "
    "seed have the same start and batches of the same places, and another seed has other images in another order. "
    "Networks, sizes and epochs were chosen with images of a seed that is not used here. Texts: the source is "
    "editorials, the target tweets, sentences of 6 to 16 words; SmolLM2-135M (dequantised from four bits) is "
    "fine-tuned by LoRA of rank 8 on 240 sentences, one pass, at seven shares of tweets; a seed is the first values of "
    "the adapter, the sentences and their order. Predictions are compared on 16 held-out sentences of each kind. Two "
    "of the 24 trainings of texts, both of seed 2, stayed half a nat behind the others: that at a third, and that on "
    "other texts. So all were done again at half the rate; this, and the weak start, came after the claims, and decide "
    "none."
)
