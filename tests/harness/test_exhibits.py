"""Laws of what a store keeps of the looks of values: it comes back as it was, and never beside numbers of others."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

import numpy as np
import pytest

from continuum import Interval, evaluate, metric
from continuum.core import ContinuumWarning, IncompatibleError, InvalidInputError, StoreError
from continuum.harness import Clouds, Facts, Images, Texts, keep_exhibits, kept_exhibits
from continuum.harness.exhibits import packed_exhibits, unpacked_exhibits


@dataclass(frozen=True, eq=False)
class Grey:
    """Images that get brighter along the path; it counts how many were built."""

    scale: float = 1.0
    built: list[float] = field(default_factory=list)
    domain: Interval = Interval()

    def at(self, t):
        (t,) = self.domain.point(t)
        self.built.append(t)
        return np.full((2, 4, 4), self.scale * t)


@metric(goal="max")
def brightness(x):
    return float(x.mean())


def show(x):
    return Images(x), Facts({"mean": f"{x.mean():.3g}"})


def same(one, other):
    if isinstance(one, Texts | Facts):
        return one == other
    if isinstance(one, Images):
        return np.array_equal(one.pixels, other.pixels) and one.captions == other.captions
    pairs = zip(one.points + one.groups, other.points + other.groups, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs) and one.captions == other.captions


@pytest.fixture
def store(tmp_path):
    return tmp_path / "grey.db"


def run(store, path=None, **options):
    return evaluate(path or Grey(), brightness, points=5, store=store, name="grey", progress=False, **options)


def test_exhibits_come_back_as_they_were(rng):
    shown = (
        Images(rng.random((2, 3, 4)), ("a", "b")),
        Images(rng.random((1, 3, 4, 3))),
        Texts(("one", "zwölf \ud800"[:5]), ("prompt", "")),
        Clouds((rng.random((5, 3)), rng.random((2, 3))), (np.arange(5), np.arange(2)), ("left", "right")),
        Facts({"parameters": 3}),
    )
    back = unpacked_exhibits(packed_exhibits(shown))
    assert len(back) == len(shown)
    assert all(map(same, shown, back))
    assert packed_exhibits(back) == packed_exhibits(shown)


def test_pixels_are_kept_with_eight_bits():
    assert Images(np.array([[[0.0, 1.0, 0.5]]])).pixels.tolist() == [[[0, 255, 128]]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Images(np.zeros((3, 3))),
        lambda: Images(np.zeros((0, 3, 3))),
        lambda: Images(np.full((1, 2, 2), 255.0)),
        lambda: Images(np.full((1, 2, 2), np.nan)),
        lambda: Images(np.zeros((2, 3, 3)), ("one",)),
        lambda: Texts("one text"),
        lambda: Texts(()),
        lambda: Clouds(()),
        lambda: Clouds((np.zeros((3, 4)),)),
        lambda: Clouds((np.full((3, 2), np.inf),)),
        lambda: Clouds((np.zeros((3, 2)),), (np.zeros(2),)),
    ],
)
def test_what_cannot_be_shown_is_refused(make):
    with pytest.raises(InvalidInputError):
        make()


def test_every_point_is_drawn_once(store):
    path, results = Grey(), run(store)
    assert keep_exhibits(path, show, store=store, study="grey") == 5
    assert keep_exhibits(path, show, store=store, study="grey") == 0
    kept = kept_exhibits(store)
    assert [one.point for one in kept] == [(0.0,), (0.25,), (0.5,), (0.75,), (1.0,)]
    assert same(kept[2].exhibits[0], Images(np.full((2, 4, 4), 0.5)))
    assert kept[4].exhibits[1].rows == {"mean": "1"}
    assert len(results.frame) == 5


def test_a_few_points_and_named_points_can_be_drawn(store):
    run(store)
    assert keep_exhibits(Grey(), show, store=store, study="grey", points=3) == 3
    assert [one.point for one in kept_exhibits(store)] == [(0.0,), (0.5,), (1.0,)]
    assert keep_exhibits(Grey(), show, store=store, study="grey", points=[0.25]) == 1
    with pytest.raises(InvalidInputError, match=r"no point \(0.3,\)"):
        keep_exhibits(Grey(), show, store=store, study="grey", points=[0.3])


def test_baselines_and_references_are_drawn_too(store):
    beside = {"baselines": {"dim": Grey(0.5)}, "references": {"black": np.zeros((2, 4, 4))}}
    run(store, **beside)
    assert keep_exhibits(Grey(), show, store=store, study="grey", points=2, **beside) == 5
    assert {one.label for one in kept_exhibits(store, study="grey")} == {"grey", "dim", "black"}
    with pytest.raises(IncompatibleError, match="bright"):
        keep_exhibits(Grey(), show, store=store, study="grey", baselines={"bright": Grey()})


def test_no_old_picture_stands_beside_new_numbers(store):
    run(store)
    keep_exhibits(Grey(), show, store=store, study="grey")
    run(store, Grey(0.5))
    assert kept_exhibits(store) == ()
    keep_exhibits(Grey(0.5), show, store=store, study="grey", points=1)
    assert len(kept_exhibits(store)) == 1


def test_a_damaged_exhibit_is_left_out(store):
    run(store)
    keep_exhibits(Grey(), show, store=store, study="grey", points=2)
    with sqlite3.connect(store) as db:
        db.execute("UPDATE exhibit SET content = x'00' WHERE point = '[0.0]'")
    with pytest.warns(ContinuumWarning, match=r"1 exhibit\(s\) cannot be read"):
        assert [one.point for one in kept_exhibits(store)] == [(1.0,)]
    with pytest.raises(StoreError, match="damaged"):
        unpacked_exhibits(b"no")


def test_a_store_without_exhibits_has_none(store):
    run(store)
    with sqlite3.connect(store) as db:
        db.execute("DROP TABLE exhibit")  # as older versions made it
    assert kept_exhibits(store) == ()


def test_wrong_studies_and_drawings_are_refused(store):
    run(store)
    with pytest.raises(InvalidInputError, match="no study 'gray'"):
        keep_exhibits(Grey(), show, store=store, study="gray")
    with pytest.raises(InvalidInputError, match="must be Images, Texts, Clouds or Facts"):
        keep_exhibits(Grey(), lambda x: x, store=store, study="grey")
    noise = np.random.default_rng(0).random((40, 256, 256))
    with pytest.raises(InvalidInputError, match="show fewer"):
        keep_exhibits(Grey(), lambda x: Images(noise), store=store, study="grey")
