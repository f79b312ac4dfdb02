"""Gradients of examples: exact, one by one, and the algebra of LESS."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, jvp

from continuum.core import IncompatibleError, InvalidInputError
from continuum.datasets import LabelledDataset
from continuum.selection import (
    AdamDirection,
    Concatenated,
    GradientFeatures,
    LastLayerGradients,
    Precomputed,
    Rademacher,
    extract,
    ghost_products,
    gradient_scores,
    last_layer_gradients,
    linear_gradients,
)


def cross_entropy(model, x, y):
    return nn.functional.cross_entropy(model(x), y, reduction="none")


def network(seed=0, dropout=0.5):
    """Two layers with dropout between, in training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Dropout(dropout), nn.Linear(7, 3))


def examples(rng, n):
    x = torch.from_numpy(rng.normal(size=(n, 5)).astype(np.float32))
    return list(zip(x, (np.arange(n) % 3).tolist(), strict=True))


def by_backward(model, items, loss=cross_entropy):
    """The gradient of each example by a backward pass of its own, in evaluation mode."""
    rows = []
    for x, y in items:
        losses = loss(model.eval(), x[None], torch.tensor([y]))
        found = torch.autograd.grad(losses.sum(), list(model.parameters()))
        rows.append(torch.cat([part.reshape(-1) for part in found]))
    return torch.stack(rows)


def plain(model, **options):
    return GradientFeatures(model, cross_entropy, normalize=False, **options)


def test_gradients_are_those_of_a_backward_pass_for_each_example(rng):
    items = examples(rng, 10)
    expected = by_backward(network(), items)
    for batch_size in (1, 3, 32):
        assert np.allclose(plain(network(), batch_size=batch_size).encode(items), expected, atol=1e-6)


def test_gradients_know_no_dropout_and_leave_the_model_as_it_was(rng):
    model, items = network(), examples(rng, 6)
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    features = plain(model)
    assert np.array_equal(features.encode(items), features.encode(items))
    assert [module.training for module in model] == [True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_parameters_are_chosen_by_name_or_by_what_is_trained(rng):
    model, items = network(), examples(rng, 4)
    everything = plain(model).encode(items)
    assert np.array_equal(plain(model, parameters=r"^3\.").encode(items), everything[:, -24:])
    model[0].requires_grad_(False)
    assert plain(model).names == ("3.weight", "3.bias")
    assert np.allclose(plain(model).encode(items), everything[:, -24:], atol=1e-7)


def test_a_state_stands_in_for_the_weights_of_the_model(rng):
    items, other = examples(rng, 4), network(seed=1)
    state = {name: value.detach() for name, value in other.named_parameters()}
    assert np.allclose(plain(network(), state=state).encode(items), plain(other).encode(items), atol=1e-7)


def test_any_loss_and_any_input_will_do(rng):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([1.0, -2.0]))

        def forward(self, a, b):
            return (self.w * a).sum(-1) * b

    a, b = torch.from_numpy(rng.normal(size=(2, 6, 2)))
    features = GradientFeatures(
        Twice().double(), lambda model, a, b: model(a, b) ** 2, inputs=lambda items: (a[items], b[items, 0]),
        normalize=False, batch_size=4,
    )  # fmt: skip
    w = torch.tensor([1.0, -2.0], dtype=torch.float64)
    expected = 2 * (a @ w)[:, None] * b[:, :1] ** 2 * a
    assert np.allclose(features.encode(torch.arange(6)), expected, rtol=1e-5)


def test_a_labelled_data_set_is_a_pool_of_examples(rng):
    items = examples(rng, 6)
    x = torch.stack([x for x, _ in items])
    data = LabelledDataset(x, [y for _, y in items])
    assert np.allclose(plain(network()).encode(data), plain(network()).encode(items), atol=1e-7)


