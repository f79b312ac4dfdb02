"""Laws of baselines: batch-mates, padding and order never matter, and each is the formula of its paper."""

from __future__ import annotations

import pytest
import torch
from point_networks import BASELINES, D, clouds_of, outputs, states

from continuum.compute import PointCloudBatch
from continuum.compute.heads import PointHead
from continuum.compute.local_network import LocalNetwork
from continuum.compute.pcn import PCN
from continuum.compute.point_transformer import PointTransformer
from continuum.compute.pointnet import PointNet
from continuum.compute.weight_tied import WeightTied
from continuum.core import IncompatibleError, InvalidInputError

ALL = pytest.mark.parametrize("name", BASELINES)
TIGHT = {"rtol": 0, "atol": 1e-12}  # float64: the order of sums changes, and no more


@pytest.fixture
def model(name):
    return BASELINES[name]().double()


@ALL
def test_the_order_of_points_does_not_matter(model, rng):
    clouds = clouds_of(rng, [23])
    order = torch.as_tensor(rng.permutation(23))
    mixed = PointCloudBatch(clouds.points[:, order], weights=clouds.weights[:, order])
    torch.testing.assert_close(outputs(model, mixed), outputs(model, clouds), **TIGHT)


@ALL
def test_padding_and_batch_mates_do_not_matter(model, rng):
    clouds = clouds_of(rng, [7, 1, 40, 4, 21])
    together = outputs(model, clouds)
    for row in range(5):
        torch.testing.assert_close(together[row : row + 1], outputs(model, clouds[row : row + 1]), **TIGHT)


@ALL
def test_a_point_of_mass_zero_is_no_point(model, rng):
    clouds = clouds_of(rng, [9])
    more = PointCloudBatch(
        torch.cat([torch.full((1, 1, D), 9.0).double(), clouds.points], 1),
        weights=torch.cat([torch.zeros(1, 1).double(), clouds.weights], 1),
    )
    torch.testing.assert_close(outputs(model, more), outputs(model, clouds), **TIGHT)


@pytest.mark.parametrize("name", ["PointNet", "PCN", "WeightTied"])
def test_splitting_a_point_changes_nothing(model, rng):
    clouds = clouds_of(rng, [9])
    first = clouds.weights[:, :1] / 2
    split = PointCloudBatch(
        torch.cat([clouds.points, clouds.points[:, :1]], 1), weights=torch.cat([first, clouds.weights[:, 1:], first], 1)
    )
    torch.testing.assert_close(outputs(model, split), outputs(model, clouds), **TIGHT)


@ALL
def test_the_origin_is_a_point_like_any_other(model, rng):
    cloud = clouds_of(rng, [3], weighted=False).points
    cloud[0, 1] = 0
    without = outputs(model, PointCloudBatch(cloud[:, [0, 2]]))
    padded = outputs(model, PointCloudBatch(cloud, torch.tensor([[True, False, True]])))
    torch.testing.assert_close(padded, without, **TIGHT)
    assert (outputs(model, PointCloudBatch(cloud)) - without).abs().max() > 1e-9


@ALL
def test_one_point_and_a_batch_of_one_are_enough(model):
    assert outputs(model, PointCloudBatch(torch.ones(1, 1, D).double())).isfinite().all()


@ALL
def test_padded_points_get_no_gradient(model, rng):
    clouds = clouds_of(rng, [9, 4])
    points = clouds.points.clone().requires_grad_()
    outputs(model, PointCloudBatch(points, clouds.mask, clouds.weights)).square().sum().backward()
    assert points.grad.isfinite().all()
    assert not points.grad[~clouds.mask].any()


@ALL
def test_a_gradient_reaches_every_parameter(model, rng):
    found = outputs(model, clouds_of(rng, [40, 30, 20]))
    (found * torch.as_tensor(rng.normal(size=found.shape))).sum().backward()
    for where, parameter in model.named_parameters():
        # Added to all scores among which a softmax chooses, so it cancels.
        cancels = where.endswith(("keys.bias", "weigh.2.bias"))
        assert cancels or parameter.grad.abs().max() > 1e-10, where


