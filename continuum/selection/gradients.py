r"""Gradients of examples as their representation: what training on one of them would do to a model.

If $\theta$ moves by $-\eta g(z)$, the loss of a query $q$ changes by $-\eta \langle g(z), g(q) \rangle$ to first order:
a large inner product says that the example helps (Xia et al. 2024; Pruthi et al. 2020).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from continuum.core import IncompatibleError, InvalidInputError, check_count

from .adam import AdamDirection
from .examples import Inputs, Loss, as_tensors, batches, evaluating
from .projection import Projection

__all__ = ["GradientFeatures", "gradient_scores"]


@dataclass(frozen=True, eq=False)
class GradientFeatures:
    r"""The gradient of the loss of each example in chosen parameters, one example at a time, in float32.

    The model is in evaluation mode meanwhile, and gets its own modes back: features do not depend on dropout, on the
    batch or on random state. It is not changed.

    Args:
        model: any module with weights of at least single precision: gradients underflow in half precision.
        loss: `loss(model, *tensors)`, the loss of each example, (n,). The `model` that it gets is called as the module
            is.
        inputs: makes tensors of some examples, each with a row for each example; by default features and labels of a
            labelled data set, or the columns of a list of examples.
        parameters: regular expression; gradients are taken in the parameters in whose names it is found. None for those
            that require gradients: the adapters of a model that PEFT wraps.
        state: values of parameters, by name, to be used in place of those of the model: a checkpoint.
        direction: what a gradient of the pool becomes; gradients of the query stay what they are. None for gradients.
        projection: into few coordinates; None to keep all.
        normalize: whether vectors are divided by their lengths, so that inner products are cosines; 0 stays 0.
        batch_size: examples at a time. `torch.func.vmap` must be able to run the model for more than one: those of
            transformers need ``attn_implementation="eager"``. With 1 any model will do.

    Raises:
        InvalidInputError: if no parameter is chosen, one is of half precision, or an option is out of range.

    Example:
        >>> model = nn.Linear(2, 1, bias=False)
        >>> squared = lambda model, x, y: 0.5 * (model(x)[:, 0] - y) ** 2
        >>> features = GradientFeatures(model, squared, state={"weight": torch.zeros(1, 2)}, normalize=False)
        >>> features.encode([(torch.tensor([1.0, 2.0]), 3.0)])  # (w x - y) x
        array([[-3., -6.]], dtype=float32)
    """

    model: nn.Module
    loss: Loss
    inputs: Inputs = as_tensors
    parameters: str | None = None
    state: Mapping[str, Tensor] | None = None
    direction: AdamDirection | None = None
    projection: Projection | None = None
    normalize: bool = True
    batch_size: int = 32

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size)
        strange = sorted(set(self.state or {}) - {name for name, _ in self.model.named_parameters()})
        if strange:
            raise InvalidInputError(f"`state` has {len(strange)} names that are no parameters, such as {strange[0]}.")
        for name, values in self._chosen().items():
            if torch.finfo(values.dtype).bits < 32:
                raise InvalidInputError(
                    f"`{name}` is of {values.dtype}, in which gradients underflow; load the model in torch.float32."
                )

    @property
    def name(self) -> str:
        """Gradient, or Adam direction."""
        return "gradient" if self.direction is None else "Adam direction"

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in the order of the coordinates of a gradient."""
        return tuple(self._chosen())

    def fit(self, pool: Any, query: Any = None) -> Self:
        """Itself: there is nothing to be learnt."""
        return self

    def encode(self, items: Any) -> NDArray[np.float32]:
        """Features (n, d) of examples of the pool."""
        return self._encoded(items, self.direction)

    def encode_query(self, items: Any) -> NDArray[np.float32]:
        """Features (m, d) of examples of the query: always of their gradients."""
        return self._encoded(items, None)

    def gradients(self, items: Any) -> Iterator[Float[Tensor, "n p"]]:
        """Gradients of a batch of examples after the other, as they are: neither directed nor projected.

        Raises:
            InvalidInputError: if a loss is not one finite number with a finite gradient.
            IncompatibleError: if the model cannot be run for several examples at once.
        """
        chosen = self._chosen()
        device = next(iter(chosen.values())).device
        start = 0
        with (
            evaluating(self.model),
            torch.no_grad(),
        ):  # `grad` differentiates nevertheless, and nothing else is recorded
            for tensors in batches(items, self.inputs, self.batch_size, device):
                found = self._of_batch(chosen, tensors)
                _check_finite(found, start)
                start += len(found)
                yield found

    def _encoded(self, items: Any, direction: AdamDirection | None) -> NDArray[np.float32]:
        parts = [self._features(gradients, direction).cpu().numpy() for gradients in self.gradients(items)]
        return np.concatenate(parts)

    def _features(self, gradients: Tensor, direction: AdamDirection | None) -> Tensor:
        moved = _directed(gradients, direction, self.names)
        projected = moved if self.projection is None else self.projection.project(moved)
        return unit(projected) if self.normalize else projected

    def _chosen(self) -> dict[str, Tensor]:
        held = {**dict(self.model.named_parameters()), **(self.state or {})}
        if self.parameters is None:
            names = [name for name, values in self.model.named_parameters() if values.requires_grad]
        else:
            names = [name for name, _ in self.model.named_parameters() if re.search(self.parameters, name)]
        if not names:
            wanted = "requires gradients" if self.parameters is None else f"has {self.parameters!r} in its name"
            raise InvalidInputError(f"no parameter of the {type(self.model).__name__} {wanted}; choose `parameters`.")
        return {name: held[name].detach() for name in names}

    def _of_batch(self, chosen: dict[str, Tensor], tensors: tuple[Tensor, ...]) -> Tensor:
        gradient = grad(self._loss_of_one)
        if self.batch_size == 1:
            found = gradient(chosen, *(tensor[0] for tensor in tensors))
            return _flat({name: values[None] for name, values in found.items()})
        try:
            return _flat(vmap(gradient, in_dims=(None, *(0 for _ in tensors)))(chosen, *tensors))
        except RuntimeError as error:
            raise IncompatibleError(
                f"the {type(self.model).__name__} cannot be run for several examples at once ({error}); set "
                "`batch_size=1`, or load a model of transformers with attn_implementation='eager'."
            ) from error

    def _loss_of_one(self, chosen: dict[str, Tensor], *example: Tensor) -> Tensor:
        def model(*args: Any, **options: Any) -> Any:
            return functional_call(self.model, {**(self.state or {}), **chosen}, args, options)

        losses = self.loss(model, *(tensor[None] for tensor in example))
        if not isinstance(losses, Tensor) or losses.numel() != 1:
            seen = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
            raise InvalidInputError(f"`loss` must give one number for each example, (1,) for one, got {seen}.")
        return losses.reshape(())


