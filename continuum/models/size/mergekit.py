"""Members as recipes of mergekit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from continuum.core import IncompatibleError, InvalidInputError

from ..anatomy import Blocks
from .assembly import Layer

__all__ = ["passthrough"]


def passthrough(layers: Sequence[Layer], ends: tuple[Blocks, Blocks], names: Mapping[int, str]) -> str:
    """Layers as slices of the models that they come from, in YAML.

    mergekit takes the embedding from the first slice, the final norm and the head from the last one.

    Args:
        layers: the layers of the member.
        ends: whose embeddings it has, and whose norm and head.
        names: folder or name of each owner, by `id`.

    Raises:
        InvalidInputError: if an owner has no name.
        IncompatibleError: if the ends are not the owners of the first and the last layer.
    """
    if ends != (layers[0].owner, layers[-1].owner):
        raise IncompatibleError(
            "mergekit takes the embedding with the first layer and the head with the last one; use head='owner', or "
            "`export` the member."
        )
    if not all(names[id(layer.owner)] for layer in layers):
        raise InvalidInputError("a model has no name or folder: save it first, and pass `student=` and `teacher=`.")
    lines = ["merge_method: passthrough", f"dtype: {str(ends[1].model.dtype).removeprefix('torch.')}", "slices:"]
    for owner, start, stop in _runs(layers):
        lines += [
            "  - sources:",
            f"      - model: {json.dumps(names[owner])}",
            f"        layer_range: [{start}, {stop}]",
        ]
    return "\n".join(lines) + "\n"


def _runs(layers: Sequence[Layer]) -> list[tuple[int, int, int]]:
    """Owner, start and stop of each run of consecutive layers of one owner."""
    runs: list[tuple[int, int, int]] = []
    for layer in layers:
        owner, start, stop = runs[-1] if runs else (0, 0, 0)
        if owner == id(layer.owner) and stop == layer.index:
            runs[-1] = owner, start, stop + 1
        else:
            runs.append((id(layer.owner), layer.index, layer.index + 1))
    return runs
