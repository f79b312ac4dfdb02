"""Solvers of fixed points against maps whose fixed points are known."""

import math
import warnings
from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from maps import affine, polygon

from continuum.compute import (
    Anderson,
    Broyden,
    Clouds,
    Damped,
    DiscrepancyRatio,
    Picard,
    PredictionChange,
    Vectors,
    WassersteinFlow,
    solve_fixed_point,
)
from continuum.core import ConvergenceWarning, IncompatibleError, InvalidInputError

SOLVERS = [Picard(), Damped(0.7), Anderson(5), Broyden()]
NAMES = [type(solver).__name__ for solver in SOLVERS]


@contextmanager
def _any_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def start(samples, *shape, seed=0):
    return torch.randn(samples, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("solver", SOLVERS, ids=NAMES)
def test_an_affine_contraction_has_its_fixed_point(solver):
    f = affine(4, 3, [0.3, 0.5, 0.7, 0.9])
    found = solve_fixed_point(f, start(4, 3), solver=solver, tolerance=1e-10, max_iter=500)
    assert found.converged.all()
    torch.testing.assert_close(found.state, f.fixed, atol=1e-8, rtol=1e-8)
    torch.testing.assert_close(found.image, f.fixed, atol=1e-8, rtol=1e-8)
    assert (found.mmd2 < 1e-8).all()


@given(st.integers(1, 4), st.integers(1, 4), st.floats(0.05, 0.9), st.integers(0, 1000))
def test_every_solver_ends_within_the_tolerance_it_claims(samples, p, radius, seed):
    f = affine(samples, p, radius, seed)
    for solver in SOLVERS:
        found = solve_fixed_point(f, start(samples, p), solver=solver, tolerance=1e-6, max_iter=400)
        assert found.converged.all()
        image = f(found.state)
        torch.testing.assert_close(image, found.image)
        least = 1e-3 * f(start(samples, p)).norm(dim=1)  # what distances are relative to near the origin
        assert ((image - found.state).norm(dim=1) <= 1.001e-6 * torch.maximum(image.norm(dim=1), least)).all()


def test_picard_converges_at_the_spectral_radius():
    f = affine(1, 5, 0.8)
    found = solve_fixed_point(f, start(1, 5), solver=Picard(), tolerance=1e-11, max_iter=200)
    slope = (found.trace[-1] / found.trace[-40]) ** (1 / 39)
    assert float(slope) == pytest.approx(0.8, rel=0.02)


@pytest.mark.parametrize("p", [1, 2, 3, 5])
def test_anderson_is_exact_on_affine_maps_after_as_many_evaluations_as_dimensions_and_two(p):
    f = affine(1, p, 0.95)
    found = solve_fixed_point(f, start(1, p), solver=Anderson(memory=p), tolerance=1e-9, max_iter=p + 2)
    assert found.converged.all()
    assert found.evaluations <= p + 2
    torch.testing.assert_close(found.state, f.fixed, atol=1e-6, rtol=1e-6)


def test_where_picard_diverges_it_is_said_and_anderson_converges():
    f = affine(2, 3, 1.7)
    with pytest.warns(ConvergenceWarning, match="2 of 2 samples did not .* in 60 evaluations.*2 of them diverged"):
        found = solve_fixed_point(f, start(2, 3), solver=Picard(), max_iter=60)
    assert not found.converged.any()
    assert found.diverged.all()
    assert solve_fixed_point(f, start(2, 3), solver=Anderson(5)).converged.all()


def test_damping_has_the_same_fixed_points_and_tames_a_flip():
    a = torch.full((1, 1, 1), -1.2, dtype=torch.float64)
    f = affine(1, 1, 0.5)
    f.a = a
    with pytest.warns(ConvergenceWarning):
        assert not solve_fixed_point(f, start(1, 1), solver=Picard()).converged
    found = solve_fixed_point(f, start(1, 1), solver=Damped(0.5), tolerance=1e-8)
    torch.testing.assert_close(found.state, f.fixed, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_a_turned_polygon_is_a_fixed_measure_though_no_corner_stays(n):
    corners, rotation = polygon(n)

    def turn(z):
        return z @ rotation.T

    as_vectors = Vectors().residual(corners[None], turn(corners[None]), 1e-6)
    assert as_vectors > 0.5
    found = solve_fixed_point(turn, corners[None], solver=Picard(), space=Clouds(), tolerance=1e-6)
    assert found.converged
    assert found.evaluations == 1
    assert abs(found.mmd2) < 1e-12
    assert found.residual < 1e-12
    order = Clouds().order(corners[None], turn(corners[None]))[0]
    assert order.tolist() == [(i - 1) % n for i in range(n)]


def test_marks_make_a_turned_polygon_no_fixed_measure():
    corners, rotation = polygon(5)
    marks = torch.arange(5.0, dtype=torch.float64)[:, None]
    residual = Clouds(marks=marks).residual(corners[None], corners[None] @ rotation.T, 1e-6)
    assert residual > 0.5


def test_a_residual_of_a_measure_is_the_transport_distance():
    points, images = start(1, 6, 2), start(1, 6, 2, seed=1)
    space = Clouds()
    order = space.order(points, images)
    best = (images[0, order[0]] - points[0]).square().sum(1).mean().sqrt() / images.square().sum(-1).mean().sqrt()
    in_place = float(Clouds(marks=torch.arange(6.0)[:, None] * 100).residual(points, images, 0.0))
    assert float(best) < 0.9 * in_place
    assert float(space.residual(points, images, 0.0)) == pytest.approx(float(best))


def test_of_many_particles_an_order_is_looked_for_where_the_energy_distance_allows_it():
    points = start(1, 80, 2)
    images = points.flip(1) + 0.01
    space = Clouds()
    best = space.residual(points, images, 0.1)
    assert float(best) == pytest.approx(0.01 * 2**0.5 / float(space.length(images)), rel=1e-6)
    assert float(space.residual(points, images, 1e-4)) > 10 * float(best)  # no order is as near as that


@pytest.mark.parametrize("solver", [*SOLVERS, WassersteinFlow()], ids=[*NAMES, "WassersteinFlow"])
def test_each_sample_ends_as_if_it_were_alone(solver):
    f = affine(3, 2, [0.2, 0.6, 0.9])
    z = start(3, 4, 2)
    options = {"solver": solver, "tolerance": 1e-3, "max_iter": 30}
    with _any_warning():
        together = solve_fixed_point(f, z, **options)
    for i in range(3):
        rows = torch.tensor([i])
        with _any_warning():
            alone = solve_fixed_point(f.index(rows), z[rows], **options)
        torch.testing.assert_close(alone.state[0], together.state[i], atol=1e-12, rtol=1e-12)
        assert alone.evaluations[0] == together.evaluations[i]
        assert alone.converged[0] == together.converged[i]


def test_samples_that_ended_are_not_computed_any_more():
    f = affine(3, 2, [0.1, 0.5, 0.9])
    found = solve_fixed_point(f, start(3, 2), solver=Picard(), tolerance=1e-6, max_iter=300)
    assert sum(f.seen) == int(found.evaluations.sum())
    assert found.evaluations.tolist() == sorted(found.evaluations.tolist())

    def opaque(z):
        return f(z)

    again = solve_fixed_point(opaque, start(3, 2), solver=Picard(), tolerance=1e-6, max_iter=300)
    torch.testing.assert_close(again.state, found.state)
    assert again.evaluations.tolist() == found.evaluations.tolist()


@pytest.mark.parametrize("solver", [*SOLVERS, WassersteinFlow(noise=0.1)], ids=[*NAMES, "WassersteinFlow"])
def test_a_search_that_goes_on_is_the_search_that_never_ended(solver):
    f, z = affine(3, 2, [0.3, 0.6, 0.9]), start(3, 5, 2)
    with _any_warning():
        straight = solve_fixed_point(f, z, solver=solver, tolerance=1e-7, max_iter=12)
        short = solve_fixed_point(f, z, solver=solver, tolerance=1e-2, max_iter=4)
        kept = short.state.clone(), short.trace.clone()
        onward = solve_fixed_point(f, short, solver=solver, tolerance=1e-7, max_iter=12)
        solve_fixed_point(f, short, solver=solver, tolerance=1e-7, max_iter=9)
    assert torch.equal(straight.state, onward.state)
    assert torch.equal(straight.last, onward.last)
    torch.testing.assert_close(straight.trace, onward.trace, equal_nan=True)
    assert straight.evaluations.tolist() == onward.evaluations.tolist()
    assert torch.equal(short.state, kept[0])
    torch.testing.assert_close(short.trace, kept[1], equal_nan=True)


def test_the_best_state_is_kept_and_its_residual_never_rises():
    f, z = affine(2, 3, 1.3), start(2, 3)
    with _any_warning():
        residuals = [
            solve_fixed_point(f, z, solver=Anderson(1), tolerance=0, max_iter=k).residual for k in range(1, 15)
        ]
    assert all((b <= a).all() for a, b in pairwise(residuals))


def test_what_is_not_finite_is_flagged_and_the_best_finite_state_is_returned():
    def f(z):
        return torch.where(z.abs() > 4, torch.nan, 2 * z)

    with pytest.warns(ConvergenceWarning, match="1 of them diverged"):
        found = solve_fixed_point(f, torch.tensor([[1.0], [0.0]]), solver=Picard())
    assert found.converged.tolist() == [False, True]
    assert found.diverged.tolist() == [True, False]
    assert torch.isfinite(found.state).all()
    assert torch.isfinite(found.image).all()
    assert torch.isfinite(found.last).all()
    assert found.evaluations.tolist() == [4, 1]


@pytest.mark.parametrize("solver", SOLVERS, ids=NAMES)
def test_a_translation_has_no_fixed_point_and_no_solver_makes_one_up(solver):
    shift = torch.tensor([1.0, -2.0])
    with pytest.warns(ConvergenceWarning):
        found = solve_fixed_point(lambda z: z + shift, torch.zeros(1, 2), solver=solver, max_iter=8)
    assert not found.converged
    assert torch.isfinite(found.state).all()


@pytest.mark.parametrize("solver", SOLVERS, ids=NAMES)
def test_constant_and_identical_maps_end_at_once(solver):
    target = torch.tensor([[1.0, 2.0]])
    assert solve_fixed_point(lambda z: z, torch.ones(2, 2), solver=solver).evaluations.tolist() == [1, 1]
    found = solve_fixed_point(lambda z: target.expand_as(z), torch.ones(2, 2), solver=solver)
    torch.testing.assert_close(found.image, target.expand(2, 2))
    if not isinstance(solver, Damped):
        assert found.evaluations.tolist() == [2, 2]


@pytest.mark.parametrize("solver", [*SOLVERS, WassersteinFlow()], ids=[*NAMES, "WassersteinFlow"])
def test_particles_that_f_copies_stay_bit_for_bit(solver):
    known, free = start(2, 3, 2), start(2, 2, 2, seed=1)
    a = affine(2, 2, 0.5)

    def f(z):
        return torch.cat([z[:, :3], a(z[:, 3:])], 1)

    with _any_warning():
        found = solve_fixed_point(f, torch.cat([known, free], 1), solver=solver, max_iter=15)
    if not isinstance(solver, WassersteinFlow):  # the flow moves all that weighs
        assert torch.equal(found.state[:, :3], known)
        assert torch.equal(found.last[:, :3], known)


def test_predictions_end_a_search_when_they_stand_still():
    f = affine(2, 2, [0.1, 0.8])
    rule = PredictionChange(0.05)
    found = solve_fixed_point(f, 10 * start(2, 2), solver=Picard(), stop=rule, max_iter=100)
    assert found.converged.all()
    for i in range(2):
        z, steps = 10 * start(2, 2)[i : i + 1], []
        one = f.index(torch.tensor([i]))
        for _ in range(int(found.evaluations[i])):
            z = one(z)
            steps.append(z)
        changes = [float((b - a).abs().max()) for a, b in pairwise(steps)]
        assert changes[-1] < 0.05
        assert all(change >= 0.05 for change in changes[:-1])
        torch.testing.assert_close(found.last[i : i + 1], z)


def test_the_share_of_the_first_discrepancy_ends_a_search():
    f = affine(1, 2, 0.7)
    z = start(1, 6, 2)
    found = solve_fixed_point(f, z, solver=Picard(), stop=DiscrepancyRatio(1e-4), space=Clouds(), max_iter=200)
    first = Clouds().mmd2(z, f(z))
    assert found.converged
    assert found.mmd2 <= 1e-4 * first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z0": torch.zeros(3)}, "at least two dimensions"),
        ({"z0": torch.zeros(0, 3)}, "is empty"),
        ({"z0": torch.tensor([[1.0, torch.nan]])}, "NaN or infinite"),
        ({"z0": torch.zeros(2, 2, dtype=torch.long)}, "floating-point"),
        ({"f": lambda z: z[:, :1]}, r"of \(2, 2\) .* it made \(2, 1\)"),
        ({"tolerance": -1.0}, "`tolerance` must be finite and not negative"),
        ({"max_iter": 0}, "`max_iter` must be at least 1"),
        ({"space": Clouds()}, r"must be particles \(b, n, p\)"),
        ({"solver": WassersteinFlow()}, r"must be particles \(b, n, p\)"),
        ({"solver": WassersteinFlow(), "space": Vectors()}, "pass `space=Clouds\\(\\)`"),
        ({"f": lambda z: torch.cat([z, z], 1)}, r"of \(2, 2\) .* it made \(2, 4\)"),
        ({"f": lambda z: (z, z)}, "it made tuple"),
        ({"f": lambda z: z.long()}, "it made .* of torch.int64"),
        ({"f": 3}, "F must be a function"),
        ({"solver": "anderson"}, "`solver` must be a solver"),
        ({"solver": Anderson}, "`solver` must be a solver"),
        ({"stop": "1e-4"}, "`stop` must be"),
        ({"space": Vectors}, r"`space` must be Vectors\(\) or Clouds\(\)"),
    ],
)
def test_bad_input_has_one_clear_error(change, message):
    arguments = {"f": torch.cos, "z0": torch.zeros(2, 2), **change}
    with pytest.raises(InvalidInputError, match=message):
        solve_fixed_point(arguments.pop("f"), arguments.pop("z0"), **arguments)


