"""Models whose layers are layers of another, or mixtures of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..anatomy import Blocks
from .assembly import Layer, assembled
from .counts import Counts, Sizes

__all__ = ["Mix", "Stack", "count_stack", "merged", "stacked"]

Mix = Mapping[int, float]
"""A layer as a sum of layers, with factors that add up to 1. Its first one says what kind of layer it is."""

Stack = tuple[Mix, ...]
"""The layers of a model, each of layers of its teacher."""


def stacked(teacher: Blocks, stack: Stack) -> Any:
    """The model of these layers, in evaluation mode; the weights of layers that are not mixed are the teacher's."""
    view = assembled(teacher, teacher, [Layer(teacher, next(iter(mix))) for mix in stack])
    for layer, mix in zip(view.get_submodule(teacher.name), stack, strict=True):
        if len(mix) > 1:
            _fill(layer, [(dict(teacher.layers[k].named_parameters()), factor) for k, factor in mix.items()])
    return view


def merged(stack: Stack, start: int, stop: int) -> Stack:
    r"""The stack with layers `start` to `stop` - 1 in one: $\theta_l + \sum_k (\theta_{l+k} - \theta_l)$.

    The merge of LaCo, Yang et al. (2024).

    Example:
        >>> merged(({0: 1.0}, {1: 1.0}, {2: 1.0}, {3: 1.0}), 1, 4)
        ({0: 1.0}, {1: -1.0, 2: 1.0, 3: 1.0})
    """
    first, others = stack[start], stack[start + 1 : stop]
    mix = {k: factor * (1 - len(others)) for k, factor in first.items()}
    for other in others:
        for k, factor in other.items():
            mix[k] = mix.get(k, 0.0) + factor
    return (*stack[:start], mix, *stack[stop:])


def count_stack(teacher: Blocks, stack: Stack, sizes: Sizes) -> Counts:
    """How large the model is; layers that follow from fewer others need not be stored."""
    sources = sorted({k for mix in stack for k in mix})
    kinds = [next(iter(mix)) for mix in stack]
    stored = kinds if len(kinds) <= len(sources) else sources
    return replace(sizes.of(teacher, teacher, [Layer(teacher, k) for k in stored]), depth=len(stack))


@torch.no_grad()
def _fill(layer: nn.Module, parts: Sequence[tuple[Mapping[str, Tensor], float]]) -> None:
    """Give a layer weights of its own: sums of those of others."""
    for name, weight in list(layer.named_parameters()):
        total = sum(factor * weights[name].double() for weights, factor in parts)
        owner, _, own = name.rpartition(".")
        new = nn.Parameter(torch.as_tensor(total).to(weight.dtype), requires_grad=weight.requires_grad)
        layer.get_submodule(owner)._parameters[own] = new
