"""Results: views, summary table, files."""

import math
import sys
import types

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from continuum import Interval, Metric, Results, Simplex, evaluate, from_function, tabulate
from continuum.core import InvalidInputError, StoreError


class Sagging:
    """u(t) = -t (1 - t), whose known answers are those of the summaries; the ends are a little better than the path."""

    domain = Interval(-1, 1)

    def at(self, x):
        (t,) = self.domain.point(x)
        s = (t + 1) / 2
        return -s * (1 - s)

    @property
    def endpoints(self):
        return {(-1.0,): 0.01, (1.0,): 0.03}


UP, DOWN = Metric("up", float, goal="max"), Metric("down", lambda u: -u, goal="min")
NEITHER = Metric("neither", float)
NOISY = Metric("noisy", lambda u, rng: u + rng.normal(), goal="max", stochastic=True)


def test_summary_has_the_known_answers_for_both_directions():
    table = from_function(Interval(-1, 1), lambda t: -0.17)
    summary = evaluate(Sagging(), [UP, DOWN], points=11, baselines={"flat": table}).summary()
    for row, sign in zip(summary[summary["label"] == "Sagging"].itertuples(), (1, -1), strict=True):
        assert (row.monotonicity, row.barrier, row.largest_jump, row.advantage) == pytest.approx(
            (0, 0.25, 1.8, -0.165), abs=1e-12
        )
        assert (row.first, row.last, row.best, row.best_t) == pytest.approx((0, 0, 0, -1))
        assert (row.best_endpoint, row.over_choosing, row.endpoint_fidelity) == pytest.approx(
            (sign * 0.03, -0.03, 0.03)
        )
        assert (row.points, row.failed) == (11, 0)
    wins = summary[summary["label"] == "Sagging"]["win_share[flat]"]
    assert wins.tolist() == [6 / 11] * 2  # -s (1 - s) > -0.17 at 0, 0.1, 0.2 and 0.8, 0.9, 1
    assert summary[summary["label"] == "flat"]["win_share[flat]"].isna().all()


def test_without_a_goal_what_needs_one_is_nan():
    row = evaluate(Sagging(), NEITHER, points=11).summary().iloc[0]
    undefined = ["best", "best_t", "best_endpoint", "over_choosing", "barrier", "frankle_barrier", "advantage"]
    assert row[undefined].isna().all()
    assert (row["monotonicity"], row["largest_jump"]) == pytest.approx((0, 1.8))
    assert row["spearman"] == pytest.approx(0, abs=1e-12)


def test_on_a_simplex_the_best_point_is_known_and_curve_numbers_are_nan():
    mix = from_function(Simplex(("a", "b", "c")), lambda a, b, c: a + 2 * b)
    row = evaluate(mix, UP, points=4).summary().iloc[0]
    assert (row["best"], row["best_a"], row["best_b"], row["best_c"]) == (2.0, 0.0, 1.0, 0.0)
    assert math.isnan(row["monotonicity"])
    assert math.isnan(row["first"])
    assert row["points"] == 10


def test_studies_with_other_axes_share_a_summary(tmp_path):
    evaluate(Sagging(), UP, points=11, store=tmp_path / "s.db", name="1-D")
    evaluate(from_function(Simplex(("a", "b")), lambda a, b: a), UP, points=3, store=tmp_path / "s.db", name="mix")
    results = Results.load(tmp_path / "s.db")
    summary = results.summary().set_index("study")
    assert summary.loc["1-D", "barrier"] == pytest.approx(0.25)
    assert math.isnan(summary.loc["mix", "barrier"])
    assert summary.loc["mix", "best_a"] == 1
    for view in (lambda: results.pivot("up"), lambda: results.curve("mix", "up")):
        with pytest.raises(InvalidInputError, match="select"):
            view()
    assert results.select(study="mix").curve("mix", "up").columns.tolist() == ["a", "b", "mean", "low", "high", "n"]


def test_a_failed_or_undefined_point_makes_curve_numbers_nan_but_not_the_best():
    def odd(u):
        if u == -0.25:
            raise ValueError("no")
        return u

    for metric in (Metric("odd", odd, goal="max"), Metric("nan", lambda u: math.nan if u == -0.25 else u, goal="max")):
        row = evaluate(Sagging(), metric, points=5, on_error="record").summary().iloc[0]
        assert math.isnan(row["barrier"])
        assert math.isnan(row["monotonicity"])
        assert (row["best"], row["points"]) == (0, 4)


def test_infinite_values_warn_nobody():
    row = (
        evaluate(Sagging(), Metric("log", lambda u: -math.inf if u == 0 else u, goal="max"), points=5).summary().iloc[0]
    )
    assert math.isnan(row["monotonicity"])
    assert row["best"] == -0.1875


def test_a_seed_that_failed_is_left_out_of_the_mean_and_counted():
    state = {"n": 0}

    def flaky(u, rng):
        state["n"] += 1
        if state["n"] == 2:
            raise ValueError("no")
        return 1.0 if state["n"] < 4 else 2.0

    results = evaluate(
        Sagging(), Metric("flaky", flaky, stochastic=True), points=[-1, 1], seeds=3, on_error="record", name="p"
    )
    curve = results.curve("p", "flaky")
    assert curve["n"].tolist() == [2, 3]
    assert curve["mean"].tolist() == [1.0, 2.0]