@ALL
def test_a_seed_says_all_and_global_randomness_is_left_alone(name):
    before = torch.random.get_rng_state()
    one, same, other = (BASELINES[name](seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@ALL
def test_float32_agrees_with_float64_and_training_with_evaluation(name, rng):
    model, clouds = BASELINES[name](), clouds_of(rng, [7, 4])
    single = outputs(model, clouds.to(torch.float32))
    double = outputs(model.to(torch.float64), clouds)
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-4)
    assert torch.equal(outputs(model.eval(), clouds), outputs(model.train(), clouds))


@ALL
def test_clouds_that_do_not_fit_are_refused(model, rng):
    clouds = clouds_of(rng, [5, 3])
    with pytest.raises(InvalidInputError, match="PointCloudBatch"):
        model(clouds.points)
    with pytest.raises(IncompatibleError, match=f"dimension {D}, got 2"):
        model(clouds.moved(clouds.points[..., :2]))
    with pytest.raises(IncompatibleError, match="float32"):
        model(clouds.to(torch.float32))


@pytest.mark.parametrize(
    ("model", "expected"),
    [(PointNet(3, 40), 1_622_705), (PCN(3), 6_861_059), (PointTransformer(2, 10), 205_930)],
    ids=["PointNet", "PCN", "PointTransformer"],
)
def test_baselines_have_the_sizes_of_their_papers(model, expected):
    """PointNet 1.6 million with its input transform, PCN 6.85 million; the Point Transformer is a small one."""
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


# Each in its own right


def test_pointnet_does_not_see_masses(rng):
    model, clouds = PointNet(D, 4).double(), clouds_of(rng, [9])
    assert torch.equal(model(clouds), model(PointCloudBatch(clouds.points)))


def test_vector_attention_is_the_formula_of_the_paper(rng):
    model, clouds = PointTransformer(D, 4, widths=(6,), neighbours=3).double(), clouds_of(rng, [5])
    block, places = model.blocks[0], clouds.points[0]
    x = model.first(places)
    y, found = block.before(x), torch.zeros_like(x)
    for i in range(5):
        nearest = (places - places[i]).norm(dim=1).argsort()[:3].tolist()
        offsets = {j: block.offset(places[i] - places[j]) for j in nearest}
        scores = {j: block.weigh(block.queries(y[i]) - block.keys(y[j]) + offsets[j]).exp() for j in nearest}
        parts = [scores[j] / sum(scores.values()) * (block.values(y[j]) + offsets[j]) for j in nearest]
        found[i] = sum(parts)
    expected = model.classify(block.norm(x + block.after(found)).mean(0))
    torch.testing.assert_close(model(clouds)[0], expected, **TIGHT)


def test_a_stage_keeps_the_farthest_points():
    from continuum.compute.point_transformer import _farthest

    line = torch.tensor([0.0, 1, 2, 3, 4, 5, 6, 20, 50])[None, :, None]
    within = torch.tensor([[True] * 8 + [False]])
    rows, real = _farthest(line, within)
    assert line[0, rows[0], 0].tolist() == [20, 0]  # 8 points: 2 remain, of which the first is farthest from the mean
    assert real.tolist() == [[True, True]]


def test_pcn_folds_a_patch_at_each_coarse_point(rng):
    model, clouds = PCN(D, code=16, coarse=3, grid=2, spread=0.1).double(), clouds_of(rng, [5])
    for parameter in model.fold[-1].parameters():
        torch.nn.init.zeros_(parameter)
    found = model(clouds)
    assert torch.equal(found.dense, found.coarse.repeat_interleave(4, 1))
    corners = torch.tensor([[-0.1, -0.1], [-0.1, 0.1], [0.1, -0.1], [0.1, 0.1]]).double()
    torch.testing.assert_close(model.patch, corners, rtol=0, atol=1e-8)


def test_a_patch_of_one_point_is_its_centre():
    assert PCN(2, code=16, coarse=3, grid=1).patch.tolist() == [[0, 0]]


def test_a_weight_tied_network_is_so_many_applications_of_f(rng):
    network, head = LocalNetwork(radius=1.0).double(), PointHead(32).double()
    clouds = clouds_of(rng, [6, 4])
    expected = head(states(network, clouds, steps=5), None)
    assert torch.equal(WeightTied(network, head, steps=5)(clouds), expected)
