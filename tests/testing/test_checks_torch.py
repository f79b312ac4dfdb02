"""The checks see into values made of tensors and modules."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from continuum.core import Interval, from_function
from continuum.testing import check_interpolant
from continuum.testing.compare import overwrite, snapshot


def failed(path):
    return {row["check_name"] for row in check_interpolant(path, on_fail=None) if row["status"] == "failed"}


@dataclass(frozen=True, eq=False)
class Models:
    """Straight path between two linear layers."""

    start: torch.nn.Linear
    end: torch.nn.Linear
    domain: Interval = field(default_factory=Interval)

    def at(self, t):
        (t,) = self.domain.point(t)
        model = torch.nn.utils.skip_init(torch.nn.Linear, 2, 3, dtype=self.start.weight.dtype)
        with torch.no_grad():
            model.weight.copy_((1 - t) * self.start.weight + t * self.end.weight)
            model.bias.copy_((1 - t) * self.start.bias + t * self.end.bias)
        return model


class SharesItsBias(Models):
    def at(self, t):
        model = super().at(t)
        model.bias = self.start.bias
        return model


class TurnsGradientsOff(Models):
    def at(self, t):
        torch.set_grad_enabled(False)
        return super().at(t)


class ChangesTheDtype(Models):
    def at(self, t):
        torch.set_default_dtype(torch.float64)
        return super().at(t)


class DrawsInitialWeights(Models):
    def at(self, t):
        torch.nn.Linear(2, 3)
        return super().at(t)


def models(kind=Models, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    ends = [torch.nn.utils.skip_init(torch.nn.Linear, 2, 3, dtype=dtype) for _ in range(2)]
    for end in ends:
        for weight in end.parameters():
            weight.data.normal_(generator=generator)
    return kind(*ends)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_path_of_modules_passes(dtype):
    assert failed(models(dtype=dtype)) == set()


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (SharesItsBias, {"check_values_are_owned", "check_values_share_no_memory"}),
        (TurnsGradientsOff, {"check_global_settings_are_untouched"}),
        (ChangesTheDtype, {"check_global_settings_are_untouched"}),
        (DrawsInitialWeights, {"check_global_random_state_is_untouched"}),
    ],
)
def test_faults_of_modules_are_found(fault, names):
    found = failed(models(fault))
    # One shared bias is also no path from one end to the other, but no law of values sees that.
    assert found == names
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


def test_dropout_and_global_noise_are_found():
    path = from_function(Interval(), lambda t: torch.nn.functional.dropout(torch.ones(50), 0.5))
    assert {"check_value_is_repeatable", "check_global_random_state_has_no_influence"} <= failed(path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.int64, torch.bool, torch.complex64])
def test_every_type_of_tensor_is_overwritten(dtype):
    value = {"w": torch.tensor([0, 1, 7]).to(dtype).reshape(3, 1).expand(3, 1).clone()}
    before = snapshot(value)
    overwrite(value)
    assert all(np.all(a != b) for a, b in zip(before.arrays, snapshot(value).arrays, strict=True))


def test_parameters_that_need_gradients_are_overwritten():
    layer = torch.nn.Linear(2, 2)
    before = snapshot(layer)
    overwrite(layer)
    assert not snapshot(layer).equals(before)
    assert layer.weight.requires_grad
