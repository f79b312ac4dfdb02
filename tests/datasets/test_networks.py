"""Networks: random from their generator only, blind to units, and trained by the points that have mass."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from continuum.core import IncompatibleError, InvalidInputError, rng_for
from continuum.datasets import Convolutional, LabelledDataset, Perceptron, RawFeatures
from continuum.datasets.layers import Dropout, Standardise
from continuum.datasets.networks import fine_tune, represent

NETWORKS = [Perceptron(hidden=8, steps=6, batch=16), Convolutional(steps=6, batch=16)]
all_networks = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)


def images(rng, n=64, classes=4, shape=(8, 8)) -> LabelledDataset:
    return LabelledDataset(rng.random((n, *shape), dtype=np.float32), rng.permutation(np.arange(n) % classes))


def state(network, data, seed=0) -> list[torch.Tensor]:
    return list(network.train(data, rng_for(seed)).state_dict().values())


def same(one, other) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


@all_networks
def test_one_generator_gives_one_network_and_leaves_no_trace(rng, network):
    data = images(rng)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = state(network, data)
    assert same(first, state(network, data))
    assert not same(first, state(network, data, seed=1))
    body = network.train(data, rng_for(0))
    fine_tune(body, data, rng_for(1), steps=3, learning_rate=1e-3)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()


@all_networks
def test_networks_start_alike_whatever_the_number_of_outputs(rng, network):
    data, untrained = images(rng, classes=2), type(network)(steps=0)
    more = LabelledDataset(data.x, rng.permutation(64))
    assert same(state(untrained, data), state(untrained, more))


@all_networks
def test_points_come_in_one_order_whatever_the_number_of_outputs(rng, network):
    data, frozen = images(rng, classes=2), type(network)(steps=7, batch=16, learning_rate=1e-30)
    more = LabelledDataset(data.x, rng.permutation(64))
    # Weights do not move, so the running means of batch normalisation are a record of the batches.
    for one, other in zip(state(frozen, data), state(frozen, more), strict=True):
        assert torch.allclose(one.double(), other.double(), rtol=0, atol=1e-25)
    shuffled = data.subset(rng.permutation(64))
    assert not same(state(frozen, data), state(frozen, shuffled))


@all_networks
def test_points_of_weight_zero_are_no_points(rng, network):
    data, noise = images(rng), images(rng)
    padded = LabelledDataset(
        np.concatenate([data.x, 100 * noise.x]), np.concatenate([data.y, noise.y]), np.repeat([1.0, 0.0], 64) / 64
    )
    assert same(state(network, data), state(network, padded))


@all_networks
def test_units_of_the_features_do_not_matter(rng, network):
    data = images(rng)
    scaled = LabelledDataset(256 * data.x, data.y)  # a power of two: every rounding is the same
    one, other = (represent(network.train(part, rng_for(0)), part) for part in (data, scaled))
    assert torch.equal(one, other)
    shifted, untrained = LabelledDataset(255 * data.x + 3, data.y), type(network)(steps=0)
    one, other = (represent(untrained.train(part, rng_for(0)), part) for part in (data, shifted))
    assert torch.allclose(one, other, atol=1e-5)


@all_networks
def test_soft_labels_that_are_certain_are_hard_labels(rng, network):
    data = images(rng)
    assert same(state(network, data), state(network, LabelledDataset(data.x, data.probabilities)))


@all_networks
def test_arrays_and_tensors_of_any_float_are_alike(rng, network):
    data = images(rng)
    for x in (torch.tensor(data.x), data.x.astype(np.float64), torch.tensor(data.x).double().requires_grad_()):
        assert same(state(network, data), state(network, LabelledDataset(x, data.y)))


@all_networks
def test_equal_points_are_no_obstacle(network):
    body = network.train(LabelledDataset(np.ones((4, 8, 8)), [0, 1, 0, 1]), rng_for(0))
    assert all(bool(part.isfinite().all()) for part in body.state_dict().values())


@all_networks
def test_the_representation_of_a_point_does_not_depend_on_the_others_and_can_be_copied(rng, network):
    data = images(rng, n=1500)
    body = network.train(data, rng_for(0))
    whole = represent(body, data)
    assert not body.training
    assert torch.allclose(whole[1400:], represent(body, data.subset(slice(1400, None))), atol=1e-5)
    for twin in (copy.deepcopy(body), pickle.loads(pickle.dumps(body))):
        assert torch.equal(represent(twin, data), whole)


@all_networks
def test_fine_tuning_trains_every_layer(rng, network):
    data = images(rng)
    body = network.train(data, rng_for(0))
    before = copy.deepcopy(list(body.parameters()))
    classifier = fine_tune(body, images(rng, n=10, classes=5), rng_for(1), steps=2, learning_rate=1e-3)
    assert not any(map(torch.equal, before, body.parameters()))
    assert represent(classifier, data).shape == (64, 5)
    assert not classifier.training


def test_masks_of_fine_tuning_do_not_depend_on_how_long_pretraining_was(rng):
    data = images(rng)
    bodies = [Convolutional(steps=steps, learning_rate=1e-30).train(data, rng_for(0)) for steps in (0, 1, 5)]
    for part in [part for body in bodies for part in body.modules() if isinstance(part, nn.BatchNorm2d)]:
        part.reset_running_stats()
    found = [represent(fine_tune(body, data, rng_for(1), steps=3, learning_rate=1e-3), data) for body in bodies]
    assert torch.allclose(found[0], found[1], atol=1e-5)
    assert torch.allclose(found[0], found[2], atol=1e-5)


def test_a_weight_counts_like_copies(rng):
    """Without batch normalisation, which looks at features without weights."""
    data = LabelledDataset(rng.normal(size=(4, 3)), [0, 1, 2, 0], [0.5, 0.25, 0.125, 0.125])
    copies = data.subset([0, 0, 0, 0, 1, 1, 2, 3])
    copies = LabelledDataset(copies.x, copies.y)
    one, other = (
        fine_tune(RawFeatures().train(part, rng), part, rng_for(0), steps=20, learning_rate=0.01)
        for part in (data, copies)
    )
    assert torch.allclose(represent(one, data), represent(other, data), atol=1e-5)


def test_raw_features_are_the_features(rng):
    data = images(rng, shape=(3, 8, 8))
    assert torch.equal(represent(RawFeatures().train(data, rng), data), data.features().float())


def test_the_convolutional_network_is_the_measured_one(rng):
    body = Convolutional(steps=0).train(images(rng, n=4, shape=(28, 28)), rng_for(0))
    # 5 x 5 x 1 x 16, 3 x 3 x 16 x 32 and 3 x 3 x 32 x 64 weights; a bias, a scale and a shift for each channel
    assert sum(part.numel() for part in body.parameters()) == 400 + 4608 + 18432 + 3 * (16 + 32 + 64)
    assert represent(body, images(rng, n=4, shape=(28, 28))).shape == (4, 576)


def test_grey_images_may_have_a_channel_axis(rng):
    data = images(rng)
    network = NETWORKS[1]
    with_channel = LabelledDataset(data.x[:, None], data.y)
    assert same(state(network, data), state(network, with_channel))
    body = network.train(data, rng_for(0))
    assert torch.equal(represent(body, data), represent(body, with_channel))


def test_initial_weights_are_those_of_torch_in_distribution(rng):
    body = Perceptron(hidden=500, steps=0).train(images(rng, shape=(20, 20)), rng_for(0))
    weight, bias = (parameter.detach() for parameter in list(body.parameters())[:2])
    for drawn in (weight, bias):
        assert float(drawn.abs().max()) <= 1 / 20
    assert float(weight.std()) == pytest.approx(1 / 20 / 3**0.5, rel=0.01)  # 200,000 draws: 4 s.e. is 0.4 %


def test_features_are_standardised_with_weights(rng):
    data = LabelledDataset(5 + 3 * rng.normal(size=(40, 7)), np.arange(40), rng.dirichlet(np.ones(40)))
    x = Standardise(data)(torch.tensor(data.x)).numpy()
    assert data.weights @ x.mean(1) == pytest.approx(0, abs=1e-6)
    assert data.weights @ (x**2).mean(1) == pytest.approx(1, abs=1e-6)


def test_dropout_hides_its_share_keeps_the_mean_and_is_off_in_evaluation():
    x = torch.ones(100, 1000)
    layer = Dropout(0.3, torch.Generator().manual_seed(0))
    dropped = layer(x)
    assert sorted(set(dropped.unique().tolist())) == pytest.approx([0, 1 / 0.7])
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.006)  # 4 s.e.
    assert not torch.equal(layer(x), dropped)
    assert torch.equal(Dropout(0.3, torch.Generator().manual_seed(0))(x), dropped)
    assert layer.eval()(x) is x


@pytest.mark.parametrize("shape", [(6, 8), (28, 28, 3), (3, 28, 6)])
def test_images_too_small_to_be_halved_thrice_are_refused(rng, shape):
    with pytest.raises(InvalidInputError, match="at least 7 x 7"):
        Convolutional().train(images(rng, shape=shape), rng_for(0))
    assert represent(Convolutional(steps=0).train(images(rng, shape=(7, 7)), rng), images(rng, shape=(7, 7))).any()


@pytest.mark.parametrize("shape", [(64,), (1, 1, 8, 8)])
def test_a_convolutional_network_needs_images(rng, shape):
    with pytest.raises(InvalidInputError, match=r"needs images .* pass `Perceptron\(\)`"):
        Convolutional().train(images(rng, shape=shape), rng_for(0))


@pytest.mark.parametrize("shape", [(16, 4), (2, 8, 4), (9, 8)])
def test_a_convolutional_network_keeps_to_one_shape(rng, shape):
    body = Convolutional(steps=0).train(images(rng), rng_for(0))
    with pytest.raises(IncompatibleError, match=r"was trained on images \(1, 8, 8\)"):
        represent(body, images(rng, shape=shape))


@all_networks
def test_one_point_of_positive_weight_teaches_nothing(rng, network):
    with pytest.raises(InvalidInputError, match="one point"):
        network.train(images(rng, n=1), rng)
    with pytest.raises(InvalidInputError, match="one point"):
        network.train(LabelledDataset(np.zeros((2, 8, 8)), [0, 1], [1.0, 0.0]), rng)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (kind, options)
        for kind in (Perceptron, Convolutional)
        for options in ({"steps": -1}, {"batch": 1}, {"learning_rate": 0.0}, {"learning_rate": float("nan")})
    ]
    + [(Perceptron, {"hidden": 0}), (Convolutional, {"dropout": 1.0}), (Convolutional, {"dropout": -0.1})],
)
def test_options_that_make_no_sense_are_refused_by_name(kind, options):
    (name,) = options
    with pytest.raises(InvalidInputError, match=f"`{name}` must"):
        kind(**options)