def test_the_last_layer_in_closed_form_is_what_differentiation_gives(rng):
    model, items = network(), examples(rng, 9)
    closed = LastLayerGradients(model, "3", normalize=False, batch_size=4).encode(items)
    assert np.allclose(closed, plain(model, parameters="^3").encode(items), atol=1e-6)
    unit = LastLayerGradients(model, "3").encode(items)
    assert np.allclose(unit, GradientFeatures(model, cross_entropy, parameters="^3").encode(items), atol=1e-6)


def test_inner_products_of_last_layer_gradients_are_a_product_of_two(rng):
    h, h2 = torch.from_numpy(rng.normal(size=(2, 4, 6)))
    logits, logits2 = torch.from_numpy(rng.normal(size=(2, 4, 3)))
    y = torch.tensor([0, 2, 1, 1])
    g, g2 = last_layer_gradients(logits, y, h), last_layer_gradients(logits2, y, h2)
    hot = nn.functional.one_hot(y, 3)
    residuals = (logits.softmax(1) - hot) @ (logits2.softmax(1) - hot).T
    assert torch.allclose(g @ g2.T, residuals * (h @ h2.T + 1))
    assert torch.allclose(last_layer_gradients(logits, hot.double(), h), g)  # soft labels


def test_ghost_products_are_products_of_explicit_gradients(rng):
    class Sequence(nn.Module):
        """Layers over places, with and without a bias, one of them applied twice."""

        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 3, bias=False)

        def forward(self, x):
            return self.second(torch.tanh(self.first(torch.tanh(self.first(x))))).mean(1)

    torch.manual_seed(0)
    model = Sequence().double()
    x, x2 = torch.from_numpy(rng.normal(size=(5, 6, 4))), torch.from_numpy(rng.normal(size=(3, 2, 4)))
    y, y2 = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([2, 2, 0])
    factors = [linear_gradients(model, cross_entropy, *batch) for batch in ((x, y), (x2, y2))]
    explicit = [plain(model).encode(list(zip(*batch, strict=True))) for batch in ((x, y), (x2, y2))]
    assert np.allclose(ghost_products(*factors), explicit[0] @ explicit[1].T, atol=1e-7)
    whole = torch.cat([factors[0][name].explicit() for name in ("first", "second")], 1)
    assert np.allclose(whole, explicit[0], atol=1e-7)  # weight, then bias, as parameters come


def test_scores_without_stored_gradients_are_products_of_features(rng):
    pool, query = examples(rng, 11), examples(rng, 3)
    for features in (plain(network(), batch_size=4), GradientFeatures(network(), cross_entropy)):
        expected = features.encode_query(query) @ features.encode(pool).T
        assert np.allclose(gradient_scores(features, pool, query), expected, atol=1e-6)


def test_scores_are_derivatives_of_the_losses_along_the_gradients_of_the_query(rng):
    model, pool, query = network(dropout=0.0), examples(rng, 5), examples(rng, 2)
    names = [name for name, _ in model.named_parameters()]
    x, y = torch.stack([x for x, _ in pool]), torch.tensor([y for _, y in pool])
    values = tuple(value.detach() for value in model.parameters())

    def losses(*values):
        return cross_entropy(lambda x: functional_call(model, dict(zip(names, values, strict=True)), (x,)), x, y)

    rows = []
    for gradient in by_backward(network(dropout=0.0), query):
        parts = gradient.split([value.numel() for value in values])
        along = tuple(part.view_as(value) for part, value in zip(parts, values, strict=True))
        rows.append(jvp(losses, values, along)[1])
    assert np.allclose(gradient_scores(plain(model), pool, query), torch.stack(rows).detach(), atol=1e-6)


def test_features_are_projected_after_all_else(rng):
    items, of = examples(rng, 4), Rademacher(16, seed=2)
    raw = torch.from_numpy(plain(network()).encode(items))
    assert np.allclose(plain(network(), projection=of).encode(items), of.project(raw), atol=1e-6)
    unit = GradientFeatures(network(), cross_entropy, projection=of).encode(items)
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)


