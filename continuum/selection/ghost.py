r"""Inner products of gradients of linear layers without the gradients.

The gradient of one example in the weight of a linear layer is $\sum_t \delta_t a_t^\top$, over the places t at which
the layer is applied: $a_t$ is what it is given and $\delta_t$ the gradient in what it gives. So

$$\langle g, g' \rangle = \sum_{t, s} \langle a_t, a'_s \rangle \langle \delta_t, \delta'_s \rangle,$$

which needs no matrix of the size of the weight. One backward pass serves a whole batch. Goodfellow (2015), "Efficient
per-example gradient computations"; Li et al. (2022) call it ghost clipping :cite:`li2022`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from continuum.core import IncompatibleError, InvalidInputError

from .examples import Loss, evaluating

__all__ = ["LinearGradients", "ghost_products", "linear_gradients"]


@dataclass(frozen=True, eq=False)
class LinearGradients:
    """Gradients of n examples in one linear layer, as factors.

    Attributes:
        inputs: a, (n, places, in).
        outputs: delta, (n, places, out).
        bias: whether the layer has a bias that is trained.
    """

    inputs: Float[Tensor, "n t i"]
    outputs: Float[Tensor, "n t o"]
    bias: bool

    def explicit(self) -> Float[Tensor, "n p"]:
        """The gradients themselves: the weight row by row, then the bias."""
        weight = torch.einsum("nto,nti->noi", self.outputs, self.inputs).flatten(1)
        return torch.cat([weight, self.outputs.sum(1)], 1) if self.bias else weight


def linear_gradients(model: nn.Module, loss: Loss, *tensors: Tensor) -> dict[str, LinearGradients]:
    """Factors of the gradients of a batch in every linear layer whose weight requires gradients, by name.

    The model is in evaluation mode meanwhile: no example may have an influence on the loss of another.

    Args:
        model: a module.
        loss: `loss(model, *tensors)`, the loss of each example, (n,).
        *tensors: a batch, with one row for each example.

    Raises:
        InvalidInputError: if no linear layer is trained, or the losses are not (n,).
        IncompatibleError: if a layer is not given one row for each example.
    """
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.weight.requires_grad
    }
    if not layers:
        raise InvalidInputError(f"the {type(model).__name__} has no linear layer whose weight requires gradients.")
    calls: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in layers}
    with evaluating(model), torch.enable_grad(), _noting(layers, calls):
        losses = loss(model, *tensors)
        if losses.shape != (len(tensors[0]),):
            raise InvalidInputError(f"`loss` must give one number for each example, got {tuple(losses.shape)}.")
        outputs = [output for noted in calls.values() for _, output in noted]
        found = iter(torch.autograd.grad(losses.sum(), outputs, allow_unused=True, materialize_grads=True))
    return {
        name: _factors(name, layers[name], [(given, next(found)) for given, _ in noted], len(losses))
        for name, noted in calls.items()
        if noted
    }


def ghost_products(left: Mapping[str, LinearGradients], right: Mapping[str, LinearGradients]) -> Float[Tensor, "n m"]:
    """Inner products of the gradients of two batches, summed over layers.

    Raises:
        IncompatibleError: if the two are of different layers.
    """
    if left.keys() != right.keys():
        raise IncompatibleError(f"gradients are of different layers: {sorted(left.keys() ^ right.keys())[:3]}.")
    return torch.stack([_products(left[name], right[name]) for name in left]).sum(0)


def _products(left: LinearGradients, right: LinearGradients) -> Float[Tensor, "n m"]:
    m, places, _ = right.inputs.shape
    inputs, outputs = right.inputs.flatten(0, 1), right.outputs.flatten(0, 1)
    rows = []
    for a, delta in zip(left.inputs, left.outputs, strict=True):  # one at a time: memory for m examples, not for n m
        products = (a @ inputs.T + left.bias) * (delta @ outputs.T)  # a bias is the weight of a constant input
        rows.append(products.reshape(len(a), m, places).sum((0, 2)))
    return torch.stack(rows)


@contextmanager
def _noting(layers: Mapping[str, nn.Module], calls: dict[str, list[tuple[Tensor, Tensor]]]) -> Iterator[None]:
    """Within this block each call of a layer is noted: what it was given and what it gave."""
    hooks = [layer.register_forward_hook(_note(calls[name])) for name, layer in layers.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _note(noted: list[tuple[Tensor, Tensor]]) -> Callable[[nn.Module, Any, Tensor], None]:
    return lambda _, inputs, output: noted.append((inputs[0].detach(), output))


def _factors(name: str, layer: nn.Linear, noted: list[tuple[Tensor, Tensor]], n: int) -> LinearGradients:
    for given, _ in noted:
        if len(given) != n:
            raise IncompatibleError(
                f"layer `{name}` is given {len(given)} rows for {n} examples; it must be one for each."
            )
    inputs, outputs = (torch.cat([call[k].reshape(n, -1, call[k].shape[-1]) for call in noted], 1) for k in (0, 1))
    return LinearGradients(inputs, outputs, layer.bias is not None and layer.bias.requires_grad)