def test_a_map_may_write_into_its_argument_and_use_one_buffer_for_all_results():
    buffer = torch.empty(2, 2)

    def reused(z):
        return torch.add(z, 1, out=buffer).mul_(0.5)

    for f in (lambda z: z.add_(1).mul_(0.5), reused):
        for solver in SOLVERS:
            found = solve_fixed_point(f, torch.full((2, 2), 9.0), solver=solver, tolerance=1e-6, max_iter=60)
            torch.testing.assert_close(found.state, torch.ones(2, 2), atol=1e-4, rtol=1e-4)


def test_what_was_never_finite_has_no_image_and_no_certificate():
    with pytest.warns(ConvergenceWarning):
        found = solve_fixed_point(lambda z: z * torch.tensor([[1.0], [torch.nan]]), torch.ones(2, 3), solver=Picard())
    assert found.converged.tolist() == [True, False]
    assert found.image[1].isnan().all()
    assert found.last[1].isnan().all()
    assert found.mmd2[1].isnan()
    with _any_warning():  # the other one can still be gone on with
        again = solve_fixed_point(lambda z: z, found, solver=Picard())
    assert again.converged.tolist() == [True, False]


@pytest.mark.parametrize("solver", SOLVERS, ids=NAMES)
def test_an_equilibrium_may_lie_at_the_origin(solver):
    found = solve_fixed_point(lambda z: 0.5 * z, start(3, 2), solver=solver, tolerance=1e-4, max_iter=60)
    assert found.converged.all()
    assert found.state.norm(dim=1).max() < 1e-3


