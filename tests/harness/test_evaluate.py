import math
import os
import random
import threading
import warnings
from dataclasses import dataclass, replace

import joblib
import numpy as np
import pytest
from joblib._parallel_backends import ThreadingBackend
from pandas.testing import assert_frame_equal

from continuum import Interval, Metric, Results, Simplex, evaluate, from_function, metric, product, tabulate
from continuum.core import ContinuumError, DomainError, IncompatibleError, InvalidInputError, Levels
from continuum.harness import status

SECONDS = ["build_s", "metric_s"]


@dataclass(frozen=True, eq=False)
class Line:
    """at(t) = start + t * step, with its ends; counts what it builds."""

    start: np.ndarray
    step: np.ndarray
    domain: Interval = Interval()

    def at(self, t):
        (t,) = self.domain.point(t)
        return self.start + t * self.step

    @property
    def endpoints(self):
        return {(0.0,): self.start, (1.0,): self.start + self.step}


class Counted:
    """A function that counts its calls; the count is no part of what it is."""

    def __init__(self, fn, name="counted"):
        self.fn, self.fingerprint, self.calls = fn, name, 0

    def __call__(self, *args):
        self.calls += 1
        return self.fn(*args)


class Unpicklable(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} {b}")


@pytest.fixture
def line():
    return Line(np.zeros(3), np.array([1.0, 2.0, 3.0]))


def mean(x):
    return x.mean()


def noisy(x, rng):
    return x.mean() + rng.normal()


MEAN = Metric("mean", mean, goal="max", unit="nats")
NOISY = Metric("noisy", noisy, goal="min", stochastic=True)


def numbers(results):
    return results.frame.drop(columns=SECONDS)


# --- what comes back ---------------------------------------------------------------------------------------------


def test_the_table_has_one_row_for_each_label_point_metric_and_seed_in_order(line):
    other = from_function(Interval(), lambda t: np.full(3, t))
    results = evaluate(
        line, [MEAN, NOISY], points=3, name="p", baselines={"b": other}, references={"r": np.ones(3)}, seeds=[7, 3]
    )
    frame = results.frame
    assert list(frame.columns) == [
        *("study", "label", "role", "t", "metric", "seed", "value"),
        *("goal", "unit", "build_s", "metric_s", "error"),
    ]
    assert [tuple(row) for row in frame[["label", "role", "t", "metric", "seed"]].iloc[:3].to_numpy()] == [
        ("p", "path", 0.0, "mean", 0),
        ("p", "path", 0.0, "noisy", 7),
        ("p", "path", 0.0, "noisy", 3),
    ]
    assert frame["role"].drop_duplicates().tolist() == ["path", "endpoint", "baseline", "reference"]
    assert frame.groupby("role").size().to_dict() == {"path": 9, "endpoint": 6, "baseline": 9, "reference": 3}
    assert frame.loc[frame["role"] == "reference", "t"].isna().all()
    assert frame["error"].map(lambda error: error is None).all()
    assert results.axes == ("t",)
    assert results.metrics == ("mean", "noisy")
    assert results.missing == 0
    assert results.provenance[0]["seeds"] == [7, 3]


def test_values_are_those_of_the_metric_at_the_point(line):
    frame = evaluate(line, MEAN, points=[0.25, 1]).frame
    assert frame["value"].tolist() == [0.5, 2.0, 0.0, 2.0]
    assert set(frame["unit"]) == {"nats"}


def test_points_are_canonical_distinct_and_in_the_order_asked(line):
    frame = evaluate(line, MEAN, points=[1, 0.5, {"t": 1.0}, np.float32(0.5)]).select(role="path").frame
    assert frame["t"].tolist() == [1.0, 0.5]


def test_a_stochastic_metric_draws_the_same_numbers_everywhere(line):
    other = from_function(Interval(), lambda t: np.full(3, 2 * t))
    pivot = evaluate(line, NOISY, points=5, seeds=4, baselines={"same mean": other}).pivot("noisy")
    np.testing.assert_allclose(pivot["Line"], pivot["same mean"], rtol=1e-12)


