"""Laws of pictures of point clouds: one frame for all, and what is near is seen."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

from continuum.core import InvalidInputError
from continuum.report import cloud_strip
from continuum.report.clouds import cloud_png, frame_of


def pixels(cloud: Any, frame: Any, groups: Any = None) -> Any:
    return np.asarray(Image.open(io.BytesIO(cloud_png(cloud, frame, groups)))).astype(int)


@pytest.mark.parametrize("d", [2, 3])
def test_the_frame_holds_every_cloud(rng: np.random.Generator, d: int) -> None:
    clouds = [rng.normal(size=(50, d)), 7 + rng.normal(size=(20, d))]
    frame = frame_of(clouds)
    for cloud in clouds:
        assert (abs(cloud - frame.centre).max(axis=1) < frame.radius).all()


def test_a_moved_cloud_is_seen_to_move_in_one_frame(rng: np.random.Generator) -> None:
    cloud = rng.normal(size=(100, 2))
    moved = cloud + np.array([4.0, 0.0])
    columns = [np.nonzero(pixels(x, frame_of([cloud, moved]))[..., 3])[1].mean() for x in (cloud, moved)]
    assert columns[1] - columns[0] > 50


def test_a_point_is_drawn_where_it_is() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 1.0]])
    seen = pixels(np.array([[1.0, 1.0]]), frame_of([corners]))[..., 3]
    rows, columns = np.nonzero(seen)
    side = len(seen)
    assert rows.max() < 0.1 * side  # up is larger
    assert columns.min() > 0.9 * side


def test_what_is_near_covers_what_is_far() -> None:
    # Seen from where a cloud in space is looked at, the two points lie behind each other.
    away = np.array([np.sin(np.radians(35)) * np.cos(np.radians(22)), np.cos(np.radians(35)) * np.cos(np.radians(22))])
    depth = np.array([*away, np.sin(np.radians(22))])
    frame = frame_of([np.eye(3), -np.eye(3)])
    for order in ([0, 1], [1, 0]):
        cloud, groups = np.stack([0.5 * depth, -0.5 * depth])[order], np.array([0, 1])[order]
        seen = pixels(cloud, frame, groups)
        middle = seen[len(seen) // 2, len(seen) // 2]
        assert middle[0] > middle[2]  # the near one, of the second colour, which is red


def test_groups_are_told_by_colour(rng: np.random.Generator) -> None:
    cloud = rng.normal(size=(60, 2))
    frame = frame_of([cloud])
    assert not np.array_equal(pixels(cloud, frame), pixels(cloud, frame, np.arange(60) % 2))


def test_one_point_has_a_frame() -> None:
    assert pixels(np.zeros((1, 3)), frame_of([np.zeros((1, 3))]))[..., 3].max() > 0


def test_a_strip_has_a_picture_for_each_coordinate(rng: np.random.Generator, tmp_path: Any) -> None:
    clouds = [rng.normal(size=(n, 3)) for n in (5, 6, 7)]
    figure = cloud_strip(
        {"path": clouds, "baseline": clouds}, columns=[0, "t = 0.5", 1], groups={"path": [[0] * 5, [1] * 6, [2] * 7]}
    )
    figure.savefig(tmp_path / "strip.png", dpi=40)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["0", "t = 0.5", "1"]
    assert [len(axes.collections[0].get_offsets()) for axes in figure.axes] == [5, 6, 7] * 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "must not be empty"),
        ({"a": [np.zeros((3, 2))] * 2}, "must be 3 finite clouds"),
        ({"a": [np.zeros((0, 2))] * 3}, "must be 3 finite clouds"),
        ({"a": [np.full((2, 2), np.nan)] * 3}, "must be 3 finite clouds"),
        ({"a": [np.zeros((3, 4))] * 3}, "2 or all 3 coordinates"),
        ({"a": [np.zeros((3, 2)), np.zeros((3, 3)), np.zeros((3, 2))]}, "2 or all 3 coordinates"),
    ],
)
def test_what_cannot_be_shown_is_refused(rows: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        cloud_strip(rows, columns=[0, 1, 2])
