"""Modules over the weights of others: nothing copied, nothing mutable in common."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from families import TEACHERS, teacher_of
from torch import nn

from continuum.models.sharing import share


class Odd(nn.Module):
    """A module that refers to itself in ways other than children."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.listed = [self.inner, {"again": self.inner}]
        self.bound = self.double
        self.register_buffer("scale", torch.ones(1))

    def double(self, x: Any) -> Any:
        return 2 * self.inner(x)

    def forward(self, x: Any) -> Any:
        return self.bound(x) * self.scale


@pytest.mark.parametrize("family", TEACHERS)
def test_a_shared_model_has_the_same_weights_in_modules_of_its_own(family):
    model = teacher_of(family)
    twin = share(model)
    ours, theirs = dict(model.named_parameters()), dict(twin.named_parameters())
    assert list(ours) == list(theirs)
    assert all(ours[name] is theirs[name] for name in ours)
    assert not {id(module) for module in model.modules()} & {id(module) for module in twin.modules()}
    assert twin.config is not model.config
    for a, b in zip(model.modules(), twin.modules(), strict=True):
        assert not {id(v) for v in vars(a).values() if isinstance(v, dict | list | set)} & {
            id(v) for v in vars(b).values() if isinstance(v, dict | list | set)
        }


def test_references_inside_a_module_lead_to_the_new_module():
    model = Odd()
    twin = share(model)
    assert twin.listed[0] is twin.inner
    assert twin.listed[1]["again"] is twin.inner
    assert twin.bound.__self__ is twin
    assert twin.inner is not model.inner
    assert torch.equal(twin(torch.ones(1, 2)), model(torch.ones(1, 2)))


def test_what_takes_the_place_of_an_object_is_taken_everywhere():
    model, other = Odd(), nn.Linear(2, 2)
    twin = share(model, {id(model.inner): other})
    assert twin.inner is other
    assert twin.listed[0] is other
    assert model.inner is not other


def test_hooks_are_called_in_both_and_those_added_later_in_one():
    model, calls = nn.Linear(1, 1), []
    model.register_forward_hook(lambda module, *_: calls.append(module))
    twin = share(model)
    handle = twin.register_forward_hook(lambda module, *_: calls.append("late"))
    model(torch.ones(1))
    twin(torch.ones(1))
    assert calls == [model, twin, "late"]
    handle.remove()


def test_modes_are_apart():
    model = Odd()
    share(model).eval()
    assert model.training
    assert model.inner.training


def test_a_shared_module_can_be_copied():
    model = Odd()
    twin = copy.deepcopy(share(model))
    assert twin.inner.weight is not model.inner.weight
    assert torch.equal(twin.inner.weight, model.inner.weight)
