"""Laws of strips of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from continuum.core import InvalidInputError
from continuum.report import image_strip


def test_each_image_is_shown_once_and_unchanged(rng: np.random.Generator, tmp_path: Any) -> None:
    one, several = rng.random((3, 4, 5)), rng.random((2, 3, 4, 5))
    figure = image_strip({"one": one, "several": several}, columns=["t = 0", 0.5, "t = 1"])
    shown = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert np.allclose(shown, [*one, *several.reshape(6, 4, 5)])
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["t = 0", "0.5", "t = 1"]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["one", "several"]
    figure.savefig(tmp_path / "strip.png", dpi=40)


def test_images_do_not_overlap(rng: np.random.Generator) -> None:
    figure = image_strip(
        {"wide": rng.random((2, 3, 3, 9)), "tall": rng.random((3, 9, 3))}, columns="abc", titles={"wide": "xyz"}
    )
    boxes = [image.get_extent() for image in figure.axes[0].images]
    for i, (left, right, bottom, top) in enumerate(boxes):
        for a, b, c, d in boxes[:i]:
            assert right <= a + 1e-9 or b <= left + 1e-9 or bottom <= d + 1e-9 or c <= top + 1e-9


def test_colour_and_blank_images_are_shown(rng: np.random.Generator) -> None:
    colour = image_strip({"colour": rng.random((1, 2, 4, 4, 3))}, columns=[0, 1])
    assert len(colour.axes[0].images) == 2
    assert len(image_strip({"blank": np.full((2, 4, 4), np.nan)}, columns=[0, 1]).axes[0].images) == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "must not be empty"),
        ({"a": np.zeros((2, 4, 4))}, r"for 3 columns, got \(2, 4, 4\)"),
        ({"a": np.zeros((4, 4))}, "must have the shape"),
        ({"a": np.zeros((3, 0, 4))}, "must have the shape"),
        ({"a": np.full((3, 4, 4), 255.0)}, r"must lie in \[0, 1\]"),
        ({"a": np.full((3, 4, 4), np.inf)}, r"must lie in \[0, 1\]"),
        ({"a": "picture"}, "must be an array"),
    ],
)
def test_what_cannot_be_shown_is_refused(rows: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        image_strip(rows, columns="abc")


def test_titles_must_fit() -> None:
    rows = {"a": np.zeros((3, 4, 4))}
    with pytest.raises(InvalidInputError, match="not in `rows`"):
        image_strip(rows, columns="abc", titles={"b": "xyz"})
    with pytest.raises(InvalidInputError, match="needs 3 texts, got 2"):
        image_strip(rows, columns="abc", titles={"a": "xy"})


@pytest.mark.parametrize("label", ["a", "mixup baseline", "MMMMMMMMMMMMMM", "W" * 200])
def test_names_stay_inside_the_figure(label: str) -> None:
    figure = image_strip({label: np.zeros((2, 3, 8, 8))}, columns=["t = 0", 0.5, "t = 1"])
    figure.draw_without_rendering()
    boxes = [tick.get_window_extent() for tick in figure.axes[0].get_yticklabels()]
    assert all(box.x0 >= 0 for box in boxes)
