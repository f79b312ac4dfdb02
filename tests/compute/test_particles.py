"""Batches of point clouds: padding is what the mask says, and a cloud is the measure that it is."""

import pytest
import torch

from continuum.compute import PointCloudBatch
from continuum.core import InvalidInputError

CLOUDS = [torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]])]


def test_a_list_and_its_batch_are_the_same_clouds():
    batch = PointCloudBatch.from_list(CLOUDS)
    assert len(batch) == 2
    assert batch.counts.tolist() == [1, 3]
    assert batch.dimension == 2
    for cloud, again in zip(CLOUDS, batch.clouds(), strict=True):
        assert torch.equal(cloud, again)


def test_a_point_at_the_origin_is_a_point():
    batch = PointCloudBatch.from_list(CLOUDS)
    assert batch.weights[0].tolist() == [1.0, 0.0, 0.0]
    torch.testing.assert_close(batch.weights[1], torch.full((3,), 1 / 3))
    torch.testing.assert_close(batch.mean[1], torch.tensor([4 / 3, 2.0]))


def test_padded_rows_are_zero_whatever_they_held():
    points = torch.tensor([[[1.0], [torch.nan]]])
    batch = PointCloudBatch(points, torch.tensor([[True, False]]))
    assert batch.points.tolist() == [[[1.0], [0.0]]]
    assert batch.weights.tolist() == [[1.0, 0.0]]


def test_picked_clouds_are_padded_no_further_than_they_need():
    batch = PointCloudBatch.from_list(CLOUDS)
    assert batch[:1].points.shape == (1, 1, 2)
    assert batch[torch.tensor([1, 0])].counts.tolist() == [3, 1]
    assert batch[torch.tensor([False, True])].counts.tolist() == [3]


def test_fewer_points_are_among_more_and_do_not_depend_on_other_clouds():
    generator = torch.Generator().manual_seed(0)
    clouds = [torch.randn(m, 2, generator=generator) for m in (5, 20, 50)]
    batch = PointCloudBatch.from_list(clouds)
    few, many = batch.thinned(8), batch.thinned(16)
    assert few.counts.tolist() == [5, 8, 8]
    assert many.counts.tolist() == [5, 16, 16]
    for a, b, whole in zip(few.clouds(), many.clouds(), clouds, strict=True):
        assert {tuple(row) for row in a.tolist()} <= {tuple(row) for row in b.tolist()}
        assert {tuple(row) for row in b.tolist()} <= {tuple(row) for row in whole.tolist()}
    alone = batch[torch.tensor([2])].thinned(8)
    assert torch.equal(alone.points, few.points[2:])
    torch.testing.assert_close(few.weights.sum(1), torch.ones(3))


def test_masses_come_with_their_points_when_clouds_are_thinned():
    weights = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    batch = PointCloudBatch(torch.arange(4.0).reshape(1, 4, 1), weights=weights).thinned(2)
    taken = weights[0, batch.points[0, :, 0].long()]
    torch.testing.assert_close(batch.weights[0], taken / taken.sum())


def test_a_batch_goes_to_another_precision():
    batch = PointCloudBatch.from_list(CLOUDS).to(torch.float64)
    assert batch.points.dtype == batch.weights.dtype == torch.float64
    assert batch.mask.dtype == torch.bool


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2, 3),), r"must be \(b, m, d\)"),
        ((torch.zeros(2, 3, 2, dtype=torch.long),), "floating-point"),
        ((torch.zeros(0, 3, 2),), "is empty"),
        ((torch.tensor([[[1.0], [torch.inf]]]),), "first at point 1 of cloud 0"),
        ((torch.zeros(2, 2, 1), torch.tensor([[True, True], [False, False]])), "cloud 1 has no point"),
        ((torch.zeros(1, 2, 1), torch.tensor([[1, 1]])), "`mask` must be boolean"),
        ((torch.zeros(1, 2, 1), None, torch.tensor([[0.5, 0.6]])), "sum to 1.1"),
        ((torch.zeros(1, 2, 1), None, torch.tensor([[-0.5, 1.5]])), "not negative"),
        ((torch.zeros(1, 2, 1), None, torch.tensor([[torch.nan, 1.0]])), "finite"),
        ((torch.zeros(1, 2, 1), None, torch.tensor([[1.0]])), "must have shape"),
    ],
)
def test_bad_clouds_have_one_clear_error(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        PointCloudBatch(*arguments)


@pytest.mark.parametrize(
    ("clouds", "message"),
    [
        ([], "`clouds` is empty"),
        ([torch.zeros(2, 2), torch.zeros(2, 3)], "cloud 1 has shape"),
        ([torch.zeros(2, 2), torch.zeros(0, 2)], "cloud 1 has no point"),
        ([torch.zeros(2)], "cloud 0 has shape"),
    ],
)
def test_bad_lists_have_one_clear_error(clouds, message):
    with pytest.raises(InvalidInputError, match=message):
        PointCloudBatch.from_list(clouds)


def test_masses_that_do_not_belong_to_points_are_refused():
    with pytest.raises(InvalidInputError, match="one mass for each point"):
        PointCloudBatch.from_list([torch.zeros(2, 1)], weights=[[0.5, 0.25, 0.25]])


def test_a_single_cloud_is_not_picked_by_its_number():
    with pytest.raises(InvalidInputError, match="picked by a slice"):
        PointCloudBatch.from_list(CLOUDS)[0]