def trained(model, items, steps=3):
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2, betas=(0.8, 0.99))
    for _ in range(steps):
        optimizer.zero_grad()
        x, y = torch.stack([x for x, _ in items]), torch.tensor([y for _, y in items])
        cross_entropy(model, x, y).mean().backward()
        optimizer.step()
    return optimizer


def test_gradients_whose_extraction_was_interrupted_are_those_of_one_pass(rng, tmp_path):
    items, path, passed = examples(rng, 12), tmp_path / "gradients.npy", []
    features = GradientFeatures(network(), cross_entropy, projection=Rademacher(16))

    def dying(batch):
        if len(passed) == 3:
            raise KeyboardInterrupt
        passed.append(len(batch))
        return features.encode(batch)

    with pytest.raises(KeyboardInterrupt):
        extract(dying, items, path, batch_size=2)
    assert not path.exists()
    found = extract(features.encode, items, path, batch_size=2)
    assert np.allclose(found, features.encode(items), rtol=0, atol=1e-6)


def test_the_adam_direction_has_epsilon_inside_the_root_and_is_of_the_pool_alone(rng):
    model, items = network(dropout=0.0), examples(rng, 6)
    optimizer = trained(model, items)
    direction = AdamDirection.from_optimizer(optimizer, model)
    features = plain(model, direction=direction)
    g = by_backward(model, items)
    m, v = (torch.cat([optimizer.state[p][key].reshape(-1) for p in model.parameters()]) for key in
            ("exp_avg", "exp_avg_sq"))  # fmt: skip
    expected = (0.8 * m + (1 - 0.8) * g) / (0.99 * v + (1 - 0.99) * g**2 + 1e-8).sqrt()
    assert (direction.beta1, direction.beta2) == (0.8, 0.99)
    assert np.allclose(features.encode(items), expected, rtol=1e-4, atol=1e-5)
    assert np.allclose(features.encode_query(items), g, atol=1e-6)
    scores = gradient_scores(features, items, items[:2])
    assert np.allclose(scores, g[:2] @ expected.T, rtol=1e-4, atol=1e-5)


def test_without_moments_the_adam_direction_is_like_the_sign():
    zero = {"w": torch.zeros(3, dtype=torch.float64)}
    g = torch.tensor([[5.0, -0.3, 0.0]], dtype=torch.float64)
    found = AdamDirection(zero, zero).of(g, ["w"])
    assert torch.allclose(found, 0.1 * g / (0.001 * g**2 + 1e-8).sqrt())
    assert torch.allclose(found, g.sign() * 10**0.5, rtol=1e-3)  # 0.1 / sqrt(0.001)


def test_a_weighted_mean_of_cosines_is_one_inner_product_of_concatenated_unit_vectors(rng):
    learning_rates = [2e-5, 1.5e-5, 5e-6, 1e-6]
    pool, query = rng.normal(size=(2, 4, 9, 30))
    pool, query = (side / np.linalg.norm(side, axis=2, keepdims=True) for side in (pool, query))
    joined = Concatenated([Precomputed(x, q) for x, q in zip(pool, query, strict=True)], learning_rates)
    x, q = joined.encode(range(9)), joined.encode_query(range(9))
    shares = np.array(learning_rates) / np.sum(learning_rates)
    assert np.allclose(q @ x.T, sum(s * b @ a.T for s, a, b in zip(shares, pool, query, strict=True)), atol=1e-6)
    assert np.allclose(np.linalg.norm(x, axis=1), 1)


def test_checkpoints_of_one_training_make_one_representation(rng):
    items = examples(rng, 5)
    parts, states = [], []
    model = network(dropout=0.0)
    for _ in range(2):
        direction = AdamDirection.from_optimizer(trained(model, items), model)
        states.append({name: value.detach().clone() for name, value in model.named_parameters()})
        parts.append(GradientFeatures(network(), cross_entropy, state=states[-1], direction=direction))
    less = Concatenated(parts, [2e-5, 1e-5])
    scores = less.encode_query(items) @ less.encode(items).T
    each = [part.encode_query(items) @ part.encode(items).T for part in parts]
    assert np.allclose(scores, (2 * each[0] + each[1]) / 3, atol=1e-6)
    assert less.name == "Adam direction"
    assert np.abs(scores).max() <= 1 + 1e-6


