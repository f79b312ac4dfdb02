"""Every network and every baseline of the compute axis, small, for the laws that all of them obey."""

from __future__ import annotations

import torch

from continuum.compute import PointCloudBatch
from continuum.compute.completion import CompletionNetwork
from continuum.compute.heads import ClassificationHead
from continuum.compute.local_network import LocalNetwork
from continuum.compute.networks import AnchoredNetwork, PaperNetwork
from continuum.compute.pcn import PCN
from continuum.compute.point_transformer import PointTransformer
from continuum.compute.pointnet import PointNet
from continuum.compute.weight_tied import WeightTied

D = 3  # coordinates of a point; for `LocalNetwork` the last is the flag

NETWORKS = {
    "paper": lambda **o: PaperNetwork(D, **{"width": 32, "heads": 8, "hidden": 64, "cross_layers": 2, **o}),
    "anchored": lambda **o: AnchoredNetwork(D, **{"width": 16, **o}),
    "no anchors": lambda **o: AnchoredNetwork(D, **{"width": 16, "anchors": False, **o}),
    "local": lambda **o: LocalNetwork(**{"radius": 1.0, "width": 16, **o}),
    "completion": lambda **o: CompletionNetwork(D, **{"width": 16, "particles": 6, **o}),
}
BASELINES = {
    "PointNet": lambda **o: PointNet(D, 4, **o),
    "PointTransformer": lambda **o: PointTransformer(D, 4, **{"widths": (8, 16, 24), "neighbours": 5, **o}),
    "PCN": lambda **o: PCN(D, **{"code": 32, "coarse": 5, "grid": 2, **o}),
    "WeightTied": lambda **o: WeightTied(AnchoredNetwork(D, width=16, **o), ClassificationHead(16, 4, **o), steps=3),
}


def clouds_of(rng, sizes, weighted=True):
    """Random clouds of these sizes in float64, with flags in the last coordinate."""
    points = [torch.as_tensor(rng.normal(size=(size, D))) for size in sizes]
    for cloud in points:
        cloud[:, -1] = (cloud[:, -1] > 0).double()
    masses = [torch.as_tensor(rng.dirichlet([3.0] * size)) for size in sizes]
    return PointCloudBatch.from_list(points, masses if weighted else None)


def states(network, clouds, steps=3):
    """The particles after some applications of F, from the start."""
    context = network.encode(clouds)
    z = network.start(context)
    for _ in range(steps):
        z = network.step(z, context)
    return z


def statistics(network, clouds, steps=3):
    """Two numbers of the measure for each coordinate, whatever the order of its particles: mean and mean square."""
    context, z = network.encode(clouds), states(network, clouds, steps)
    masses = getattr(context, "masses", None)
    masses = torch.full_like(z[..., 0], 1 / z.shape[1]) if masses is None else masses
    return torch.cat([(masses[..., None] * part).sum(1) for part in (z, z.square())], 1)


def outputs(model, clouds):
    """What a baseline says, as one tensor."""
    found = model(clouds)
    return found if isinstance(found, torch.Tensor) else torch.cat([found.coarse, found.dense], 1)