def test_a_new_metric_beside_it_does_not_change_the_draws_of_a_stochastic_one(line):
    alone, both = evaluate(line, NOISY, seeds=2), evaluate(line, [MEAN, NOISY], seeds=2)
    assert alone.frame["value"].tolist() == both.select(metric="noisy").frame["value"].tolist()


def test_metrics_by_name(line):
    results = evaluate(line, {"first": lambda x: x[0], "renamed": MEAN}, points=2)
    assert results.metrics == ("first", "renamed")
    assert set(results.select(metric="renamed").frame["goal"]) == {"max"}


def test_several_axes():
    plane = product(mix=from_function(Simplex(("a", "b")), lambda a, b: a), t=from_function(Interval(), lambda t: t))
    results = evaluate(plane, {"sum": lambda v: v["mix"] + v["t"]}, points=3)
    assert results.axes == ("mix.a", "mix.b", "t")
    assert len(results.frame) == 9
    assert results.pivot("sum").shape == (9, 1)


def test_a_baseline_is_recorded_at_the_levels_it_snaps_to(line):
    table = tabulate({0: np.zeros(3), 1: np.ones(3)})
    frame = evaluate(line, MEAN, points=5, baselines={"two": table}).select(role="baseline").frame
    assert frame["t"].tolist() == [0.0, 1.0]


def test_nan_and_infinity_are_numbers(line, tmp_path):
    odd = {"nan": lambda x: math.nan, "inf": lambda x: -math.inf, "zero": lambda x: -0.0}
    frame = evaluate(line, odd, points=1, store=tmp_path / "s.db").select(role="path").frame
    assert frame["value"].tolist() == pytest.approx([math.nan, -math.inf, 0.0], nan_ok=True)
    assert not frame["error"].notna().any()


def test_build_and_metric_time_are_apart(line):
    slow = from_function(Interval(), lambda t: threading.Event().wait(0.02))
    frame = evaluate(slow, {"quick": lambda _: 0.0}, points=2).frame
    assert (frame["build_s"] >= 0.02).all()
    assert (frame["metric_s"] < frame["build_s"]).all()


def test_a_value_is_borrowed_once_for_all_its_metrics():
    build = Counted(lambda t: t)
    path = from_function(Interval(), build)
    evaluate(path, {"a": float, "b": lambda t: -t, "c": lambda t: t * t}, points=5)
    assert build.calls == 5


def test_global_random_state_is_untouched(line):
    torch = pytest.importorskip("torch")
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    evaluate(line, [MEAN, NOISY], seeds=2)
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before


# --- what is refused, before any work ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"metrics": []}, InvalidInputError),
        ({"metrics": [MEAN, MEAN]}, InvalidInputError),
        ({"points": 0}, InvalidInputError),
        ({"points": []}, InvalidInputError),
        ({"points": True}, InvalidInputError),
        ({"points": "half"}, InvalidInputError),
        ({"points": [0.5, 1.5]}, DomainError),
        ({"points": [math.nan]}, DomainError),
        ({"seeds": 0}, InvalidInputError),
        ({"seeds": [-1]}, InvalidInputError),
        ({"seeds": [0.5]}, InvalidInputError),
        ({"seeds": [2**63]}, InvalidInputError),
        ({"n_jobs": 0}, InvalidInputError),
        ({"on_error": "ignore"}, InvalidInputError),
        ({"name": ""}, InvalidInputError),
        ({"interpolant": 3}, InvalidInputError),
        ({"baselines": {"b": object()}}, InvalidInputError),
        ({"baselines": {"Line": from_function(Interval(), float)}}, IncompatibleError),
        ({"baselines": {"b": from_function(Interval(0, 0.5), float)}}, IncompatibleError),
        ({"baselines": {"b": from_function(Simplex(("a", "b")), float)}}, IncompatibleError),
        ({"baselines": {"x": from_function(Interval(), float)}, "references": {"x": 1}}, IncompatibleError),
        ({"interpolant": from_function(Interval(axis="value"), float)}, InvalidInputError),
    ],
)
def test_bad_arguments_are_refused_before_any_work(line, tmp_path, arguments, error):
    work = Counted(mean)
    arguments = {"interpolant": line, "metrics": Metric("m", work), "store": tmp_path / "s.db"} | arguments
    with pytest.raises(error):
        evaluate(arguments.pop("interpolant"), arguments.pop("metrics"), **arguments)
    assert work.calls == 0
    assert not (tmp_path / "s.db").exists()


