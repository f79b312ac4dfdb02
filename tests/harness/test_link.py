"""Links that are known are found, and links that are not there are not."""

import math

import numpy as np
import pytest

from continuum import Interval, Levels, Metric, PerItem, Results, Simplex, from_function, link, tabulate
from continuum.core import DomainError, InvalidInputError, NotConvergedError
from continuum.harness import Pairwise

STEP = 1 / 1024  # of the candidates between 17 points


def path(fn=lambda t: t, axis="t", domain=None):
    """A path of two numbers that turns with its coordinate."""
    return from_function(domain or Interval(axis=axis), lambda t: np.array([fn(t), 1 - fn(t)]))


FIRST = Metric("first", lambda x: x[0], goal="max")
SQUARED = Pairwise("squared", lambda x, y: ((x - y) ** 2).sum())


def own_noise(scale):
    """Noise that differs from value to value, and is the same for equal values and seeds."""

    def noisy(x, rng):
        return x[0] + scale * np.random.default_rng([int(1e6 * abs(x[0])), rng.integers(2**31)]).normal()

    return Metric(f"noisy {scale}", noisy, goal="max", stochastic=True)


@pytest.mark.parametrize("metric", [FIRST, SQUARED, lambda x: x[0]], ids=["value", "distance", "function"])
def test_a_reparametrisation_is_recovered(metric):
    found = link(path(axis="a"), path(lambda t: t * t, axis="alpha"), metric)
    np.testing.assert_allclose(found.map["alpha"], np.sqrt(found.map["a"]), atol=STEP)
    assert found.is_increasing
    assert found.residual < 1e-3 < found.identity_residual
    assert found.rivals.loc["link, held out", "residual"] < 0.1 * found.identity_residual
    assert found.map["residual"].mean() == pytest.approx(found.residual)
    assert found.map["identity_residual"].mean() == pytest.approx(found.identity_residual)
    assert found.map[["low", "high"]].isna().all(axis=None)  # nothing was drawn


