"""The map of datasets shows every name, its place and how much to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

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


@pytest.mark.parametrize("points", [np.zeros((2, 3)), np.zeros((3, 2)), np.full((2, 2), np.nan)])
def test_what_is_no_plane_is_refused(points):
    with pytest.raises(InvalidInputError, match="coordinates"):
        dataset_map(_Shown(points))