def test_the_interval_of_the_mean_is_students():
    stats = pytest.importorskip("scipy.stats")
    results = evaluate(Sagging(), NOISY, points=3, seeds=5, name="p")
    curve, frame = results.curve("p", "noisy"), results.select(role="path").frame
    for row in curve.itertuples():
        values = frame.loc[frame["t"] == row.t, "value"]
        low, high = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
        assert (row.mean, row.low, row.high, row.n) == pytest.approx((values.mean(), low, high, 5))


def test_one_seed_has_no_interval():
    curve = evaluate(Sagging(), NOISY, points=3, name="p").curve("p", "noisy")
    assert curve["mean"].notna().all()
    assert curve[["low", "high"]].isna().all(axis=None)


def test_a_reference_has_one_row_without_coordinates():
    curve = evaluate(Sagging(), NOISY, points=2, references={"zero": 0.0}, seeds=3).curve("zero", "noisy")
    assert curve.columns.tolist() == ["mean", "low", "high", "n"]
    assert curve["n"].tolist() == [3]


def test_curves_and_pivots_are_sorted_and_leave_the_endpoints_out():
    results = evaluate(Sagging(), UP, points=[1, 0, -1], baselines={"b": tabulate({-1: 1.0, 1: 2.0})}, name="p")
    assert results.curve("p", "up")["mean"].tolist() == [0.0, -0.25, 0.0]
    pivot = results.pivot("up")
    assert pivot.columns.tolist() == ["p", "b"]
    assert pivot["b"].tolist() == pytest.approx([1.0, math.nan, 2.0], nan_ok=True)


def test_tracking_of_a_tabulated_baseline():
    line = from_function(Interval(), lambda t: t)
    summary = evaluate(line, UP, points=5, baselines={"trained": tabulate({0: 0.5, 1: 1.0})}).summary()
    assert summary["tracking_rmse[trained]"].iloc[0] == pytest.approx(math.sqrt(0.125))
    assert summary["win_share[trained]"].iloc[0] == 0


def test_select_and_its_refusals():
    results = evaluate(Sagging(), [UP, DOWN], points=3, references={"r": 0.0})
    assert len(results.select(role="path", metric="up").frame) == 3
    assert results.select(label="r").labels == ("r",)
    for wanted in ({"label": "x"}, {"metric": "x"}, {"role": "x"}, {"study": "x"}):
        with pytest.raises(InvalidInputError, match="there are"):
            results.select(**wanted)


@pytest.fixture
def awkward():
    """Results with everything that a text file could spoil."""

    def fails(u):
        raise ValueError('a "quoted", line\nand\r\nanother; ünïcode')

    third = Metric("third", lambda u: u / 3 if u else math.inf, goal="min", unit="nats")
    return evaluate(
        Sagging(), [third, Metric("nan", lambda u: math.nan), Metric("fails", fails)], points=4, name="NA",
        references={"None": 1.0, "nan": 2.0}, on_error="record",
    )  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_saved_results_are_read_back_bit_for_bit(awkward, tmp_path, suffix):
    file = tmp_path / f"r{suffix}"
    awkward.save(file)
    read = Results.load(file)
    assert_frame_equal(read.frame, awkward.frame, check_exact=True)
    assert read.axes == awkward.axes
    assert Results.load(file, study="NA").studies == ("NA",)
    if suffix == ".json":
        assert (read.provenance, read.missing) == (awkward.provenance, awkward.missing)
    assert [item.name for item in tmp_path.iterdir()] == [file.name]


def test_a_saved_file_is_read_by_other_programs(awkward, tmp_path):
    awkward.save(tmp_path / "r.csv")
    frame = pd.read_csv(tmp_path / "r.csv", keep_default_na=False)
    assert len(frame) == len(awkward.frame)


def test_bad_files_and_places(awkward, tmp_path):
    with pytest.raises(InvalidInputError, match=r"\.csv or \.json"):
        awkward.save(tmp_path / "r.pkl")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        awkward.save(tmp_path / "file" / "r.csv")
    for name, text in {"a.csv": "x,y\n1,2\n", "b.json": "{}", "c.json": "[", "d.csv": ""}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(StoreError, match=name):
            Results.load(tmp_path / name)
    with pytest.raises(StoreError, match="none"):
        Results.load(tmp_path / "none.csv")


def test_a_save_that_fails_keeps_the_older_file(awkward, tmp_path, monkeypatch):
    file = tmp_path / "r.csv"
    file.write_text("older")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        awkward.save(file)
    assert file.read_text() == "older"
    assert list(tmp_path.iterdir()) == [file]


def test_plot_is_drawn_by_the_report(monkeypatch):
    report = types.ModuleType("continuum.report")
    report.plot_results = lambda results, metric: (results, metric)
    monkeypatch.setitem(sys.modules, "continuum.report", report)
    results = evaluate(Sagging(), UP, points=2)
    assert results.plot("up") == (results, "up")


def test_progress_is_silent_where_nobody_watches(capsys):
    evaluate(Sagging(), UP, points=3)
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal_unless_unwanted(monkeypatch):
    class Terminal:
        encoding = "utf-8"

        def __init__(self):
            self.text = ""

        def write(self, text):
            self.text += text

        def flush(self):
            pass

        def isatty(self):
            return True

    for wanted in (True, False):
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        evaluate(Sagging(), UP, points=3, name="study-name", progress=wanted)
        assert ("study-name" in terminal.text) == wanted


def test_summary_of_nothing_is_empty():
    results = evaluate(Sagging(), UP, points=2)
    assert Results(results.frame.iloc[:0], ("t",)).summary().empty
    assert np.isfinite(results.frame["value"]).all()
