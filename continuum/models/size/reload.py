"""Whether a model is the same after it was saved and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from continuum.core import IncompatibleError

from ..training import without_progress

__all__ = ["check_reloads"]

_PROBE = 16  # tokens


@torch.no_grad()
def check_reloads(model: Any, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Refuse a model that another one would come of when loaded.

    It is loaded from the configuration in `folder` and the weights as they are in memory, of which loading makes no
    copy; then both are asked the same.

    Raises:
        IncompatibleError: naming what differs.
    """
    with without_progress():
        loaded, report = type(model).from_pretrained(
            None,
            config=type(model.config).from_pretrained(folder),
            state_dict=dict(weights),
            dtype=model.dtype,
            attn_implementation=model.config._attn_implementation,
            output_loading_info=True,
        )
    kind = type(model).__name__
    if found := {name: sorted(map(str, keys)) for name, keys in report.items() if keys}:
        raise IncompatibleError(f"a saved {kind} would not load: {found}.")
    loaded = loaded.to(model.device).eval()
    _give_rounded_buffers(model, loaded)
    tokens = torch.arange(1, _PROBE + 1, device=model.device)[None] % model.config.get_text_config().vocab_size
    ours, theirs = (module(input_ids=tokens) for module in (model, loaded))
    if not torch.equal(ours[0], theirs[0]):
        raise IncompatibleError(
            f"a saved {kind} says something else when loaded: its layers depend on their numbers, which change in a "
            f"member (off by {(ours[0] - theirs[0]).abs().max():.2g}). Use it in memory, with `at` or `lease`."
        )


def _give_rounded_buffers(model: Any, loaded: Any) -> None:
    """Let what loading computes anew, such as rotary frequencies, be as `.to(dtype)` left it in the model."""
    own = dict(model.named_buffers())
    for name, buffer in list(loaded.named_buffers()):
        mine = own.get(name)
        if mine is not None and torch.equal(buffer.to(mine.dtype), mine):
            above, _, last = name.rpartition(".")
            loaded.get_submodule(above)._buffers[last] = mine