def test_an_example_without_gradient_is_like_nothing():
    model = nn.Linear(2, 1, bias=False)
    squared = GradientFeatures(model, lambda model, x: model(x)[:, 0] ** 2)
    assert squared.encode([torch.zeros(2), torch.ones(2)])[0].tolist() == [0.0, 0.0]


BATCH = torch.ones(2, 5), torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (
            lambda: plain(network(), parameters="head").encode([]),
            InvalidInputError,
            "no parameter of the Sequential has",
        ),
        (lambda: plain(network().requires_grad_(False)), InvalidInputError, "requires gradients; choose `parameters`"),
        (
            lambda: plain(network().half()),
            InvalidInputError,
            r"`0\.weight` is of torch\.float16, in which gradients under",
        ),
        (lambda: plain(network(), state={"w": torch.ones(1)}), InvalidInputError, "1 names that are no parameters"),
        (lambda: plain(network(), batch_size=0), InvalidInputError, "`batch_size` must be at least 1"),
        (lambda: plain(network()).encode([]), InvalidInputError, "`items` must hold at least one example"),
        (
            lambda: plain(network()).encode([(torch.full((5,), math.nan), 0)]),
            InvalidInputError,
            "example 0 is not finite",
        ),
        (
            lambda: GradientFeatures(network(), lambda m, x, y: m(x)).encode([(torch.ones(5), 0)]),
            InvalidInputError,
            r"one number for each example, \(1,\) for one, got \(1, 3\)",
        ),
        (
            lambda: GradientFeatures(network(), cross_entropy, lambda items: BATCH).encode([1, 2, 3]),
            InvalidInputError,
            "one row for each of 3 examples, got",
        ),
        (lambda: LastLayerGradients(network(), "1"), InvalidInputError, r"name of a linear layer, got '1'; there are"),
        (
            lambda: LastLayerGradients(network(), "0").encode([(torch.ones(5), 0)]),
            IncompatibleError,
            "name the last layer",
        ),
        (
            lambda: LastLayerGradients(network(), "3").encode([(torch.ones(5), 3)]),
            IncompatibleError,
            "has 3 classes, and `y` goes from 3 to 3",
        ),
        (lambda: AdamDirection({"a": torch.ones(1)}, {}), InvalidInputError, r"only one has \['a'\]"),
        (lambda: AdamDirection({}, {}, beta1=2), InvalidInputError, r"`beta1` must be in \[0, 1\]"),
        (
            lambda: AdamDirection({}, {}).of(torch.ones(1, 2), ["w"]),
            IncompatibleError,
            "1 parameters have no moments, such as w",
        ),
        (
            lambda: AdamDirection.from_optimizer(torch.optim.SGD(network().parameters(), 0.1), network()),
            IncompatibleError,
            "must be Adam or AdamW, got SGD",
        ),
        (
            lambda: AdamDirection.from_optimizer(torch.optim.Adam(network().parameters()), network()),
            InvalidInputError,
            "take a step with it first",
        ),
        (lambda: Concatenated([]), InvalidInputError, "at least one, with a positive sum"),
        (lambda: Concatenated([Precomputed(np.eye(2))], [0.0]), InvalidInputError, "with a positive sum"),
        (lambda: Concatenated([Precomputed(np.eye(2))], [1.0, 2.0]), InvalidInputError, "one for each of 1 parts"),
        (
            lambda: linear_gradients(network().requires_grad_(False), cross_entropy, *BATCH),
            InvalidInputError,
            "no linear layer whose weight requires",
        ),
    ],
)
def test_what_has_no_gradients_is_refused(ask, error, said):
    with pytest.raises(error, match=said):
        ask()
