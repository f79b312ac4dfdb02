"""The demo at a small size: what it shows must be true of its parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from continuum.datasets import available, load
from continuum.demo import images, run

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not {"animals", "optdigits"} <= set(available()), reason="needs `continuum fetch animals optdigits`"
    ),
]


@pytest.fixture
def scene() -> images.ImageScene:
    return images.ImageScene("digits", ("animals", "optdigits"), n=40, seeds=1)


def test_no_image_of_the_target_is_in_a_source(scene: images.ImageScene) -> None:
    known = {image.tobytes() for image in images._images("digits", "all", None).x}
    assert all(image.tobytes() not in known for data in scene.joined.values() for image in data.x)


def test_shots_are_five_of_each_class_and_none_is_tested_on(scene: images.ImageScene) -> None:
    assert np.bincount(scene.shots.codes).tolist() == [5] * 10
    tested = {image.tobytes() for image in scene.test.x}
    assert not tested & {image.tobytes() for image in scene.shots.x}


def test_the_base_uses_no_label_but_those_of_the_shots(scene: images.ImageScene) -> None:
    large = replace(scene, n=300)
    distances = np.square(images._rows(large.base)[:, None] - images._rows(large.shots)[None]).sum(2)
    assert (large.base.y == large.shots.y[distances.argmin(1)]).all()
    assert (large.base.y != load("digits", n=300, seed=0).y).any()  # guessed, hence sometimes wrong


def test_a_second_run_computes_nothing_and_writes_the_same_page(
    scene: images.ImageScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(run, "scenes", lambda: [scene])
    shown = []
    page = run.run_demo(tmp_path / "new", n_jobs=1, show=shown.append)
    again = run.run_demo(tmp_path / "new", n_jobs=1, show=shown.append)
    assert page == again
    assert page.read_text().startswith("<!doctype html>")
    assert {"path", "baseline", "reference", "endpoint"} == set(shown[0].frame["role"])
    assert page.read_text().count('<div class="stop"') == 9  # the points of the line, each with images
    assert page.read_text().count('<div class="tiles">') == 2 * 9
    # A number that is computed again has another time; a number from the store has the same.
    assert shown[0].frame.equals(shown[1].frame)
