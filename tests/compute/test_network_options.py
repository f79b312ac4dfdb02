"""Options of networks that are of a wrong kind: one clear error each."""

from __future__ import annotations

import pytest
import torch

from continuum.compute.completion import CompletionNetwork
from continuum.compute.local_network import LocalNetwork
from continuum.compute.networks import AnchoredNetwork, PaperNetwork
from continuum.compute.pcn import PCN
from continuum.compute.point_transformer import PointTransformer
from continuum.compute.pointnet import PointNet
from continuum.compute.weight_tied import WeightTied
from continuum.core import InvalidInputError

COUNTS = {
    PaperNetwork: ["dimension", "particles", "width", "inner", "cross_layers", "heads", "hidden"],
    AnchoredNetwork: ["dimension", "particles", "width", "heads", "frequencies"],
    CompletionNetwork: ["dimension", "particles", "width", "heads", "frequencies"],
    LocalNetwork: ["dimension", "width", "heads"],
    PointNet: ["dimension", "classes"],
    PointTransformer: ["dimension", "classes", "neighbours"],
    PCN: ["dimension", "code", "coarse", "grid"],
}
NEEDED = {
    PaperNetwork: {"dimension": 2},
    AnchoredNetwork: {"dimension": 2},
    CompletionNetwork: {"dimension": 2},
    LocalNetwork: {"radius": 1.0},
    PointNet: {"dimension": 2, "classes": 3},
    PointTransformer: {"dimension": 2, "classes": 3},
    PCN: {"dimension": 2},
}
COUNTED = [(make, name) for make, names in COUNTS.items() for name in names]
WRONG = {
    "width of heads": lambda: PaperNetwork(2, width=100),
    "width of two heads": lambda: AnchoredNetwork(2, width=9),
    "layers": lambda: AnchoredNetwork(2, encoder_layers=-1),
    "frequency": lambda: AnchoredNetwork(2, frequency_scale=0),
    "frequency of a kind": lambda: CompletionNetwork(2, frequency_scale="1"),
    "radius": lambda: LocalNetwork(radius=0),
    "no radius": lambda: LocalNetwork(radius=float("inf")),
    "flag alone": lambda: LocalNetwork(radius=1.0, dimension=1),
    "code": lambda: PCN(2, code=12),
    "spread": lambda: PCN(2, spread=-1),
    "no widths": lambda: PointTransformer(2, 3, widths=()),
    "one width": lambda: PointTransformer(2, 3, widths=8),
    "widths of a kind": lambda: PointTransformer(2, 3, widths=(8, 2.5)),
    "steps": lambda: WeightTied(AnchoredNetwork(2), torch.nn.Identity(), 0),
    "network": lambda: WeightTied(torch.nn.Identity(), torch.nn.Identity(), 2),
}


@pytest.mark.parametrize(("make", "name"), COUNTED, ids=[f"{make.__name__}.{name}" for make, name in COUNTED])
@pytest.mark.parametrize("value", [0, 2.5, "2", None, True])
def test_sizes_that_are_no_counts_are_refused_by_name(make, name, value):
    with pytest.raises(InvalidInputError, match=f"`{name}` must be"):
        make(**{**NEEDED[make], name: value})


@pytest.mark.parametrize("make", COUNTS, ids=[make.__name__ for make in COUNTS])
@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_seeds_that_are_none_are_refused(make, seed):
    with pytest.raises(InvalidInputError, match="`seed` must be"):
        make(**NEEDED[make], seed=seed)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_it_is_refused_by_an_error_of_the_library(wrong):
    with pytest.raises(InvalidInputError, match=r"got"):
        wrong()