def test_numbers_of_half_width_have_no_division_by_zero():
    found = solve_fixed_point(lambda z: 0 * z, torch.zeros(1, 2, dtype=torch.float16), solver=Picard())
    assert found.converged


def test_autocast_inside_of_a_map_does_not_change_what_states_are():
    def f(z):
        return (0.5 * z).to(torch.bfloat16)

    assert solve_fixed_point(f, torch.ones(2, 2), solver=Picard(), tolerance=0.1).state.dtype == torch.float32


def test_a_sample_that_is_not_finite_does_not_hide_the_order_of_others():
    corners, rotation = polygon(5)
    z = torch.stack([corners, corners])
    broken = torch.tensor([1.0, torch.nan], dtype=torch.float64)[:, None, None]
    with pytest.warns(ConvergenceWarning):
        found = solve_fixed_point(lambda z: z @ rotation.T * broken[-len(z) :], z, solver=Picard(), space=Clouds())
    assert found.converged.tolist() == [True, False]
    assert found.evaluations.tolist() == [1, 1]


def test_marks_count_in_the_distance_of_a_new_order():
    points = torch.tensor([[[0.0], [1.0]]], dtype=torch.float64)
    space = Clouds(marks=torch.tensor([[0.0], [0.2]]))
    found = space.residual(points, points.flip(1), 0.5)
    assert float(found) == pytest.approx(0.2 / 0.5**0.5)  # both move to the mark of the other