def gradient_scores(features: GradientFeatures, pool: Any, query: Any) -> NDArray[np.float32]:
    r"""Inner products $\langle g_j, q_i \rangle$ of every example of a pool with every one of a query, (m, n), exact.

    Gradients of the query are held, those of the pool are never stored, and nothing is projected: where the query is
    known and small this is as cheap as any projection. Selectors take it as ``(scores.T, numpy.eye(m))`` of
    unnormalised embeddings.

    Args:
        features: what gradients are; its projection is not used. With `normalize` the products are cosines.
        pool: n examples.
        query: m examples.

    Raises:
        InvalidInputError: as `GradientFeatures.gradients`.
    """
    held = torch.cat([_scaled(part, features) for part in features.gradients(query)])
    parts = []
    for gradients in features.gradients(pool):
        moved = _scaled(_directed(gradients, features.direction, features.names), features)
        parts.append((held @ moved.T).cpu().numpy())
    return np.concatenate(parts, 1)


def unit(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Each row divided by its length; 0 stays 0."""
    lengths = vectors.norm(dim=1, keepdim=True)
    return vectors / torch.where(lengths > 0, lengths, 1)


def _scaled(gradients: Tensor, features: GradientFeatures) -> Tensor:
    return unit(gradients) if features.normalize else gradients


def _directed(gradients: Tensor, direction: AdamDirection | None, names: tuple[str, ...]) -> Tensor:
    return gradients if direction is None else direction.of(gradients, names)


def _flat(gradients: Mapping[str, Tensor]) -> Float[Tensor, "n p"]:
    return torch.cat([values.detach().reshape(len(values), -1).float() for values in gradients.values()], 1)


def _check_finite(gradients: Tensor, start: int) -> None:
    bad = (~gradients.isfinite().all(1)).nonzero()
    if len(bad):
        raise InvalidInputError(
            f"the gradient of example {start + int(bad[0])} is not finite: look at its loss, and leave the example out."
        )
