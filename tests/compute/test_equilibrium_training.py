"""Training of equilibrium models: deterministic, resumable, averaged, and of use at every budget."""

import math

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from continuum.compute import (
    DEQ,
    Anytime,
    AtEquilibrium,
    Budget,
    Direct,
    Implicit,
    Picard,
    TrainingRecipe,
    train_equilibrium,
)
from continuum.core import IncompatibleError, InvalidInputError, StoreError


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.w, self.u = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, z, x):
        return torch.tanh(0.5 * self.w(z) + self.u(x))


def model():
    return DEQ(Cell(), budget=Budget(Picard(), 1e-4, 30), backward=Implicit())


def draw(rng):
    x = torch.as_tensor(rng.normal(size=(8, 3)), dtype=torch.float32)
    return x, torch.tanh(0.5 * x.flip(1))


def loss(output, target):
    return (output - target).square().mean()


ANYTIME = Anytime(2, 3)
RECIPE = TrainingRecipe(12, learning_rate=0.02, average=0.9)


def trained(objective=ANYTIME, recipe=RECIPE, **options):
    layer = model()
    return layer, train_equilibrium(layer, draw, loss, recipe, objective=objective, progress=False, **options)


@pytest.mark.parametrize("objective", [Anytime(), Anytime(emphasis=2), AtEquilibrium(0.1), Direct()], ids=str)
def test_a_training_lowers_its_loss(objective):
    _, found = trained(objective, TrainingRecipe(60, learning_rate=0.03))
    assert np.mean(found.losses[-20:]) < 0.8 * np.mean(found.losses[:20])


def test_a_training_depends_on_its_seed_only():
    (one, first), (two, second) = trained(), trained()
    assert first.losses == second.losses
    assert torch.equal(one.f.w.weight, two.f.w.weight)
    _, other = trained(recipe=TrainingRecipe(12, learning_rate=0.02, average=0.9, seed=1))
    assert other.losses != first.losses


class Killed(Exception):
    pass


def test_a_killed_training_ends_with_the_same_weights(tmp_path):
    straight, whole = trained()
    file = tmp_path / "state.safetensors"
    steps = iter(range(7))

    def mortal(rng):
        if next(steps, None) is None:
            raise Killed
        return draw(rng)

    with pytest.raises(Killed):
        train_equilibrium(
            model(), mortal, loss, RECIPE, objective=Anytime(2, 3), file=file, save_every=0, progress=False
        )
    again, found = trained(file=file)
    assert found.losses == whole.losses
    for name, part in straight.state_dict().items():
        assert torch.equal(part, again.state_dict()[name])
    finished, known = trained(file=file)  # nothing is left to do
    assert known.losses == whole.losses
    assert torch.equal(finished.f.w.weight, straight.f.w.weight)


def test_the_state_of_another_training_is_refused(tmp_path):
    file = tmp_path / "state.safetensors"
    trained(file=file)
    with pytest.raises(IncompatibleError, match="belongs to another training"):
        trained(recipe=TrainingRecipe(12, learning_rate=0.03), file=file)
    file.write_bytes(b"no tensors")
    with pytest.raises(StoreError, match="cannot be read"):
        trained(file=file)


def test_the_state_of_another_model_or_a_damaged_one_is_refused(tmp_path):
    file = tmp_path / "state.safetensors"
    trained(file=file)
    other = model()
    other.f.w = nn.Linear(3, 3, bias=False)
    with pytest.raises(IncompatibleError, match=r"of a model of other tensors: weight\.f\.w\.bias"):
        train_equilibrium(other, draw, loss, RECIPE, objective=ANYTIME, file=file, progress=False)
    with safe_open(file, framework="pt") as opened:
        tensors, kept = {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata()  # noqa: SIM118
    tensors["weight.f.w.weight"][0, 0] = torch.nan
    save_file(tensors, file, metadata=kept)
    with pytest.raises(StoreError, match="NaN or infinite entries"):
        trained(file=file)


def test_a_gradient_that_is_not_finite_is_an_error_before_it_does_harm():
    def broken(output, target):
        return output.square().mean() + (output - output).sum().sqrt()  # 0, with the derivative 0 / 0

    layer = model()
    before = {name: part.clone() for name, part in layer.state_dict().items()}
    with pytest.raises(InvalidInputError, match="not finite"):
        train_equilibrium(layer, draw, broken, RECIPE, objective=Direct(), progress=False)
    assert all(torch.equal(part, before[name]) for name, part in layer.state_dict().items())


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(InvalidInputError, match="all weights are frozen"):
        train_equilibrium(model().requires_grad_(False), draw, loss, RECIPE, objective=Direct(), progress=False)
    with pytest.raises(InvalidInputError, match=r"one number, got shape \(8, 3\)"):
        train_equilibrium(model(), draw, lambda a, b: a - b, RECIPE, objective=Direct(), progress=False)


def test_the_kept_weights_are_an_average():
    plain, _ = trained(recipe=TrainingRecipe(12, learning_rate=0.02, average=0.0))
    mean, _ = trained()
    assert not torch.equal(plain.f.w.weight, mean.f.w.weight)
    torch.testing.assert_close(plain.f.w.weight, mean.f.w.weight, atol=0.2, rtol=0.5)


def test_the_rate_rises_and_falls_along_a_cosine():
    recipe = TrainingRecipe(100, learning_rate=1.0, warmup=0.1)
    rates = [recipe.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 9
    assert rates[-1] == pytest.approx(0.002)
    assert rates[54] == pytest.approx(0.501, abs=1e-3)


def test_a_loss_that_is_not_finite_is_an_error():
    with pytest.raises(InvalidInputError, match="the loss of step 0 is nan"):
        train_equilibrium(
            model(), draw, lambda output, target: output.sum() * math.nan, RECIPE, objective=Direct(), progress=False
        )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Anytime(steps=0),
        lambda: Anytime(prefix=-1),
        lambda: Anytime(share=2),
        lambda: AtEquilibrium(penalty=-1),
        lambda: TrainingRecipe(0),
        lambda: TrainingRecipe(10, learning_rate=0),
        lambda: TrainingRecipe(10, average=1.5),
        lambda: TrainingRecipe(10, seed=-1),
    ],
)
def test_wrong_options_of_trainings_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        wrong()
