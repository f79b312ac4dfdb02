"""Laws of verification: what is as it was comes out the same, what is not is named, and the store is left alone."""

from __future__ import annotations

import pytest

from continuum import Interval, Metric, evaluate, from_function
from continuum.core import IncompatibleError, InvalidInputError
from continuum.harness import Results, verify
from continuum.harness.provenance import noted, provenance

LINE = from_function(Interval(), lambda t: t)


def noisy(value, rng):
    return value + rng.normal()


def study(store, *, fn=noisy, path=LINE, name="line", points=5, on_error="raise"):
    metrics = [Metric("noisy", fn, goal="max", stochastic=True), Metric("twice", lambda x: 2 * x)]
    beside = {"baselines": {"half": from_function(Interval(), lambda t: t / 2)}, "references": {"one": 1.0}}
    options = {"seeds": 2, "points": points, "progress": False, "on_error": on_error}
    return evaluate(path, metrics, store=store, name=name, **beside, **options)


@pytest.fixture
def store(tmp_path):
    study(tmp_path / "s.db")
    return tmp_path / "s.db"


def test_what_is_as_it_was_comes_out_the_same(store):
    found = verify(store, study, share=1.0)
    assert found.is_same
    assert found.changes == ()
    assert len(found.frame) == len(Results.load(store).frame) == 3 * (5 + 5 + 1)
    assert (found.frame["stored"] == found.frame["now"]).all()


def test_a_share_is_drawn_by_its_seed_and_at_least_one_number(store):
    assert len(verify(store, study, share=0.1).frame) == 4
    assert len(verify(store, study, share=0.0).frame) == 1
    draws = [tuple(verify(store, study, share=0.2, seed=seed).frame["stored"]) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_only_the_drawn_numbers_are_computed(store):
    calls = []

    def counted(value, rng):
        calls.append(value)
        return noisy(value, rng)

    found = verify(store, lambda copy: study(copy, fn=counted), share=0.25)
    assert 0 < len(calls) == (found.frame["metric"] == "noisy").sum() < 22


def test_a_changed_metric_is_named_and_its_numbers_differ(store):
    found = verify(store, lambda copy: study(copy, fn=lambda value, rng: noisy(value, rng) + 1), share=1.0)
    assert not found.is_same
    verdicts = found.frame.groupby("metric")["verdict"].unique()
    assert list(verdicts["noisy"]) == ["differs"]
    assert list(verdicts["twice"]) == ["same"]
    assert found.changes == ("metric noisy is not what it was",)


def test_a_change_that_changes_no_number_is_named_all_the_same(store):
    found = verify(store, lambda copy: study(copy, path=from_function(Interval(), lambda t: 1 * t)), share=1.0)
    assert found.is_same
    assert found.changes == ("path line is not what it was",)


def test_rounding_is_within_the_tolerance(store):
    def run(copy):
        return study(copy, fn=lambda value, rng: noisy(value, rng) * (1 + 1e-9))

    assert verify(store, run, share=1.0).is_same
    assert not verify(store, run, share=1.0, tolerance=1e-12).is_same


def test_points_that_are_planned_no_more_are_gone(store):
    found = verify(store, lambda copy: study(copy, points=3), share=1.0)
    assert set(found.frame.loc[found.frame["verdict"] == "gone", "point"]) == {(0.25,), (0.75,)}


def test_a_metric_that_raises_now_is_told_and_the_rest_is_compared(store):
    def fails(value, rng):
        raise ZeroDivisionError("no number today")

    found = verify(store, lambda copy: study(copy, fn=fails, on_error="record"), share=1.0)
    verdicts = found.frame.groupby("metric")["verdict"].unique()
    assert list(verdicts["noisy"]) == ["fails now"]
    assert list(verdicts["twice"]) == ["same"]
    found = verify(store, lambda copy: study(copy, fn=fails), share=1.0)
    assert "the study raised ZeroDivisionError: no number today" in found.changes


def test_a_function_of_another_store_is_refused(store):
    with pytest.raises(IncompatibleError, match="none of the studies"):
        verify(store, lambda copy: study(copy, name="other"))
    with pytest.raises(InvalidInputError, match="share"):
        verify(store, study, share=2.0)
    with pytest.raises(TypeError, match="positional argument"):
        verify(store, lambda: None)


def test_one_of_several_studies_can_be_verified(store):
    study(store, name="second", points=3)
    found = verify(store, lambda copy: study(copy, name="second", points=3), studies=["second"], share=1.0)
    assert set(found.frame["study"]) == {"second"}
    assert found.is_same


def test_the_store_is_left_alone(store):
    before = store.read_bytes()
    verify(store, lambda copy: study(copy, fn=lambda value, rng: 0.0), share=1.0)
    assert store.read_bytes() == before


def test_a_store_without_numbers_has_nothing_to_verify(tmp_path):
    study(tmp_path / "s.db", fn=lambda value, rng: 1 / 0, on_error="record")
    found = verify(tmp_path / "s.db", study, share=1.0)
    assert set(found.frame["metric"]) == {"twice"}


def test_noted_facts_are_in_the_provenance_of_runs_in_the_block_only(store):
    with noted(target="studies:line"), noted(more=1):
        assert provenance()["target"] == "studies:line"
        assert provenance()["more"] == 1
    assert "target" not in provenance()
