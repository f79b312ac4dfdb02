r"""Gradients of a linear classifier's weights in closed form: cross-entropy needs no backward pass for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from continuum.core import IncompatibleError, InvalidInputError, check_count

from .examples import Inputs, as_tensors, batches, evaluating
from .gradients import unit
from .projection import Projection

__all__ = ["LastLayerGradients", "last_layer_gradients"]


def last_layer_gradients(
    logits: Float[Tensor, "n c"], y: Tensor, hidden: Float[Tensor, "n h"], *, bias: bool = True
) -> Float[Tensor, "n p"]:
    r"""Gradient of each example's cross-entropy in the weights of the last layer: $(p - y) h^\top$.

    Inner products of two of them are $\langle p - y, p' - y' \rangle (\langle h, h' \rangle + 1)$, the 1 for the bias.

    Args:
        logits: what the layer gives.
        y: class of each example (n,), or its distribution over classes (n, c).
        hidden: what the layer is given, h.
        bias: whether the layer has one; its gradient p - y comes last.

    Returns:
        (n, c h), the weight row by row, or (n, c h + c).

    Raises:
        IncompatibleError: if lengths differ, or a class is none of c.

    Example:
        >>> last_layer_gradients(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([[3.0]]))
        tensor([[-1.5000,  1.5000, -0.5000,  0.5000]])
    """
    n, classes = logits.shape
    if len(y) != n or len(hidden) != n or (y.ndim == 2 and y.shape[1] != classes):
        raise IncompatibleError(
            f"`logits` are {tuple(logits.shape)}, `y` is {tuple(y.shape)} and `hidden` {tuple(hidden.shape)}: they "
            "need one row for each example, and soft labels one column for each class."
        )
    if y.ndim == 1 and not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise IncompatibleError(f"the model has {classes} classes, and `y` goes from {int(y.min())} to {int(y.max())}.")
    residual = logits.softmax(1)
    residual = residual - (nn.functional.one_hot(y.long(), classes) if y.ndim == 1 else y.to(residual))
    weight = (residual[:, :, None] * hidden[:, None, :]).reshape(n, -1)
    return torch.cat([weight, residual], 1) if bias else weight


@dataclass(frozen=True, eq=False)
class LastLayerGradients:
    """Gradients of cross-entropy in the last layer of a classifier: one forward pass, and no backward pass.

    The same vectors as `GradientFeatures` gives for the parameters of that layer.

    Args:
        model: a classifier whose output is that of its last layer.
        layer: name of the last layer, a `torch.nn.Linear`.
        inputs: makes features and labels of some examples; see `GradientFeatures`.
        projection: into few coordinates; None to keep all.
        normalize: whether vectors are divided by their lengths.
        batch_size: examples at a time.

    Raises:
        InvalidInputError: if the model has no such linear layer.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> LastLayerGradients(model, "2").encode([(torch.ones(4), 1), (torch.zeros(4), 2)]).shape
        (2, 27)
    """

    model: nn.Module
    layer: str
    inputs: Inputs = as_tensors
    projection: Projection | None = None
    normalize: bool = True
    batch_size: int = 256

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size)
        if not isinstance(dict(self.model.named_modules()).get(self.layer), nn.Linear):
            linear = [name for name, module in self.model.named_modules() if isinstance(module, nn.Linear)]
            raise InvalidInputError(
                f"`layer` must be the name of a linear layer, got {self.layer!r}; there are {linear}."
            )

    @property
    def name(self) -> str:
        """Last-layer gradient."""
        return "last-layer gradient"

    def fit(self, pool: Any, query: Any = None) -> Self:
        """Itself: there is nothing to be learnt."""
        return self

    def encode(self, items: Any) -> NDArray[np.float32]:
        """Features (n, d).

        Raises:
            InvalidInputError: if examples are not features and labels, or a gradient is not finite.
        """
        layer = self._layer
        parts, start = [], 0
        with evaluating(self.model), torch.no_grad():
            for tensors in batches(items, self.inputs, self.batch_size, layer.weight.device):
                if len(tensors) != 2:
                    raise InvalidInputError(f"`inputs` must give features and labels, got {len(tensors)} tensors.")
                parts.append(self._of_batch(layer, *tensors, start))
                start += len(tensors[0])
        return np.concatenate(parts)

    @property
    def _layer(self) -> nn.Linear:
        layer = self.model.get_submodule(self.layer)
        assert isinstance(layer, nn.Linear)  # noqa: S101 - checked when this was made
        return layer

    def _of_batch(self, layer: nn.Linear, x: Tensor, y: Tensor, start: int) -> NDArray[np.float32]:
        hidden: list[Tensor] = []
        hook = layer.register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
        try:
            logits = self.model(x.to(layer.weight.dtype))
        finally:
            hook.remove()
        if len(hidden) != 1 or logits.shape != (len(x), layer.out_features):
            raise IncompatibleError(
                f"`{self.layer}` ran {len(hidden)} times and the output is {tuple(logits.shape)}: name the last layer "
                "of a classifier of (n, c) logits."
            )
        found = last_layer_gradients(logits, y, hidden[0], bias=layer.bias is not None).float()
        if not bool(found.isfinite().all()):
            bad = start + int((~found.isfinite().all(1)).nonzero()[0])
            raise InvalidInputError(f"the gradient of example {bad} is not finite; leave it out.")
        projected = found if self.projection is None else self.projection.project(found)
        return (unit(projected) if self.normalize else projected).cpu().numpy()
