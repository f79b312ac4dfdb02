"""Inner products of adapters: from their factors, beside dense products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from continuum.models.weights import Adapter, read_adapters
from continuum.models.weights.geometry import weight_geometry

from .models import adapted
from .runtime import Row, paired, row

RUNS = 5


def dense_gram(adapters: Sequence[Adapter]) -> np.ndarray:
    """The Gram matrix as it is defined, in float32: a matrix for the change of each module, one module at a time."""
    gram = torch.zeros(len(adapters), len(adapters), dtype=torch.float64)
    for module in adapters[0].factors:
        flat = torch.stack([adapter.factors[module].dense.flatten() for adapter in adapters])
        gram += flat @ flat.T
    return gram.numpy()


def geometry_rows() -> Iterator[Row]:
    """Seconds for the Gram matrix of 120 layers."""
    for count in (2, 10):
        model = adapted(count)
        adapters = read_adapters(model, [f"a{place}" for place in range(count)])
        ours, peer = weight_geometry(adapters).gram, dense_gram(adapters)
        note = f"relative difference {np.abs(ours - peer).max() / ours.max():.1e}"
        seconds = paired(
            {"ours": lambda a=adapters: weight_geometry(a), "peer": lambda a=adapters: dense_gram(a)}, RUNS
        )
        yield row("Gram matrix", seconds["ours"], seconds["peer"], "dense float32", note, n=count)