def test_axes_in_another_order_are_not_the_same_axes():
    path, swapped = (from_function(Simplex(axes), lambda a, b: a) for axes in (("a", "b"), ("b", "a")))
    with pytest.raises(IncompatibleError, match="axes"):
        evaluate(path, {"id": float}, baselines={"swapped": swapped})


def test_what_cannot_be_identified_can_be_evaluated_but_not_stored(tmp_path):
    drawn = (i for i in range(3))
    path = from_function(Interval(), lambda t: t if drawn else None)
    assert len(evaluate(path, {"id": float}, points=3).frame) == 3
    with pytest.raises(InvalidInputError, match="what a generator") as caught:
        evaluate(path, {"id": float}, points=3, store=tmp_path / "s.db")
    assert "path 'FunctionPath'" in caught.value.__notes__[0]


# --- failures --------------------------------------------------------------------------------------------------


def fails_late(x):
    if x[0] > 0.6:
        raise KeyError("too far")
    return x[0]


def text(x):
    return "high"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_raise_keeps_the_type_says_where_and_stores_what_is_finished(line, tmp_path, n_jobs):
    store = tmp_path / "s.db"
    with joblib.parallel_config(backend="threading"), pytest.raises(KeyError, match="too far") as caught:
        evaluate(line, [MEAN, Metric("late", fails_late)], points=5, store=store, n_jobs=n_jobs)
    first = "0.75" if n_jobs == 1 else ""  # of several at the same time any may be the first
    assert f"while computing metric 'late' (seed 0) on path 'Line' at ({first}" in caught.value.__notes__[0]
    done = Results.load(store)
    path = done.select(role="path")
    assert path.select(metric="mean").frame["t"].tolist()[:4] == [0.0, 0.25, 0.5, 0.75]
    assert path.select(metric="late").frame["t"].tolist() == [0.0, 0.25, 0.5]
    assert done.failed.empty
    assert done.missing > 0


def test_record_stores_the_failure_and_goes_on(line, tmp_path):
    results = evaluate(line, [Metric("late", fails_late), MEAN], points=5, store=tmp_path / "s.db", on_error="record")
    failed = results.select(role="path").failed
    assert failed["t"].tolist() == [0.75, 1.0]
    assert set(failed["error"]) == {"KeyError: 'too far'"}
    assert failed["value"].isna().all()
    assert len(results.select(metric="mean").frame) == 7
    assert status(tmp_path / "s.db").to_numpy().tolist() == [["Line", 14, 11, 3]]


def test_a_metric_that_returns_text_has_failed(line):
    results = evaluate(line, Metric("text", text), points=1, on_error="record")
    assert "must return one real number" in results.failed["error"].iloc[0]


def test_a_path_that_cannot_be_built_fails_all_metrics_there(tmp_path):
    def build(t):
        if t == 0.5:
            raise MemoryError("too big")
        return t

    path = from_function(Interval(), build)
    results = evaluate(path, {"a": float, "b": float}, points=3, on_error="record")
    assert results.failed[["t", "metric"]].to_numpy().tolist() == [[0.5, "a"], [0.5, "b"]]
    with pytest.raises(MemoryError) as caught:
        evaluate(path, {"a": float}, points=3)
    assert "while building path 'FunctionPath' at (0.5,)" in caught.value.__notes__


def test_a_lease_is_given_back_after_a_failure():
    class Leased:
        domain, held = Interval(), 0

        def at(self, t):
            return float(t[0])

        def lease(self, t):
            return self

        def __enter__(self):
            self.held += 1
            return 1.0

        def __exit__(self, *error):
            self.held -= 1

    path = Leased()
    for on_error in ("raise", "record"):
        try:
            evaluate(path, {"bad": lambda v: 1 / 0}, points=2, on_error=on_error)
        except ZeroDivisionError:
            assert on_error == "raise"
        assert path.held == 0