def drawn(radius, corners, rotation):
    """A polygon that is turned and drawn towards a radius."""
    return lambda z: (0.7 * z + 0.3 * radius * z / z.norm(dim=-1, keepdim=True)) @ rotation.T


def test_particles_that_change_places_are_followed_to_the_end():
    corners, rotation = polygon(5)
    f = drawn(3.0, corners, rotation)
    found = solve_fixed_point(f, 0.5 * corners[None], solver=Picard(), space=Clouds(), tolerance=1e-6, max_iter=100)
    assert found.converged
    assert not found.diverged
    torch.testing.assert_close(
        found.state.norm(dim=-1), torch.full((1, 5), 3.0, dtype=torch.float64), atol=1e-4, rtol=0
    )


def test_a_looser_search_of_measures_is_gone_on_with():
    corners, rotation = polygon(5)
    f, z = drawn(1.0, corners, rotation), 3 * corners[None] + 0.05 * start(1, 5, 2)
    options = {"solver": Picard(), "space": Clouds(), "max_iter": 40}
    with _any_warning():
        short = solve_fixed_point(f, z, tolerance=0.2, **options)
        onward = solve_fixed_point(f, short, tolerance=1e-3, **options)
        straight = solve_fixed_point(f, z, tolerance=1e-3, **options)
    assert torch.equal(onward.state, straight.state)
    assert torch.equal(onward.residual, straight.residual)


