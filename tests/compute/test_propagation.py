"""The propagation task: hops and ceilings against other implementations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from point_networks import states
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import cdist
from walks import blobs, one_by_one

from continuum.compute import PointCloudBatch
from continuum.compute.local_network import LocalNetwork
from continuum.compute.propagation import Propagation
from continuum.compute.propagation_tasks import digit_pairs, spiral_arms
from continuum.core import InvalidInputError


def chain(length=5, seed=0, together=None):
    """Points in a row at distance 1; the first `together` of them belong to the part of the seed."""
    cloud = torch.zeros(1, length, 2)
    cloud[0, :, 0] = torch.arange(length)
    cloud[0, seed, 1] = 1
    labels = torch.arange(length)[None] < (length if together is None else together)
    return Propagation(PointCloudBatch(cloud), labels, radius=1.0)


TASKS = {
    "arms": lambda: spiral_arms(40, seed=3),
    "short arms": lambda: spiral_arms(40, seed=3, least=1, most=4),
    "pairs": lambda: digit_pairs(blobs(), 40, seed=3),
}


@pytest.fixture(params=TASKS)
def task(request):
    return TASKS[request.param]()


def hops_by_scipy(points, seeds, radius):
    near = cdist(points, points) <= radius
    lengths = shortest_path(near.astype(float), unweighted=True, indices=np.flatnonzero(seeds)).min(0)
    return np.where(np.isfinite(lengths), lengths, -1).astype(int)


# Hops and ceilings


def test_hops_are_those_of_another_search(task):
    for points, seeds, _, hops in one_by_one(task):
        np.testing.assert_array_equal(hops, hops_by_scipy(points, seeds, task.radius))


def test_hops_of_several_seeds_are_to_the_nearest():
    cloud = torch.tensor([[[0.0, 1], [1, 0], [2, 0], [3, 0], [4, 1], [9, 0]]])
    task = Propagation(PointCloudBatch(cloud), torch.ones(1, 6, dtype=torch.bool), radius=1.0)
    assert task.hops.tolist() == [[0, 1, 2, 1, 0, -1]]
    assert task.hops_needed.tolist() == [2]


def test_padding_is_no_neighbour_even_at_the_place_of_a_point():
    first, second = torch.tensor([[0.0, 1], [0.5, 0]]), torch.tensor([[0.0, 1], [1, 0], [2, 0]])
    task = Propagation(PointCloudBatch.from_list([first, second]), torch.ones(2, 3, dtype=torch.bool), radius=1.0)
    assert task.hops.tolist() == [[0, 1, -1], [0, 1, 2]]
    assert not task.labels[0, 2]


def ball(points, centres, radius):
    """Points within a radius of one of some points."""
    return (cdist(points, points[centres]) <= radius).any(1)


@pytest.mark.parametrize("steps", [0, 1, 3, 7])
def test_the_ceiling_is_what_growing_a_ball_hop_by_hop_gets_right(task, steps):
    right = []
    for points, seeds, labels, _ in one_by_one(task):
        known = seeds
        for _ in range(steps):
            known = ball(points, np.flatnonzero(known), task.radius)
        right.append(known == labels)
    assert task.ceiling(steps) == pytest.approx(np.mean([np.mean(r) for r in right]), abs=1e-6)
    assert task.exact_ceiling(steps) == pytest.approx(np.mean([np.all(r) for r in right]), abs=1e-6)


def test_ceilings_never_fall_and_end_after_the_hops_that_are_needed(task):
    last = int(task.hops_needed.max())
    for ceiling in (task.ceiling, task.exact_ceiling):
        heights = [ceiling(steps) for steps in range(last + 3)]
        assert heights == sorted(heights)
        assert heights[last] == heights[-1] == ceiling(10_000)


def test_without_steps_only_the_seeds_are_known():
    task = chain(4, seed=1)
    assert task.known(0).tolist() == [[False, True, False, False]]
    assert task.ceiling(0) == 0.25


def test_the_ceiling_of_a_chain_is_exact():
    task = chain(5, together=4)  # the last point is within reach, yet in another part
    assert [task.ceiling(steps) for steps in range(5)] == pytest.approx([0.4, 0.6, 0.8, 1.0, 0.8])
    assert [task.exact_ceiling(steps) for steps in (2, 3, 4)] == [0, 1, 0]


def test_a_local_network_hears_of_the_seed_where_the_ceiling_says_so():
    task = spiral_arms(6, seed=1).to(torch.float64)
    silent = task.clouds.moved(task.clouds.points * torch.tensor([1, 1, 0]))
    network = LocalNetwork(radius=task.radius).double()
    for steps in (1, 2, 5):
        change = (states(network, task.clouds, steps) - states(network, silent, steps)).abs().amax(-1)
        assert torch.equal(change > 1e-12, task.known(steps))  # rounding is below 1e-15, news above 1e-8


# Answers


def test_answers_are_decisions_or_logits():
    task = chain(4, together=2)
    assert task.accuracy(torch.tensor([[True, True, True, False]])) == 0.75
    assert task.accuracy(torch.tensor([[3.0, 0.1, 2.0, -0.1]])) == 0.75
    assert task.exact(torch.tensor([[3.0, 0.1, -2.0, -0.1]])) == 1


def test_every_cloud_counts_the_same_and_padding_does_not_count():
    clouds = PointCloudBatch.from_list(
        [torch.tensor([[0.0, 1], [1, 0]]), torch.tensor([[0.0, 1], [1, 0], [2, 0], [3, 0]])]
    )
    task = Propagation(clouds, torch.ones(2, 4, dtype=torch.bool), radius=1.0)
    answers = torch.tensor([[True, True, True, False], [True, False, False, False]])
    assert task.accuracies(answers).tolist() == [1, 0.25]
    assert task.accuracy(answers) == 0.625
    assert task.exact(answers) == 0.5
    logits = torch.tensor([[1.0, 1, torch.nan, torch.nan], [1, -1, -1, -1]])
    assert task.accuracy(logits) == 0.625


def test_labels_are_perfect_answers_and_their_opposites_the_worst(task):
    assert task.accuracy(task.labels) == task.exact(task.labels) == 1
    assert task.accuracy(~task.labels) == task.exact(~task.labels) == 0


def test_some_of_the_clouds_are_a_task_of_their_own(task):
    rows = torch.tensor([5, 2])
    part = task[rows]
    width = part.clouds.points.shape[1]
    assert torch.equal(part.hops, task.hops[rows][:, :width])
    assert torch.equal(part.labels, task.labels[rows][:, :width])
    assert len(task[:7]) == 7
    assert task[[5, 2]].ceiling(3) == pytest.approx(float(task.accuracies(task.known(3))[rows].mean()))


# Refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": torch.ones(1, 4)}, "must be boolean"),
        ({"labels": torch.ones(1, 3, dtype=torch.bool)}, r"shape \(1, 4\)"),
        ({"radius": 0.0}, "`radius` must be positive"),
        ({"clouds": PointCloudBatch(torch.full((1, 4, 2), 0.5))}, "1 at a seed and 0 elsewhere"),
        ({"clouds": PointCloudBatch(torch.zeros(1, 4, 2))}, "cloud 0 has no seed"),
    ],
)
def test_what_is_no_task_is_refused(options, message):
    good = chain(4)
    with pytest.raises(InvalidInputError, match=message):
        Propagation(**{"clouds": good.clouds, "labels": good.labels, "radius": 1.0, **options})


@pytest.mark.parametrize(
    ("answers", "message"),
    [(torch.ones(1, 4, 1), "one entry for each point"), (torch.full((1, 4), torch.nan), "NaN")],
)
def test_answers_of_another_shape_or_without_meaning_are_refused(answers, message):
    with pytest.raises(InvalidInputError, match=message):
        chain(4).accuracy(answers)


@pytest.mark.parametrize("steps", [-1, 1.5, "two", True])
def test_steps_are_whole_numbers(steps):
    with pytest.raises(InvalidInputError, match="`steps` must be"):
        chain(4).ceiling(steps)
