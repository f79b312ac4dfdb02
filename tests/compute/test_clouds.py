"""Sets of clouds: what an image becomes, and what a batch holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continuum.compute.clouds import CloudSet, clouds_of_images
from continuum.core import InvalidInputError
from continuum.datasets.sources import available, read

FIGURE = np.array([[0, 0, 3, 0], [0, 7, 1, 0], [0, 0, 9, 0]])
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def numbered(sizes, labels=None):
    """Clouds in the line whose points tell of which cloud and place they are: i + j / 1000."""
    return CloudSet.from_list([i + np.arange(m)[:, None] / 1000 for i, m in enumerate(sizes)], labels)


def origins(batch):
    """Which clouds the points of a batch come from, one by one."""
    return [cloud[:, 0].int().tolist() for cloud in batch.clouds()]


def places(batch):
    """Which places in their clouds the points of a batch come from, one by one."""
    return [torch.round((cloud[:, 0] % 1) * 1000).int().tolist() for cloud in batch.clouds()]


def ordered(points):
    return sorted(map(tuple, np.round(np.asarray(points, float), 4).tolist()))


def moments(image):
    """Mean of the filled pixels (row, column) of an image, and the root of their mean variance per axis."""
    filled = np.argwhere(image > 0)
    return filled.mean(0), math.sqrt(np.square(filled - filled.mean(0)).sum(1).mean() / 2)


# Images


def test_pixels_become_points_x_to_the_right_and_y_up():
    points = clouds_of_images([FIGURE])[:].points[0]
    pixels = np.array([[2, 0], [1, -1], [2, -1], [2, -2]], float)  # column, and row downwards
    centred = pixels - pixels.mean(0)
    assert ordered(points) == ordered(centred / math.sqrt(np.square(centred).sum(1).mean() / 2))


def test_an_image_can_be_drawn_again_from_its_cloud(rng):
    images = rng.integers(0, 3, (20, 9, 7))
    for image, cloud in zip(images, clouds_of_images(images)[:].clouds(), strict=True):
        (row, column), size = moments(image)
        x, y = cloud.double().numpy().T * size
        drawn = np.zeros_like(image)
        drawn[np.rint(row - y).astype(int), np.rint(column + x).astype(int)] = 1
        np.testing.assert_array_equal(drawn, image > 0)


def test_clouds_are_centred_with_a_mean_variance_of_one_and_keep_their_shape(rng):
    images = rng.random((10, 28, 28)) * (np.arange(28) % 7 < 2)  # higher than wide
    batch = clouds_of_images(images, threshold=0.5)[:]
    torch.testing.assert_close(batch.mean, torch.zeros(10, 2), rtol=0, atol=1e-5)
    for image, cloud in zip(images > 0.5, batch.clouds(), strict=True):
        assert float(cloud.square().sum(1).mean() / 2) == pytest.approx(1, abs=1e-5)
        down, across = np.argwhere(image).std(0)
        assert float(cloud[:, 1].std() / cloud[:, 0].std()) == pytest.approx(down / across, abs=1e-4)


def test_a_pixel_counts_if_it_is_above_the_threshold():
    counts = {t: int(clouds_of_images([FIGURE], threshold=t).counts[0]) for t in (0, 1, 2.5, 7)}
    assert counts == {0: 4, 1: 3, 2.5: 3, 7: 1}
    assert int(clouds_of_images([FIGURE > 2]).counts[0]) == 3


def test_a_single_pixel_lies_at_the_origin():
    assert clouds_of_images([FIGURE], threshold=8)[:].points.tolist() == [[[0, 0]]]


def test_labels_stay_with_their_images():
    clouds = clouds_of_images([FIGURE, FIGURE[::-1], FIGURE], np.array([4, 2, 4], np.uint8))
    assert clouds.labels.tolist() == [4, 2, 4]
    assert clouds.labels.dtype == torch.int64  # what losses of torch take
    assert clouds_of_images([FIGURE]).labels is None


@pytest.mark.parametrize("empty", [0, 2])
def test_an_image_without_a_pixel_is_named(empty):
    images = np.stack([FIGURE] * 4)
    images[empty] = 0
    with pytest.raises(InvalidInputError, match=f"image {empty} has no pixel above `threshold` 0"):
        clouds_of_images(images)


@pytest.mark.parametrize("images", [FIGURE, np.zeros((0, 3, 3)), np.array([[["a"]]]), [[[None]]], [FIGURE, FIGURE.T]])
def test_what_is_no_stack_of_images_is_refused(images):
    with pytest.raises(InvalidInputError, match="`images` must be numbers"):
        clouds_of_images(images)


def test_an_image_with_nan_is_named():
    images = np.stack([FIGURE] * 4).astype(float)
    images[1, 0, 0] = np.nan
    with pytest.raises(InvalidInputError, match="image 1 has NaN"):
        clouds_of_images(images)


@pytest.mark.data
def test_digits_of_mnist_have_the_known_numbers_of_points():
    if "mnist" not in available():
        pytest.skip("run `continuum fetch mnist`")
    counts = clouds_of_images(*read("mnist")).counts.double()
    assert (len(counts), counts.min(), counts.max(), counts.quantile(0.95)) == (60_000, 34, 351, 219)
    assert float(counts.mean()) == pytest.approx(149.9, abs=0.05)


# Sets


@given(sizes=SIZES)
def test_a_batch_holds_every_point_of_its_clouds_once(sizes):
    clouds = numbered(sizes)
    batch = clouds[:]
    assert batch.counts.tolist() == clouds.counts.tolist() == sizes
    assert places(batch) == [list(range(m)) for m in sizes]
    assert origins(batch) == [[i] * m for i, m in enumerate(sizes)]


@pytest.mark.parametrize("rows", [[2, 0], np.array([2, 0]), torch.tensor([2, 0]), slice(0, 3, 2)])
def test_clouds_are_picked_by_indices_and_slices_and_padded_no_further_than_needed(rows):
    batch = numbered([4, 9, 2, 1])[rows]
    assert sorted(batch.counts.tolist()) == [2, 4]
    assert batch.points.shape == (2, 4, 1)


def test_clouds_are_picked_by_a_mask():
    assert numbered([4, 9, 2])[torch.tensor([False, True, True])].counts.tolist() == [9, 2]


@pytest.mark.parametrize("rows", [1, [], slice(5, 9), torch.zeros(2, 2, dtype=torch.int64)])
def test_other_picks_are_refused(rows):
    with pytest.raises(InvalidInputError, match="picked by a slice, indices or a mask"):
        numbered([4, 9])[rows]


@given(sizes=SIZES, seed=st.integers(0, 99))
def test_a_shuffle_keeps_every_point_in_its_cloud(sizes, seed):
    shuffled = numbered(sizes).shuffled(seed)[:]
    assert [sorted(row) for row in places(shuffled)] == [list(range(m)) for m in sizes]
    assert origins(shuffled) == [[i] * m for i, m in enumerate(sizes)]


def test_every_order_of_points_is_as_likely():
    orders = [tuple(row) for row in places(numbered([3] * 6000).shuffled(0)[:])]
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6
    assert np.square(counts - 1000).sum() / 1000 < 20.5  # chi-square of 5 degrees, level 0.001


def test_the_first_clouds_of_more_images_come_out_the_same(rng):
    images = rng.integers(0, 2, (9, 5, 5))
    few, many = clouds_of_images(images[:4], seed=3), clouds_of_images(images, seed=3)
    assert torch.equal(few[:].points, many[:4].points)
    assert not torch.equal(few[:].points, clouds_of_images(images[:4], seed=4)[:].points)


@given(sizes=SIZES, count=st.integers(1, 12))
def test_prefixes_are_nested(sizes, count):
    clouds = numbered(sizes).shuffled(0)
    few, more = clouds.prefix(slice(None), count), clouds.prefix(slice(None), count + 1)
    assert few.counts.tolist() == [min(count, m) for m in sizes]
    for small, large in zip(places(few), places(more), strict=True):
        assert small == large[: len(small)]


@given(sizes=SIZES, count=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_window_is_a_stretch_of_the_cloud_around_its_end(sizes, count, seed):
    batch = numbered(sizes).window(slice(None), count, np.random.default_rng(seed))
    for row, m in zip(places(batch), sizes, strict=True):
        assert row == [(row[0] + j) % m for j in range(min(count, m))]


def test_windows_start_anywhere():
    starts = [row[0] for row in places(numbered([5] * 5000).window(slice(None), 2, np.random.default_rng(0)))]
    counts = np.bincount(starts)
    assert np.square(counts - 1000).sum() / 1000 < 18.5  # chi-square of 4 degrees, level 0.001


@given(sizes=SIZES, size=st.integers(1, 5))
def test_batches_hold_every_cloud_once_and_the_smallest_first(sizes, size):
    clouds = numbered(sizes)
    seen, counts = [], []
    for rows, batch in clouds.batches(size):
        assert len(rows) == len(batch) <= size
        assert origins(batch) == [[int(i)] * int(m) for i, m in zip(rows, batch.counts, strict=True)]
        seen += rows.tolist()
        counts += batch.counts.tolist()
    assert sorted(seen) == list(range(len(sizes)))
    assert counts == sorted(sizes)


def test_a_table_of_clouds_of_one_size_is_a_list_too(rng):
    points = rng.normal(size=(4, 6, 3)).astype(np.float32)
    clouds = CloudSet.from_list(points, [1, 0, 1, 0])
    assert (len(clouds), clouds.dimension) == (4, 3)
    np.testing.assert_array_equal(clouds[:].points, points)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CloudSet.from_list([]), "`clouds` is empty"),
        (lambda: CloudSet.from_list([np.zeros((2, 2)), np.zeros((2, 3))]), r"cloud 1 has shape \(2, 3\)"),
        (lambda: CloudSet.from_list([np.zeros(2)]), r"cloud 0 has shape \(2,\)"),
        (lambda: CloudSet.from_list([np.zeros((2, 2)), np.zeros((0, 2))]), "cloud 1 has no point"),
        (lambda: CloudSet.from_list([np.zeros((2, 2), int)]), "of a floating-point dtype"),
        (lambda: numbered([2, 3], [0]), "for each of 2 clouds"),
        (lambda: numbered([2, 3], [0.5, 1.0]), "must be a whole number"),
        (lambda: CloudSet(torch.zeros(3, 2), torch.tensor([0, 2])), "from 0 to the 3 points"),
        (lambda: CloudSet(torch.zeros(3, 2), torch.tensor([0, 2, 1, 3])), "cloud 1 has no point"),
        (lambda: numbered([2]).prefix([0], 0), "`count` must be at least 1"),
        (lambda: numbered([2]).window([0], 1.5, np.random.default_rng(0)), "`count` must be a whole number"),
        (lambda: list(numbered([2]).batches(0)), "`size` must be at least 1"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()