def test_stored_failures_are_retried_only_when_asked(line, tmp_path):
    work = Counted(fails_late)
    late = Metric("late", work)
    counts = []
    for options in ({}, {}, {"retry_errors": True}):
        evaluate(line, late, points=5, store=tmp_path / "s.db", on_error="record", **options)
        counts.append(work.calls)
    with pytest.raises(KeyError):
        evaluate(line, late, points=5, store=tmp_path / "s.db")
    assert [*counts, work.calls] == [7, 7, 10, 11]
    work.fn = mean  # the cause is mended
    results = evaluate(line, late, points=5, store=tmp_path / "s.db", on_error="record", retry_errors=True)
    assert (work.calls, len(results.failed)) == (14, 0)


def test_ctrl_c_keeps_what_is_finished(line, tmp_path):
    def interrupted(x):
        if x[0] > 0.6:
            raise KeyboardInterrupt
        return x[0]

    for on_error in ("raise", "record"):
        metrics = [MEAN, Metric("stop", interrupted)]
        with pytest.raises(KeyboardInterrupt):
            evaluate(line, metrics, points=5, store=tmp_path / "s.db", on_error=on_error)
        assert len(Results.load(tmp_path / "s.db").frame) == 3 * 2 + 1
        assert Results.load(tmp_path / "s.db").failed.empty


# --- parallel --------------------------------------------------------------------------------------------------


class OneByOne(ThreadingBackend):
    """Stands for a cluster that cannot stream its results."""

    supports_return_generator = False


joblib.register_parallel_backend("one-by-one", OneByOne)


@pytest.mark.parametrize("backend", ["threading", "loky", "one-by-one"])
def test_the_table_does_not_depend_on_the_number_of_jobs(line, tmp_path, backend):
    arguments = {"points": 9, "seeds": 2, "baselines": {"b": replace(line, start=np.ones(3))}}
    alone = evaluate(line, [MEAN, NOISY], **arguments)
    with joblib.parallel_config(backend=backend):
        together = evaluate(line, [MEAN, NOISY], **arguments, n_jobs=2, store=tmp_path / "s.db")
    assert_frame_equal(numbers(alone), numbers(together))


def test_the_order_of_the_points_changes_no_number(line):
    points = [0.0, 0.25, 0.5, 0.75, 1.0]
    shuffled = [0.75, 0.0, 1.0, 0.25, 0.5]
    a, b = (evaluate(line, [MEAN, NOISY], points=p, seeds=2).select(role="path") for p in (points, shuffled))
    order = ["t", "metric", "seed"]
    assert_frame_equal(*(numbers(x).sort_values(order, ignore_index=True) for x in (a, b)))


def raises_unpicklable(x):
    raise Unpicklable(1, 2)


def test_failures_come_home_from_other_processes(line):
    with joblib.parallel_config(backend="loky"):
        with pytest.raises(KeyError, match="too far") as caught:
            evaluate(line, Metric("late", fails_late), points=5, n_jobs=2)
        assert any("fails_late" in note for note in caught.value.__notes__)
        with pytest.raises(RuntimeError, match="Unpicklable: 1 2"):
            evaluate(line, Metric("odd", raises_unpicklable), points=2, n_jobs=2)
        results = evaluate(line, Metric("late", fails_late), points=5, n_jobs=2, on_error="record")
        assert len(results.failed) == 3


