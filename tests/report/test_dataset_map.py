"""The map of datasets shows every name, its place and how much to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.text import Text
from matplotlib.transforms import Bbox

from continuum.core import InvalidInputError
from continuum.report import dataset_map


@dataclass
class _Shown:
    coordinates: Any
    names: tuple[str, ...] = ("mnist", "$odd_name$")
    share: float = 0.87


def test_names_places_and_share_are_in_the_picture(tmp_path):
    points = np.array([[0.0, 1.0], [2.0, 3.0]])
    figure = dataset_map(_Shown(points), title="Datasets")
    figure.savefig(tmp_path / "map.png", dpi=40)
    (axes,) = figure.axes
    assert [line.get_xydata()[0].tolist() for line in axes.lines] == points.tolist()
    assert len(axes.texts) == 2
    assert axes.texts[0].get_text() == "mnist"
    assert "87%" in axes.get_title(loc="left")


def test_one_dataset_can_be_drawn(tmp_path):
    dataset_map(_Shown(np.zeros((1, 2)), ("only",), 0.0)).savefig(tmp_path / "map.png", dpi=40)


def boxes(figure):
    figure.draw_without_rendering()
    return [Text.get_window_extent(text) for text in figure.axes[0].texts]


@pytest.mark.parametrize("spread", [0.0, 0.05, 1.0])
def test_names_do_not_cover_each_other(rng, spread):
    points = np.concatenate([spread * rng.normal(size=(10, 2)), [[5.0, 5.0]]])
    found = boxes(dataset_map(_Shown(points, tuple(f"dataset {k}" for k in range(11)))))
    overlaps = [Bbox.intersection(p, q) for p, q in combinations(found, 2)]
    assert all(box is None or box.width * box.height < 1 for box in overlaps)  # square pixels


def test_the_same_map_is_drawn_the_same(rng):
    points = rng.normal(size=(6, 2))
    shown = _Shown(points, tuple("abcdef"))
    first, second = (boxes(dataset_map(shown)) for _ in range(2))
    np.testing.assert_array_equal([b.bounds for b in first], [b.bounds for b in second])


@pytest.mark.parametrize("points", [np.zeros((2, 3)), np.zeros((3, 2)), np.full((2, 2), np.nan)])
def test_what_is_no_plane_is_refused(points):
    with pytest.raises(InvalidInputError, match="coordinates"):
        dataset_map(_Shown(points))
