"""The learned map: exact where the optimal map is known, defined off its sample, without traces in global state."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import torch

from continuum.core import ContinuumError, ConvergenceWarning, IncompatibleError, InvalidInputError
from continuum.datasets import LabelledDataset
from continuum.datasets.neural_map import FittedMap, NeuralMap

# Fewer steps at higher rates than the defaults: enough for low dimensions and balanced classes.
SMALL = NeuralMap(hidden=64, steps=300, inner_steps=3, batch=64, learning_rate=2e-3, critic_rate=6e-4)
LONGER = NeuralMap(hidden=64, steps=700, learning_rate=2e-3, critic_rate=6e-4)
TINY = NeuralMap(hidden=8, steps=3, inner_steps=1, batch=8, layers=1)
LEGAL = {"feature_weight": 1.0, "label_weight": 0.0}


def one_class(x) -> LabelledDataset:
    return LabelledDataset(x, np.zeros(len(x), int))


def blobs(rng, n=600, classes=3, shift=0.0, names=None) -> LabelledDataset:
    """Class k sits at 4 e_k, with noise of variance 0.25 in each of 4 features."""
    codes = np.arange(n) % classes
    x = 4 * np.eye(4)[codes] + 0.5 * rng.normal(size=(n, 4)) + shift
    return LabelledDataset(x, codes if names is None else [names[c] for c in codes])


def quietly(options, *data, table=None, **weights) -> FittedMap:
    """A map that was not given the steps to converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return options.fit(*data, table, **{**LEGAL, **weights})


def unexplained(found, truth, x) -> float:
    """L2-UVP in percent (Korotin et al. 2021): error of the map relative to the variance of its true image."""
    image, _ = found.push(one_class(x))
    wanted = truth(x)
    return float(100 * np.square(image.numpy() - wanted).sum(1).mean() / wanted.var(0).sum())