@pytest.mark.parametrize("metric", [FIRST, SQUARED], ids=["value", "distance"])
def test_a_path_is_linked_to_itself_by_the_identity(metric):
    found = link(path(), path(), metric, points=9, points_b=9)
    np.testing.assert_allclose(found.map["alpha"], found.map["a"], atol=1e-12)
    assert found.identity_residual == pytest.approx(0, abs=1e-12)
    assert found.rivals.loc["identity", "excess"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("metric", [FIRST, SQUARED], ids=["value", "distance"])
def test_a_path_that_runs_backwards_is_linked_backwards(metric):
    found = link(path(), path(lambda t: 1 - t), metric, points=9)
    assert not found.is_increasing
    np.testing.assert_allclose(found.map["alpha"], 1 - found.map["a"], atol=1e-12)


def test_a_metric_that_turns_is_no_obstacle_to_a_monotone_link():
    """The nearest value alone would jump between the two points that score alike."""
    hill = Metric("hill", lambda x: x[0] * (1 - x[0]))
    found = link(path(), path(lambda t: t * t), hill, points_b=65)
    np.testing.assert_allclose(found.map["alpha"], np.sqrt(found.map["a"]), atol=0.01)
    assert found.residual < 1e-3


@pytest.mark.parametrize("metric", [FIRST, SQUARED], ids=["value", "distance"])
def test_a_truth_that_is_not_monotone_leaves_a_residual(metric):
    found = link(path(lambda t: 4 * t * (1 - t)), path(), metric)
    assert (np.diff(found.map["alpha"]) >= 0).all() or (np.diff(found.map["alpha"]) <= 0).all()
    assert found.residual > 0.1
    assert found.residual <= found.rivals.loc["best constant", "residual"] + 1e-9


def test_paths_that_are_not_linked_give_a_flat_map_that_any_constant_matches():
    apart = from_function(Interval(axis="alpha"), lambda t: np.array([0.3, 0.7]))
    found = link(path(axis="a"), apart, own_noise(0.05), seeds=8, draws=100)
    assert found.map["alpha"].nunique() == 1
    assert (found.map["low"] == 0).all()
    assert (found.map["high"] == 1).all()  # every point does equally well
    for rival in ("start", "end", "best constant", "identity"):
        assert found.rivals.loc[rival, "excess"] == pytest.approx(0, abs=1e-9)
    assert found.residual > 0.2


def test_values_that_lie_at_right_angles_are_met_where_they_are_least_apart():
    x = from_function(Interval(), lambda t: np.array([t, 0.0]))
    y = from_function(Interval(), lambda t: np.array([0.0, t]))
    found = link(x, y, SQUARED)
    assert (found.map["alpha"] == 0).all()
    np.testing.assert_allclose(found.map["residual"], found.map["a"] ** 2, atol=1e-12)


def test_noise_that_both_paths_share_is_taken_out():
    shared = Metric("shared", lambda x, rng: x[0] + rng.normal(), goal="max", stochastic=True)
    found = link(path(axis="a"), path(lambda t: t * t, axis="alpha"), shared, seeds=6, draws=50)
    np.testing.assert_allclose(found.map["alpha"], np.sqrt(found.map["a"]), atol=STEP)
    np.testing.assert_allclose(found.map["high"], found.map["low"], atol=0.005)


@pytest.mark.parametrize("kind", ["value", "distance"])
def test_intervals_hold_the_truth(kind):
    metric = own_noise(0.05)
    if kind == "distance":
        one = metric.fn
        metric = Pairwise("gap", lambda x, y, rng: (one(x, rng) - one(y, rng)) ** 2, stochastic=True)
    found = link(path(axis="a"), path(lambda t: t * t, axis="alpha"), metric, points=9, seeds=10, draws=300)
    truth = np.sqrt(found.map["a"])
    # The noise of a squared distance is no noise of its least point: it has a bias, which the intervals do not know.
    slack = 0.0 if kind == "value" else 0.1
    inside = (found.map["low"] - STEP - slack <= truth) & (truth <= found.map["high"] + STEP + slack)
    assert inside.mean() >= 8 / 9
    assert (found.map["high"] - found.map["low"]).iloc[1:-1].gt(0).any()
    assert found.rivals.loc["identity", "excess_low"] > 0


def test_items_give_intervals_where_seeds_do_not():
    edges = np.linspace(0.001, 0.999, 101)
    hits = Metric("hits", lambda x: PerItem(edges < x[0]), goal="max")
    each = Pairwise("each", lambda x, y: PerItem((x[0] - y[0]) ** 2 * (1 + edges)))
    for metric in (hits, each):
        found = link(path(), path(lambda t: t * t), metric, points=5, draws=100)
        assert found.map[["low", "high"]].notna().all(axis=None)
        assert found.rivals.loc["identity", "low"] < found.identity_residual < found.rivals.loc["identity", "high"]


def test_baselines_and_references_are_measured_beside_the_link():
    others = {
        "baselines": {"twin": path(), "steps": tabulate({0: np.zeros(2), 1: np.ones(2)})},
        "references": {"half": np.full(2, 0.5)},
    }
    for metric, half, steps in ((FIRST, 0.3, 0.2), (SQUARED, 0.25, 0.75)):
        found = link(path(), path(lambda t: t * t), metric, points=5, **others)
        assert found.rivals.loc["twin", "residual"] == pytest.approx(0, abs=1e-12)
        assert found.rivals.loc["half", "residual"] == pytest.approx(half)
        assert found.rivals.loc["steps", "residual"] == pytest.approx(steps)
    with pytest.raises(InvalidInputError, match="other labels than"):
        link(path(), path(), FIRST, references={"identity": np.zeros(2)})


def test_rivals_are_means_of_the_distances_at_the_points():
    twin = {"twin": path(lambda t: t**3)}
    for metric in (FIRST, SQUARED):
        found = link(path(axis="a"), path(lambda t: t * t), metric, points=5, baselines=twin)
        assert list(found.distances.columns) == list(found.rivals.index)
        assert found.distances.index.tolist() == found.map["a"].tolist()
        np.testing.assert_allclose(found.distances.mean(), found.rivals["residual"])
        np.testing.assert_allclose(found.distances["link"], found.map["residual"])
        inner = found.distances.iloc[1:-1]
        assert found.distances["link, held out"].notna().tolist() == [False, True, True, True, False]
        excess = (inner["link, held out"] - inner["link"]).mean()
        assert found.rivals.loc["link, held out", "excess"] == pytest.approx(excess)


def test_levels_are_met_at_levels_only():
    found = link(path(), path(domain=Levels((0, 0.25, 1), axis="size")), FIRST, points=5)
    assert set(found.map["alpha"]) <= {0, 0.25, 1}
    assert found.map["alpha"].tolist() == [0, 0.25, 0.25, 1, 1]
    assert found.to(0.5) == (0.25,)
    assert found.map["residual"].tolist() == pytest.approx([0, 0, 0.25, 0.25, 0])


def test_a_table_of_trained_values_is_linked_at_its_points():
    trained = tabulate({t: np.array([t * t, 1 - t * t]) for t in (0, 0.3, 0.8, 1)}, axes=("mix",))
    found = link(trained, path(), SQUARED)
    assert found.map["a"].tolist() == [0, 0.3, 0.8, 1]
    np.testing.assert_allclose(found.map["alpha"], [0, 0.09, 0.64, 1], atol=STEP)


def test_coordinates_are_matched_across_domains():
    long = path(lambda t: (t - 1) / 9, domain=Interval(1, 10, axis="b"))
    found = link(path(), long, FIRST, points=5)
    np.testing.assert_allclose(found.map["alpha"], 1 + 9 * found.map["a"], atol=9 * STEP)
    assert found.identity_residual == pytest.approx(0, abs=1e-3)  # the same share of the way
    wide = path(domain=Interval(-1, 2, axis="alpha"))
    beyond = link(path(), wide, FIRST, points=5, points_b=33)
    np.testing.assert_allclose(beyond.map["alpha"], beyond.map["a"], atol=3 * STEP)
    assert beyond.identity_residual == pytest.approx(0, abs=1e-3)  # alpha = a, which the wide path has too


def test_a_logarithmic_coordinate_is_even_in_its_logarithm():
    slow = path(lambda t: math.log10(t) / 4, domain=Interval(1, 1e4, axis="k", spacing="log"))
    found = link(path(), slow, FIRST, points=5)
    np.testing.assert_allclose(np.log10(found.map["alpha"]), 4 * found.map["a"], atol=4 * STEP)
    assert found.to(0.125)[0] == pytest.approx(10**0.5, rel=0.02)


def test_between_points_the_map_is_straight_and_outside_it_is_refused():
    found = link(path(), path(lambda t: t * t), FIRST, points=[0, 0.25, 1])
    assert found.to(0.25)[0] == pytest.approx(0.5, abs=STEP)
    assert found.to(0.625)[0] == pytest.approx(0.75, abs=STEP)
    assert (found.to(0), found.to(1)) == ((0.0,), (1.0,))
    with pytest.raises(DomainError):
        found.to(1.1)


@pytest.mark.parametrize("kind", ["value", "distance"])
def test_where_the_metric_is_undefined_there_is_no_match(kind):
    def holes(t):
        return math.nan if t == 0.5 else t

    metric = {"value": FIRST, "distance": SQUARED}[kind]
    found = link(path(holes), path(lambda t: math.nan if t == 0.25 else t), metric, points=5, points_b=9)
    assert found.map["alpha"].isna().tolist() == [False, False, True, False, False]
    np.testing.assert_allclose(found.map["alpha"].dropna(), [0, 0.25, 0.75, 1], atol=2 * STEP)
    assert found.to(0.5)[0] == pytest.approx(0.5, abs=2 * STEP)
    with pytest.raises(InvalidInputError, match="two points of each path"):
        link(path(lambda t: math.nan), path(), metric, points=5)
    with pytest.raises(InvalidInputError, match="two points of each path"):
        link(path(), path(lambda t: math.nan), metric, points=5)


def test_a_distance_with_a_kink_is_never_negative():
    norm = Pairwise("norm", lambda x, y: np.abs(x - y).sum())
    found = link(path(), path(lambda t: t * t), norm, points=9, points_b=9)
    assert (found.map["residual"] >= 0).all()
    np.testing.assert_allclose(found.map["alpha"], np.sqrt(found.map["a"]), atol=0.06)


def test_two_points_are_enough_and_one_is_not():
    assert link(path(), path(), SQUARED, points=2, points_b=2).map["alpha"].tolist() == [0, 1]
    assert math.isnan(link(path(), path(), FIRST, points=2).rivals.loc["link, held out", "residual"])
    for options in ({"points": 1}, {"points_b": [0.5]}):
        with pytest.raises(InvalidInputError, match="at least two points"):
            link(path(), path(), FIRST, **options)


def test_each_value_of_the_first_path_is_built_once():
    built = []

    def train(t):
        built.append(t)
        return np.array([t, 1 - t])

    for metric in (FIRST, SQUARED):
        built.clear()
        link(from_function(Interval(), train), path(), metric, points=5)
        assert sorted(built) == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("metric", [own_noise(0.1), SQUARED], ids=["value", "distance"])
def test_a_link_is_resumed_from_its_store(tmp_path, metric):
    options = {"points": 5, "seeds": 3, "draws": 20, "store": tmp_path / "s.db", "name": "joined"}
    first = link(path(), path(lambda t: t * t), metric, **options)
    stored = Results.load(tmp_path / "s.db")
    assert all(name.startswith("joined") for name in stored.studies)
    again = link(path(), path(lambda t: t * t), metric, **options)
    assert again.map.equals(first.map)
    assert len({run["time"] for run in again.results.provenance}) <= len(first.results.provenance)
    assert set(again.results.frame["build_s"]) == set(first.results.frame["build_s"])  # read, not measured again


def test_results_of_both_paths_are_in_one_table():
    found = link(path(axis="a"), path(axis="alpha"), FIRST, points=3, name="joined")
    assert found.results.studies == ("joined: a", "joined: b")
    assert found.results.axes == ("a", "alpha")
    assert found.results.select(study="joined: b").curve("joined: b", "first")["mean"].tolist()[:2] == [0, 1 / 16]
    assert found.results.frame.columns.tolist()[:6] == ["study", "label", "role", "a", "alpha", "metric"]


def test_the_answer_does_not_depend_on_the_number_of_jobs():
    options = {"points": 3, "points_b": 5, "seeds": 2, "draws": 10}
    one, two = (link(path(), path(), SQUARED, n_jobs=n, **options).map for n in (1, 2))
    assert one.equals(two)


def test_bad_arguments_are_refused():
    mix = from_function(Simplex(("a", "b")), lambda a, b: np.array([a, b]))
    for wrong in ((mix, path()), (path(), mix)):
        with pytest.raises(InvalidInputError, match="take a segment of it by `along`"):
            link(*wrong, FIRST)
    with pytest.raises(InvalidInputError, match="`path_b` must have `domain`"):
        link(path(), 3, FIRST)
    with pytest.raises(InvalidInputError, match="points of `path_a`"):
        link(path(), path(), FIRST, points="many")
    with pytest.raises(InvalidInputError, match="draws"):
        link(path(), path(), FIRST, draws=0)
    with pytest.raises(InvalidInputError, match="Pairwise needs"):
        Pairwise("", abs)


def test_a_distance_that_fails_says_where():
    def fails(x, y):
        raise NotConvergedError("no")

    with pytest.raises(NotConvergedError) as caught:
        link(path(), path(), Pairwise("fails", fails), points=2)
    assert any("at (0.0,)" in note for note in caught.value.__notes__)