@pytest.mark.parametrize("rule", [PredictionChange(0.01), DiscrepancyRatio(1e-3)], ids=["change", "ratio"])
def test_samples_that_ended_by_a_rule_do_not_start_again(rule):
    f, z = affine(2, 2, [0.3, 0.8]), start(2, 2)
    short = solve_fixed_point(f, z, solver=Picard(), stop=rule, max_iter=100)
    again = solve_fixed_point(f, short, solver=Picard(), stop=rule, max_iter=100)
    assert again.evaluations.tolist() == short.evaluations.tolist()
    assert again.converged.all()


@pytest.mark.parametrize(
    "other",
    [{"solver": Anderson(2)}, {"solver": Picard()}, {"stop": PredictionChange(0.1)}],
    ids=["memory", "solver", "rule"],
)
def test_a_search_is_not_gone_on_with_by_other_means(other):
    f, z = affine(2, 2, [0.3, 0.8]), start(2, 2)
    with _any_warning():
        short = solve_fixed_point(f, z, solver=Anderson(5), max_iter=2)
    with pytest.raises(IncompatibleError, match="cannot be gone on with"):
        solve_fixed_point(f, short, **{"solver": Anderson(5), **other})


def test_inference_mode_is_refused_by_the_flow():
    with torch.inference_mode(), pytest.raises(InvalidInputError, match="not inference mode"):
        solve_fixed_point(torch.cos, torch.zeros(1, 2, 2), solver=WassersteinFlow())


@pytest.mark.parametrize("shape", [(3,), (3, 7, 3)])
def test_predictions_may_have_any_shape_and_be_whole_numbers(shape):
    f = affine(3, 2, [0.3, 0.5, 0.8])

    def read(z):
        return z[:, 0].reshape(-1, *[1] * (len(shape) - 1)).expand(len(z), *shape[1:]).round().long()

    found = solve_fixed_point(f, start(3, 2), solver=Picard(), stop=PredictionChange(0.5), read=read)
    assert found.converged.all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Damped(0),
        lambda: Damped(1.5),
        lambda: Anderson(0),
        lambda: Anderson(memory=2.5),
        lambda: Broyden(memory=0),
        lambda: PredictionChange(0),
        lambda: DiscrepancyRatio(math.nan),
        lambda: WassersteinFlow(noise=-1),
        lambda: WassersteinFlow(seed=-1),
    ],
)
def test_wrong_options_of_solvers_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        wrong()
