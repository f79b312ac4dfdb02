"""Statistics of batch normalization are those of the data."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from continuum import transform
from continuum.core import InvalidInputError, torch_generator
from continuum.models import CheckpointPath
from continuum.models.weights import recompute_batch_norm


@pytest.fixture
def images(rng):
    return torch.randn(60, 2, 6, 6, generator=torch_generator(rng)) * 3 + 5


def network():
    return nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))


def test_statistics_are_those_of_all_data_however_it_is_split(images):
    for sizes in ([60], [20, 20, 20], [7, 50, 3]):
        net = network()
        recompute_batch_norm(net, images.split(sizes))
        flat = images.double().transpose(0, 1).flatten(1)
        torch.testing.assert_close(net[0].running_mean, flat.mean(1).float())
        torch.testing.assert_close(net[0].running_var, flat.var(1).float())
        assert net[0].num_batches_tracked == len(sizes)


def test_far_from_zero_the_variance_survives(images):
    net = nn.BatchNorm2d(2)
    recompute_batch_norm(net, (images.double() / 3 + 1e6).float().split(10))
    flat = (images.double() / 3 + 1e6).float().double().transpose(0, 1).flatten(1)
    torch.testing.assert_close(net.running_var, flat.var(1).float(), rtol=1e-5, atol=0)


def test_with_one_batch_evaluation_gives_what_training_gave(images):
    net = network()[:4]
    recompute_batch_norm(net, [images])
    with torch.no_grad():
        evaluated, trained = net.eval()(images), net.train()(images)
    # Training divides by n and evaluation by n - 1; n is 60 images of 16 numbers at least.
    torch.testing.assert_close(evaluated, trained, rtol=2 / (60 * 16), atol=1e-5)


def test_equal_batches_agree_with_averaging_by_torch(images):
    ours, theirs = network()[:3], network()[:3]
    theirs.load_state_dict(ours.state_dict())
    recompute_batch_norm(ours, [images[:30], images[:30]])
    torch.optim.swa_utils.update_bn([images[:30], images[:30]], theirs)
    # Torch averages unbiased variances of batches, we take that of all numbers: n - 1 of one batch against 2 n - 1.
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1 / (30 * 16), atol=1e-5)


def test_all_else_is_untouched(images):
    net = network().train()
    net[2].eval()  # a mode of its own
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    recompute_batch_norm(net, [images])
    assert [module.training for module in net.modules()] == modes
    assert all(module.track_running_stats for module in (net[0], net[2]))
    assert not any(module._forward_pre_hooks for module in net.modules())
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {f"{i}.{what}" for i in (0, 2) for what in ("running_mean", "running_var", "num_batches_tracked")}


def test_a_failure_half_way_changes_nothing(images):
    net = network().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(RuntimeError):
        recompute_batch_norm(net, [images, images[:, :1]])
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(module.training for module in net.modules())
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_dropout_does_not_disturb_the_statistics(images):
    net = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm2d(2)).train()
    recompute_batch_norm(net, [images])
    torch.testing.assert_close(net[1].running_mean, images.mean((0, 2, 3)))


def test_what_has_nothing_to_recompute_is_refused(images):
    with pytest.raises(InvalidInputError, match="no batch normalization"):
        recompute_batch_norm(nn.Linear(2, 2), [images])
    with pytest.raises(InvalidInputError, match="no batch normalization"):
        recompute_batch_norm(nn.BatchNorm2d(2, track_running_stats=False), [images])
    with pytest.raises(InvalidInputError, match="saw no numbers"):
        recompute_batch_norm(network(), [])


def test_a_merge_whose_variance_collapsed_is_repaired(images):
    """Two nets with opposite filters: halfway there is nothing left but the bias, which the old statistics blow up."""
    torch.manual_seed(0)
    nets = [nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)) for _ in range(2)]
    with torch.no_grad():
        nets[1][0].weight.copy_(-0.9 * nets[0][0].weight)
    for net in nets:
        recompute_batch_norm(net, [images])
    models = CheckpointPath([net.state_dict() for net in nets]).as_models(nets[0])

    def repaired(model):
        recompute_batch_norm(model, images.split(20))
        return model

    def spread(model):
        return model(images).std((0, 2, 3))

    with torch.no_grad():
        assert (spread(models.at(0.5)) < 0.1).all()
        torch.testing.assert_close(spread(transform(models, repaired).at(0.5)), torch.ones(4), rtol=1e-2, atol=0)
        with transform(models, repaired).lease(0.5) as model:
            torch.testing.assert_close(spread(model), torch.ones(4), rtol=1e-2, atol=0)
        torch.testing.assert_close(spread(nets[0].eval()), torch.ones(4), rtol=1e-2, atol=0)  # given back