def test_the_monge_map_of_gaussians_is_found(rng):
    """The identity has 36 %; 2.5 leaves room for the noise of 2,000 points, whose own best linear map has 0.1 %."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    stretch = (turn * [0.3, 1.0, 2.0]) @ turn.T  # symmetric and positive: a gradient of a convex function

    def truth(x):
        return x @ stretch + 2

    base, source = rng.normal(size=(2000, 3)), truth(rng.normal(size=(2000, 3)))
    found = LONGER.fit(one_class(base), one_class(source), None, **LEGAL)
    fresh = rng.normal(size=(2000, 3))
    assert unexplained(found, truth, fresh) < 2.5
    assert found.converged
    # Primal and dual meet at the squared distance: |2|^2 for each mean, (1 - s)^2 for each deviation.
    exact = 12 + 0.7**2 + 1
    assert found.cost == pytest.approx(exact, rel=0.06)
    assert np.mean(found.trace[-50:]) == pytest.approx(exact, rel=0.06)


def test_a_translation_is_found_and_its_labels_are_those_at_distance_zero(rng):
    base, source = blobs(rng), blobs(rng, shift=10.0, names="bca")  # class 0 is called b there, and so on
    truth = {0: "b", 1: "c", 2: "a"}
    table = np.array([[0.0 if truth[k] == label else 32.0 for label in source.classes] for k in base.classes])
    found = SMALL.fit(base, source, table, feature_weight=1.0, label_weight=1.0)
    fresh = blobs(rng, n=300)
    image, labels = found.push(fresh)
    assert float((image - fresh.features() - 10).square().sum(1).mean()) < 0.1  # a tenth of the noise within a class
    assert [source.classes[k] for k in labels.argmax(1)] == [truth[k] for k in fresh.y]
    assert found.converged
    assert found.cost == pytest.approx(400, rel=0.02)


def test_labels_outweigh_features_as_they_are_told_to(rng):
    """All is in place but the names: with heavy labels each class travels to the blob of its own name."""
    base, source = blobs(rng), blobs(rng, names="bca")
    table = 32.0 * (1 - np.eye(3))  # class 0 is at distance 0 from a, which lies where class 2 does
    stay = quietly(SMALL, base, source)
    go = LONGER.fit(base, source, table, feature_weight=0.05, label_weight=1.0)
    fresh = blobs(rng, n=300)
    near = np.square(stay.push(fresh)[0].numpy() - fresh.x).sum(1)
    assert near.mean() < 0.2
    image, labels = go.push(fresh)
    assert (labels.argmax(1) == fresh.codes).mean() > 0.98
    assert (image.numpy()[:, :3].argmax(1) == (fresh.codes + 2) % 3).mean() > 0.98


def test_one_class_is_split_among_many(rng):
    base, source = one_class(rng.normal(size=(500, 4))), blobs(rng)
    found = quietly(LONGER, base, source, table=np.ones((1, 3)), label_weight=1.0)
    _, labels = found.push(base)
    assert labels.shape == (500, 3)
    assert np.all(np.abs(labels.mean(0) - 1 / 3) < 0.12)


def test_soft_labels_interpolate_what_hard_ones_say(rng):
    base = blobs(rng, n=200)
    found = quietly(TINY, base, blobs(rng, n=150, shift=3.0))
    soft = LabelledDataset(base.x, base.probabilities, classes=base.classes)
    for hard, same in zip(found.push(base), found.push(soft), strict=True):
        assert np.array_equal(hard, same)
    mixed = LabelledDataset(base.x, np.full((200, 3), 1 / 3), classes=base.classes)
    assert not torch.equal(found.push(mixed)[0], found.push(base)[0])
    refitted = quietly(TINY, mixed, soft, table=np.ones((3, 3)), label_weight=1.0)
    assert np.allclose(refitted.push(mixed)[1].sum(1), 1)


def test_labels_are_distributions_for_any_sizes(rng):
    base, source = blobs(rng, n=40), blobs(rng, n=90, classes=2, names="pq")
    found = quietly(TINY, base, source)
    image, labels = found.push(blobs(rng, n=7))
    assert image.shape == (7, 4)
    assert image.dtype == torch.float64
    assert labels.shape == (7, 2)
    assert labels.min() >= 0
    assert np.abs(labels.sum(1) - 1).max() < 1e-12


def test_classes_are_matched_by_name_and_not_by_place(rng):
    base = blobs(rng, n=60, names="abc")
    found = quietly(TINY, base, blobs(rng, n=60, shift=1.0))
    turned = LabelledDataset(base.x, base.y, classes=("c", "a", "b"))
    assert torch.equal(found.push(turned)[0], found.push(base)[0])
    few = base.subset(base.y == "b")
    assert torch.allclose(found.push(few)[0], found.push(base)[0][1::3], atol=1e-5)  # float32 networks


def test_one_seed_gives_one_map_bit_for_bit_and_another_seed_another(rng):
    base, source = blobs(rng, n=50), blobs(rng, n=60, shift=1.0)
    first, again = (quietly(TINY, base, source) for _ in range(2))
    for one, two in zip(first.push(base), again.push(base), strict=True):
        assert np.array_equal(one, two)
    assert (first.trace, first.cost, first.energy) == (again.trace, again.cost, again.energy)
    other = quietly(NeuralMap(hidden=8, steps=3, inner_steps=1, batch=8, layers=1, seed=1), base, source)
    assert not torch.equal(other.push(base)[0], first.push(base)[0])


def test_global_random_state_is_neither_read_nor_moved(rng):
    base, source = blobs(rng, n=50), blobs(rng, n=60)
    torch.manual_seed(1)
    before, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = quietly(TINY, base, source)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], legacy)
    torch.manual_seed(2)
    assert quietly(TINY, base, source).trace == first.trace


def test_it_learns_where_gradients_are_switched_off(rng):
    base, source = blobs(rng, n=50), blobs(rng, n=60)
    with torch.no_grad():
        found = quietly(TINY, base, source)
    assert found.trace == quietly(TINY, base, source).trace


def test_points_without_mass_do_not_count(rng):
    base, source = blobs(rng, n=50), blobs(rng, n=60)
    weights = np.r_[np.full(60, 1 / 60), 0.0, 0.0]
    far = LabelledDataset(np.r_[source.x, np.full((2, 4), 1e6)], np.r_[source.y, 0, 1], weights)
    assert quietly(TINY, base, far).trace == pytest.approx(quietly(TINY, base, source).trace, rel=1e-6)


def test_points_are_met_by_their_weights(rng):
    """A source of a heavy and a light blob: the shift of the mean alone would land between them."""
    heavy = np.where(np.arange(400) % 2 == 0, 0.9, 0.1) / 200
    source = LabelledDataset(blobs(rng, n=400, classes=2).x, np.arange(400) % 2, heavy)
    found = LONGER.fit(one_class(rng.normal(size=(400, 4))), source, None, **LEGAL)
    assert found.push(one_class(rng.normal(size=(1000, 4))))[1][:, 0].mean() == pytest.approx(0.9, abs=0.06)


def test_constant_features_arrive_at_those_of_the_source(rng):
    x, y = np.c_[rng.normal(size=(80, 3)), np.full(80, 0.1)], np.c_[rng.normal(size=(90, 3)), np.full(90, 0.7)]
    image, _ = quietly(TINY, one_class(x), one_class(y)).push(one_class(x))
    assert np.allclose(image[:, 3], 0.7, atol=1e-6)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 30), (30, 1)])
def test_lone_and_constant_points_are_no_exception(sizes):
    n, m = sizes
    base, source = one_class(np.full((n, 5), 0.1)), one_class(np.full((m, 5), 0.3))
    found = quietly(TINY, base, source)
    image, labels = found.push(base)
    assert np.allclose(image, 0.3, atol=1e-6)
    assert np.array_equal(labels, np.ones((n, 1)))
    assert found.cost == pytest.approx(5 * 0.04, rel=1e-6)


def test_no_weight_at_all_is_a_game_without_cost(rng):
    found = quietly(TINY, blobs(rng, n=30), blobs(rng, n=30), feature_weight=0.0)
    assert found.cost == 0
    assert np.isfinite(found.trace).all()


@pytest.mark.parametrize("n", [40, 12])  # more and fewer points than features: two Gram matrices
def test_images_lie_in_the_components_around_the_mean_of_the_source(rng, n):
    x, y = rng.normal(size=(n, 30)), rng.normal(size=(n, 30)) + 5
    found = quietly(NeuralMap(components=3, hidden=8, steps=3, batch=8), one_class(x), one_class(y))
    image, _ = found.push(one_class(rng.normal(size=(100, 30))))
    assert np.linalg.matrix_rank(image.numpy() - y.mean(0), tol=1e-4) == 3
    assert 0 < found.explained < 1
    whole = quietly(NeuralMap(components=None, hidden=8, steps=3, batch=8), one_class(x), one_class(y))
    assert whole.explained == pytest.approx(1)


def test_images_of_pixels_go_in_and_vectors_come_out(rng):
    x = torch.as_tensor(rng.normal(size=(20, 2, 3)), dtype=torch.float32)
    found = quietly(TINY, LabelledDataset(x, np.zeros(20, int)), LabelledDataset(x.double(), np.zeros(20, int)))
    image, _ = found.push(LabelledDataset(x, np.zeros(20, int)))
    assert image.shape == (20, 6)
    assert image.dtype == torch.float64


def test_a_map_travels(rng):
    base = blobs(rng, n=30)
    found = quietly(TINY, base, blobs(rng, n=30))
    assert torch.equal(pickle.loads(pickle.dumps(found)).push(base)[0], found.push(base)[0])


def test_a_map_that_misses_its_target_says_so(rng):
    base, source = one_class(0.1 * rng.normal(size=(400, 4))), blobs(rng)
    with pytest.warns(ConvergenceWarning, match="raise `steps`"):
        found = TINY.fit(base, source, None, **LEGAL)
    assert not found.converged
    assert found.energy > 10 * found.energy_floor


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "`steps` must be at least 1"),
        ({"components": 0}, "`components` must be at least 1"),
        ({"learning_rate": 0.0}, "`learning_rate` must be positive"),
        ({"critic_rate": float("nan")}, "`critic_rate` must be positive"),
        ({"seed": -1}, "`seed` must be"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        NeuralMap(**options)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"feature_weight": -1.0}, InvalidInputError, "`feature_weight` must be finite"),
        ({"label_weight": float("inf")}, InvalidInputError, "`label_weight` must be finite"),
        ({"label_weight": 1.0}, InvalidInputError, "`table` is None"),
        ({"table": np.zeros((2, 3))}, IncompatibleError, r"`table` must be \(3, 3\)"),
        ({"table": np.full((3, 3), np.nan)}, InvalidInputError, "`table` has 9 NaN"),
        ({"source": one_class(np.zeros((4, 2)))}, IncompatibleError, "`source` has 2"),
        ({"source": "fashion"}, InvalidInputError, "`source` must be a LabelledDataset"),
    ],
)
def test_bad_arguments_are_refused(rng, change, error, message):
    given = {"base": blobs(rng, n=9), "source": blobs(rng, n=9), "table": None, **LEGAL, **change}
    with pytest.raises(error, match=message):
        TINY.fit(given.pop("base"), given.pop("source"), given.pop("table"), **given)


def test_data_that_is_not_like_the_base_is_refused(rng):
    found = quietly(TINY, blobs(rng, n=9), blobs(rng, n=9))
    with pytest.raises(ContinuumError, match="4 features"):
        found.push(one_class(np.zeros((4, 2))))
    with pytest.raises(IncompatibleError, match=r"got also \['z'\]"):
        found.push(LabelledDataset(np.zeros((1, 4)), ["z"]))
