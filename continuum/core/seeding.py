"""Random streams that depend on a seed and a place, never on the order of calls.

The same (seed, place) gives the same stream in every process, for any number of workers; different places give
independent streams. Nothing here touches global random state.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import numpy as np

from .errors import InvalidInputError

__all__ = ["rng_for", "torch_generator"]


def rng_for(seed: int, *where: object) -> np.random.Generator:
    """NumPy generator for a seed and a place.

    Args:
        seed: a non-negative integer.
        *where: what the stream is for, such as a metric's name or a layer's number; identified by its `repr`.

    Example:
        >>> bool(rng_for(0, "accuracy").random() == rng_for(0, "accuracy").random())
        True
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InvalidInputError(f"`seed` must be a non-negative integer, got {seed!r}.")
    place = hashlib.sha256("\x1f".join(map(repr, where)).encode()).digest()
    words = [int.from_bytes(place[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.default_rng(np.random.SeedSequence([int(seed), *words]))


def torch_generator(rng: np.random.Generator, device: str = "cpu") -> Any:
    """PyTorch generator seeded by the next draw of `rng`; the caller must have imported torch.

    Core is free of torch, so that importing the library costs little; whoever wants a torch generator has it loaded.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        raise InvalidInputError("a torch generator was asked before `import torch`; import it first.")
    return torch.Generator(device=device).manual_seed(int(rng.integers(2**63 - 1)))
