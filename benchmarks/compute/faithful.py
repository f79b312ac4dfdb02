"""The search as it is usually written: a flow that encodes its input anew and differentiates through all of F."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from continuum.compute import PointCloudBatch
from continuum.compute.layers import Attention, KeysValues
from continuum.compute.networks import PaperNetwork
from continuum.measures import mmd2

ETA = 5.0  # step of the released configurations
STEPS = 200


class WrittenOut(Attention):
    """Attention by its formula, as torch.nn.MultiheadAttention computes it unless it is told to need no weights."""

    def forward(self, x: Tensor, seen: KeysValues) -> Tensor:
        queries = self._split(self.queries(x))
        scores = queries @ seen.keys.mT / seen.keys.shape[-1] ** 0.5
        scores = scores if seen.bias is None else scores + seen.bias
        mixed: Tensor = self.out((scores.softmax(-1) @ seen.values).transpose(1, 2).flatten(2))
        return mixed


def written_out(network: PaperNetwork) -> PaperNetwork:
    """A copy whose attention is written out."""
    twin = copy.deepcopy(network)
    for part in twin.modules():
        if isinstance(part, Attention):
            part.__class__ = WrittenOut
    return twin


def faithful_step(network: PaperNetwork, clouds: PointCloudBatch, z: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the flow and the discrepancy before it.

    The input is encoded in each application of F. F is applied twice: with a graph for the gradient of half the
    discrepancy, which becomes the Wasserstein gradient when it is multiplied by the number of particles, and without
    one for the criterion.
    """
    state = z.detach().requires_grad_()
    image = network.step(state, network.encode(clouds))
    value = mmd2(state, image) / 2
    (gradient,) = torch.autograd.grad(value.sum(), state)
    with torch.no_grad():
        criterion = mmd2(z, network.step(z, network.encode(clouds)))
        return z - ETA * z.shape[1] * gradient, criterion


def faithful_search(network: PaperNetwork, clouds: PointCloudBatch, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """So many steps, and the discrepancies before each, (steps, b)."""
    with torch.no_grad():
        z = network.start(network.encode(clouds)).clone()
    trace = []
    for _ in range(steps):
        z, value = faithful_step(network, clouds, z)
        trace.append(value)
    return z, torch.stack(trace)
