"""What a metric found on single items: kept, read back bit for bit, and never mixed up."""

import multiprocessing
import sqlite3

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum import Interval, Metric, PerItem, Results, evaluate, from_function
from continuum.core import ContinuumWarning, InvalidInputError
from continuum.harness.items import pack

LINE = from_function(Interval(), lambda t: t)
EDGES = np.linspace(0.05, 0.95, 10)
HITS = Metric("hits", lambda t: PerItem(t > EDGES, decisions=np.round(10 * t * EDGES).astype(int)), goal="max")


def noisy(t, rng):
    return PerItem(t + rng.normal(size=4))


NOISY = Metric("noisy", noisy, goal="min", stochastic=True)


@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=20), st.booleans())
def test_items_are_unpacked_bit_for_bit(values, have_decisions):
    values = np.array(values)
    decisions = np.arange(len(values)) - 3 if have_decisions else None
    read = pack(PerItem(values, decisions)).unpack()
    np.testing.assert_array_equal(read.values, values)
    assert read.decisions is None if decisions is None else (read.decisions == decisions).all()


def test_the_number_is_the_mean_of_its_items():
    results = evaluate(LINE, [HITS, NOISY], points=3, seeds=2, name="p")
    for name in ("hits", "noisy"):
        part = results.select(metric=name).frame.sort_values(["t", "seed"])
        np.testing.assert_array_equal(results.items("p", name).mean(axis=1), part["value"])


def test_curves_of_items_have_a_row_for_each_point_and_seed():
    table = evaluate(LINE, [HITS, NOISY], points=3, seeds=2, name="p").items("p", "noisy")
    assert table.index.names == ["t", "seed"]
    assert table.index.tolist() == [(0.0, 0), (0.0, 1), (0.5, 0), (0.5, 1), (1.0, 0), (1.0, 1)]
    assert table.columns.tolist() == [0, 1, 2, 3]
    # The same draws at every point: each item moves as the path does.
    np.testing.assert_allclose(table.xs(1.0) - table.xs(0.0), 1.0)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_store_gives_back_the_items(tmp_path, n_jobs):
    first = evaluate(LINE, [HITS, NOISY], points=3, seeds=2, name="p", store=tmp_path / "s.db", n_jobs=n_jobs)
    again = evaluate(LINE, [HITS, NOISY], points=3, seeds=2, name="p", store=tmp_path / "s.db")
    for results in (again, Results.load(tmp_path / "s.db"), Results.load(tmp_path / "s.db").select(metric="noisy")):
        pd.testing.assert_frame_equal(results.items("p", "noisy"), first.items("p", "noisy"), check_exact=True)


def test_studies_with_other_axes_keep_their_items(tmp_path):
    for axis in ("b", "a"):
        path = from_function(Interval(axis=axis), lambda t: t)
        evaluate(path, HITS, points=3, name=axis, store=tmp_path / "s.db")
    results = Results.load(tmp_path / "s.db")
    for axis in ("a", "b"):
        assert results.select(study=axis).items(axis, "hits").index.names == [axis, "seed"]
    with pytest.raises(InvalidInputError, match="there is no label"):
        results.items("c", "hits")


def test_a_damaged_item_counts_as_missing_with_its_number(tmp_path):
    good = evaluate(LINE, HITS, points=3, name="p", store=tmp_path / "s.db")
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("UPDATE item SET numbers = x'00' WHERE key = (SELECT key FROM member WHERE position = 1)")
    db.close()
    with pytest.warns(ContinuumWarning, match="1 damaged"):
        assert Results.load(tmp_path / "s.db").missing == 1
    with pytest.warns(ContinuumWarning, match="1 damaged"):
        mended = evaluate(LINE, HITS, points=3, name="p", store=tmp_path / "s.db")
    pd.testing.assert_frame_equal(mended.items("p", "hits"), good.items("p", "hits"))
    assert Results.load(tmp_path / "s.db").missing == 0


def test_a_store_from_before_items_is_read_and_filled(tmp_path):
    evaluate(LINE, Metric("plain", float), points=3, name="p", store=tmp_path / "s.db")
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("DROP TABLE item")
    db.close()
    assert Results.load(tmp_path / "s.db").missing == 0
    results = evaluate(LINE, [Metric("plain", float), HITS], points=3, name="p", store=tmp_path / "s.db")
    assert len(results.items("p", "hits")) == 3


def test_nothing_is_known_of_items_where_the_metric_gave_a_number(tmp_path):
    results = evaluate(LINE, [HITS, Metric("plain", float)], points=3, name="p")
    with pytest.raises(InvalidInputError, match="must return `PerItem`"):
        results.items("p", "plain")
    results.save(tmp_path / "r.json")
    with pytest.raises(InvalidInputError, match="saved table does not keep them"):
        Results.load(tmp_path / "r.json").items("p", "hits")


def test_a_curve_has_a_band_over_items():
    curve = evaluate(LINE, HITS, points=3, name="p").curve("p", "hits")
    assert curve["n"].tolist() == [1, 1, 1]
    assert curve["low"].iloc[1] < 0.5 < curve["high"].iloc[1]


def test_points_with_other_numbers_of_items_are_no_obstacle():
    ragged = Metric("ragged", lambda t: PerItem(np.ones(2 if t < 0.5 else 3)), goal="max")
    results = evaluate(LINE, ragged, points=3, name="p")
    assert results.curve("p", "ragged")["mean"].tolist() == [1, 1, 1]
    assert results.items("p", "ragged").notna().sum(axis=1).tolist() == [2, 3, 3]
    assert results.summary()["verdict"].tolist() == ["unclear"]


def _fill(store):
    evaluate(LINE, NOISY, points=9, seeds=3, name="p", store=store, progress=False)


def test_two_processes_fill_one_store_with_one_set_of_items(tmp_path):
    store = str(tmp_path / "s.db")
    jobs = [multiprocessing.get_context("spawn").Process(target=_fill, args=(store,)) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0]
    alone = evaluate(LINE, NOISY, points=9, seeds=3, name="p").items("p", "noisy")
    pd.testing.assert_frame_equal(Results.load(store).items("p", "noisy"), alone, check_exact=True)
