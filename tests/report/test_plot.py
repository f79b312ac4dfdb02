"""Laws of the pictures: everything that was measured is in them, above all what the path has to beat."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from studies import DOMAINS, SCORE, SQUARE, Arc, line, study

from continuum import Interval, Metric, PerItem, evaluate, from_function
from continuum.core import InvalidInputError
from continuum.report import plot_results


def _lines(figure: Figure) -> list[str]:
    return [str(one.get_label()) for axes in figure.axes for one in axes.lines]


def _legend(figure: Figure) -> list[str]:
    places = [figure, *figure.subfigs]
    return [text.get_text() for place in places for legend in place.legends for text in legend.get_texts()]


def _bands(figure: Figure) -> list[Any]:
    return [c for axes in figure.axes for c in axes.collections if isinstance(c, PolyCollection)]


@pytest.mark.parametrize("name", DOMAINS)
def test_every_domain_has_a_picture_that_can_be_drawn(name: str, tmp_path: Any) -> None:
    figure = plot_results(study(DOMAINS[name], points=3))
    figure.savefig(tmp_path / "figure.png", dpi=40)
    assert (tmp_path / "figure.png").stat().st_size > 1000


@pytest.mark.parametrize("name", DOMAINS)
def test_every_picture_shows_baselines_references_and_choosing(name: str) -> None:
    figure = plot_results(study(DOMAINS[name], points=3), metric="score")
    titles = [axes.get_title() for axes in figure.axes]
    shown = " | ".join([*_legend(figure), *titles])
    for label in ("arc", "baseline 0", "baseline 1", "teacher", "best endpoint (choosing)"):
        assert label in shown


def test_there_is_one_panel_for_each_metric_and_one_line_for_each_label() -> None:
    figure = plot_results(study())
    assert [axes.get_ylabel() for axes in figure.axes] == ["score [points]", "cost"]
    for axes in figure.axes:
        labels = [str(one.get_label()) for one in axes.lines]
        for label in ("arc", "baseline 0", "baseline 1", "teacher", "endpoint", "best endpoint (choosing)"):
            assert labels.count(label) == 1


def test_one_metric_can_be_chosen() -> None:
    assert len(plot_results(study(), metric="cost").axes) == 1


def test_the_line_of_choosing_stays_with_many_baselines() -> None:
    results = study(baselines=20, seeds=1)
    figure = plot_results(results, metric="cost")
    (choosing,) = [one for one in figure.axes[0].lines if one.get_label() == "best endpoint (choosing)"]
    assert choosing.get_ydata()[0] == results.summary().query("metric == 'cost'")["best_endpoint"].iloc[0] == 2.0
    assert {f"baseline {i}" for i in range(20)} <= set(_legend(figure))


def test_a_path_that_names_no_endpoints_is_compared_with_its_ends() -> None:
    figure = plot_results(line(lambda t: (t - 0.4) ** 2, goal="min"))
    (choosing,) = [one for one in figure.axes[0].lines if "choosing" in str(one.get_label())]
    assert choosing.get_ydata()[0] == pytest.approx(0.16)


def test_nothing_is_best_without_a_goal() -> None:
    assert not [label for label in _lines(plot_results(line(lambda t: t, goal=None))) if "choosing" in label]


def test_bands_need_more_than_one_seed() -> None:
    assert not _bands(plot_results(study(seeds=1), metric="score"))
    figure = plot_results(study(seeds=3), metric="score")
    assert len(_bands(figure)) == 3  # the path and two baselines
    assert "95 % interval, 3 seeds" in _legend(figure)


def test_a_band_says_what_it_is_an_interval_over() -> None:
    items = Metric("items", lambda t: PerItem(np.arange(9.0) < 9 * t))
    both = Metric("both", lambda t, rng: PerItem(rng.random(9) < t), stochastic=True)
    results = evaluate(from_function(Interval(), lambda t: t), [items, both], points=3, seeds=2, progress=False)
    assert "95 % interval, items" in _legend(plot_results(results, metric="items"))
    assert "95 % interval, 2 seeds and items" in _legend(plot_results(results, metric="both"))


def test_the_curve_is_the_mean_and_the_band_its_interval() -> None:
    results = study()
    curve = results.curve("arc", "score")
    axes = plot_results(results, metric="score").axes[0]
    (drawn,) = [one for one in axes.lines if one.get_label() == "arc"]
    assert drawn.get_ydata() == pytest.approx(curve["mean"].to_numpy())
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(curve["high"].max())
    assert band[:, 1].min() == pytest.approx(curve["low"].min())


@pytest.mark.parametrize("label", ["_hidden", "cost $5 and $\\frac", "a\nb\x00", "x" * 300, "endpoint", "", " "])
def test_any_label_is_in_the_legend(label: str, tmp_path: Any) -> None:
    baselines = {label or "\u200b": from_function(Interval(), lambda t: 0.5 * t)}
    figure = plot_results(line(lambda t: t, baselines=baselines))
    assert len(_legend(figure)) == 3
    figure.savefig(tmp_path / "figure.png", dpi=40)


def test_long_labels_keep_their_ends_apart() -> None:
    baselines = {"x" * 80 + end: from_function(Interval(), lambda t: t) for end in "ab"}
    assert len(set(_legend(plot_results(line(lambda t: t, baselines=baselines))))) == 4


@pytest.mark.parametrize(
    ("fn", "points"),
    [
        (lambda t: t, [0.5]),
        (lambda t: 3.0, 5),
        (lambda t: 0.0, 5),
        (lambda t: 1 + 1e-15 * math.sin(40 * t), 5),
        (lambda t: math.nan, 5),
        (lambda t: math.inf if t == 0.5 else t, 5),
        (lambda t: 10.0 ** (-9 * t), 5),
    ],
    ids=["one point", "constant", "zero", "rounding noise", "all NaN", "infinite", "nine orders"],
)
def test_odd_values_are_drawn_without_warnings(
    fn: Any, points: Any, tmp_path: Any, recwarn: pytest.WarningsRecorder
) -> None:
    plot_results(line(fn, points=points)).savefig(tmp_path / "figure.png", dpi=40)
    assert not recwarn.list


def test_rounding_noise_on_a_constant_does_not_fill_the_panel() -> None:
    low, high = plot_results(line(lambda t: 1 + 1e-15 * math.sin(40 * t))).axes[0].get_ylim()
    assert high - low > 0.1


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_points_without_a_number_are_crossed(domain: Any) -> None:
    broken = replace(SCORE, fn=lambda value, rng: math.nan if value[-1] == 0 else 1.0)
    figure = plot_results(study(domain, metrics=[broken], baselines=0, points=3))
    assert "failed or undefined" in _legend(figure)


def test_failures_alone_make_a_picture(tmp_path: Any) -> None:
    figure = plot_results(line(lambda t: 1 / 0, on_error="record"))
    figure.savefig(tmp_path / "figure.png", dpi=40)
    assert "no finite value" in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("role", ["path", "baseline", "reference", "endpoint"])
def test_any_role_alone_makes_a_picture(role: str) -> None:
    assert plot_results(study().select(role=role)).axes


def test_coordinates_in_powers_are_spread_evenly() -> None:
    results = line(lambda t: t, points=[0.01, 0.02, 0.04, 0.08, 0.16, 0.32])
    axes = plot_results(results).axes[0]
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.01", "0.02", "0.04", "0.08", "0.16", "0.32"]
    assert plot_results(line(lambda t: t)).axes[0].get_xscale() == "linear"


def test_a_slice_of_a_plane_is_a_curve() -> None:
    results = study(SQUARE, points=[(0.5, 0), (0.5, 0.3), (0.5, 1)], baselines=0).select(role="path")
    assert plot_results(results, metric="cost").axes[0].get_xlabel() == "b (a = 0.5)"


def test_a_map_holds_the_values_in_place() -> None:
    results = study(SQUARE, baselines=0, points=3)
    axes = plot_results(results, metric="cost").axes[0]
    mesh = axes.collections[0].get_array()
    assert np.allclose(np.asarray(mesh), [[2, 2, 2], [2.5, 2.5, 2.5], [3, 3, 3]])


def test_several_studies_stand_one_below_the_other() -> None:
    one, other = study(), study(name="other", metrics=[SCORE])
    import pandas as pd

    both = replace(one, frame=pd.concat([one.frame, other.frame], ignore_index=True))
    assert len(plot_results(both).subfigs) == 2
    assert not plot_results(both, study="other").subfigs


def test_no_global_state_is_touched() -> None:
    before = dict(matplotlib.rcParams)
    plot_results(study())
    assert dict(matplotlib.rcParams) == before
    pyplot = __import__("sys").modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_empty_results_are_refused() -> None:
    results = study()
    with pytest.raises(InvalidInputError, match="nothing to show"):
        plot_results(replace(results, frame=results.frame.iloc[:0], missing=7))


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInputError, match="no metric 'speed'"):
        plot_results(study(), metric="speed")
    with pytest.raises(InvalidInputError, match="must be what `evaluate`"):
        plot_results(study().frame)  # type: ignore[arg-type]


def test_results_plot_is_the_same_door() -> None:
    results = study(Arc().domain, seeds=1)
    assert _lines(results.plot("cost")) == _lines(plot_results(results, metric="cost"))
