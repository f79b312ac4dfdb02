"""Statistics of batch normalization, made anew for weights that were merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from continuum.core import InvalidInputError
from continuum.models.modes import evaluation

__all__ = ["recompute_batch_norm"]

_LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@torch.no_grad()
def recompute_batch_norm(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace the running statistics of batch normalization by those of `batches`, in place.

    Units of a merged network vary less than those of its ancestors, and statistics that were averaged do not know: such
    a network can fail although its weights are good :cite:`jordan2023repair`. Each layer sees what the layers before it
    make of a batch when they are normalized by that batch. Mean and variance are those of all numbers in all batches
    together, so the sizes of the batches do not matter to the first layer, and little to the others. Only the
    statistics change: all else, such as dropout, is in evaluation mode meanwhile, and back in its own mode after.

    Args:
        model: a network with batch normalization.
        batches: inputs of `model`, such as `(x for x, _ in loader)`; more than one number for each channel in each.

    Raises:
        InvalidInputError: if no layer of `model` tracks statistics, or there are no batches.

    Example:
        >>> layer = torch.nn.BatchNorm1d(1)
        >>> recompute_batch_norm(layer, [torch.tensor([[1.0], [2.0]]), torch.tensor([[6.0], [7.0]])])
        >>> layer.running_mean, layer.running_var
        (tensor([4.]), tensor([8.6667]))
    """
    layers = [module for module in model.modules() if isinstance(module, _LAYERS) and module.track_running_stats]
    if not layers:
        raise InvalidInputError(f"the {type(model).__name__} has no batch normalization that tracks statistics.")
    sums = [_Sums() for _ in layers]
    with _observed(model, layers, sums):
        for place, batch in enumerate(batches):
            try:
                model(batch)
            except ValueError as error:  # torch's own, of a batch with one number for a channel
                raise InvalidInputError(f"batch {place} has no statistics: {error}") from error
    if not all(total.n for total in sums):
        raise InvalidInputError(
            "some batch normalization saw no numbers; pass at least one batch that reaches them all."
        )
    for layer, total in zip(layers, sums, strict=True):
        total.write(layer)


@dataclass
class _Sums:
    """Count, mean and sum of squared deviations of the numbers of each channel, in float64."""

    n: int = 0
    calls: int = 0
    mean: Tensor | float = 0.0
    squares: Tensor | float = 0.0

    def add(self, x: Tensor) -> None:
        """Chan, Golub & LeVeque (1983) :cite:`chan1983`: without a difference of large numbers."""
        rows = x.detach().double().transpose(0, 1).flatten(1)  # (channels, numbers)
        n, mean = rows.shape[1], rows.mean(1)
        shift, total = mean - self.mean, self.n + n
        self.squares = self.squares + (rows - mean[:, None]).square().sum(1) + shift.square() * (self.n * n / total)
        self.mean = self.mean + shift * (n / total)
        self.n, self.calls = total, self.calls + 1

    def write(self, layer: Any) -> None:
        layer.running_mean.copy_(self.mean)
        layer.running_var.copy_(self.squares / (self.n - 1))  # unbiased, as torch's own
        layer.num_batches_tracked.fill_(self.calls)


@contextmanager
def _observed(model: nn.Module, layers: list[Any], sums: list[_Sums]) -> Iterator[None]:
    """Let the layers normalize by the batch, add what they see to the sums, and leave their statistics alone."""
    with evaluation(model), ExitStack() as stack:
        for layer, total in zip(layers, sums, strict=True):
            stack.callback(layer.register_forward_pre_hook(_adding_to(total)).remove)
            layer.training, layer.track_running_stats = True, False
        try:
            yield
        finally:
            for layer in layers:
                layer.track_running_stats = True


def _adding_to(total: _Sums) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    return lambda _, inputs: total.add(inputs[0])