def test_what_cannot_travel_ends_the_call(line):
    unpicklable = (i for i in range(3))
    with joblib.parallel_config(backend="loky"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joblib counts the tasks that it cancels
        with pytest.raises(Exception, match="pickle"):
            evaluate(line, MEAN, points=17, references={"stuck": unpicklable}, n_jobs=2)


# --- resume ----------------------------------------------------------------------------------------------------


def test_nothing_is_computed_twice_and_only_what_changed_is_computed_anew(line, tmp_path):
    work = Counted(noisy)
    calls = []

    def run(path=line, version="1", points=5, seeds=2, name="study", function="counted", goal=None, **more):
        work.fingerprint = function
        before = work.calls
        m = Metric("m", work, stochastic=True, version=version, goal=goal)
        results = evaluate(path, m, points=points, seeds=seeds, name=name, store=tmp_path / "s.db", **more)
        calls.append(work.calls - before)
        return results

    first = run()
    assert_frame_equal(run().frame, first.frame)
    run(points=9)  # 4 new points
    run(seeds=3)  # 1 new seed at 5 points and 2 ends
    run(seeds=[2, 0])
    run(version="2")
    run(function="another")
    run(name="other name")
    run(goal="max")
    run(path=Line(line.start, line.step + 1e-9))
    run(references={"r": np.ones(3)})
    run(references={"s": np.ones(3)})
    run(baselines={"itself": Line(line.start.copy(), line.step.copy())})
    assert calls == [14, 0, 8, 7, 0, 14, 14, 0, 0, 14, 2, 0, 0]
    again = run()
    assert calls[-1] == 0
    assert_frame_equal(again.frame, first.frame)


def test_changed_data_under_one_name_never_mix(line, tmp_path):
    store = tmp_path / "s.db"
    evaluate(line, MEAN, points=9, store=store, name="study")
    evaluate(Line(line.start + 1, line.step), MEAN, points=3, store=store, name="study")
    frame = Results.load(store).select(role="path").frame
    assert frame["t"].tolist() == [0.0, 0.5, 1.0]
    assert frame["value"].tolist() == [1.0, 2.0, 3.0]


def test_studies_live_side_by_side(line, tmp_path):
    store = tmp_path / "s.db"
    levels = from_function(Levels((1, 2), axis="size"), lambda k: np.full(3, k))
    evaluate(line, MEAN, points=3, store=store, name="a")
    evaluate(levels, MEAN, points=3, store=store, name="b")
    both = Results.load(store)
    assert both.axes == ("t", "size")
    assert both.studies == ("a", "b")
    assert both.select(study="a").frame["size"].isna().all()
    assert_frame_equal(
        Results.load(store, study="b").frame,
        both.select(study="b").frame.drop(columns="t"),
    )
    assert status(store).to_numpy().tolist() == [["a", 5, 5, 0], ["b", 2, 2, 0]]
    with pytest.raises(InvalidInputError, match="no study"):
        Results.load(store, study="c")


def test_provenance_names_every_run_that_made_a_number(line, tmp_path, monkeypatch):
    home = os.path.expanduser("~")
    secret = ["run.py", f"{home}/data", "--hf-token", "hf_x", "--api-key=k"]
    monkeypatch.setattr("sys.argv", secret)
    evaluate(line, MEAN, points=3, store=tmp_path / "s.db")
    evaluate(line, MEAN, points=3, store=tmp_path / "s.db")
    results = evaluate(line, MEAN, points=5, store=tmp_path / "s.db")
    assert len(results.provenance) == 2
    command = results.provenance[0]["command"]
    assert command.split()[0] == "run.py"
    assert not any(word in command for word in (home + "/", "hf_x", "=k"))


def test_a_failure_stored_in_a_file_names_no_home_folder(line, tmp_path):
    def leaky(x):
        raise OSError(f"cannot open {os.path.expanduser('~')}/secret/data.npz \udcff")

    results = evaluate(line, {"leaky": leaky}, points=1, store=tmp_path / "s.db", on_error="record")
    assert "cannot open ~/secret" in results.failed["error"].iloc[0]


def test_all_errors_of_the_library_are_caught_by_one_name(line):
    with pytest.raises(ContinuumError):
        evaluate(line, MEAN, points=[2])


@metric
def plain(x):
    return x.sum()


def test_a_decorated_metric_can_be_used_and_sent(line):
    with joblib.parallel_config(backend="loky"):
        assert evaluate(line, plain, points=3, n_jobs=2).frame["value"].tolist() == [0.0, 3.0, 6.0, 0.0, 6.0]
