"""Scaling laws that are known are found again."""

import numpy as np
import pytest

from continuum.core import InvalidInputError
from continuum.harness import ScalingLaw, fit_scaling

CASES = [
    (ScalingLaw(1.69, 406.4, 0.34), np.geomspace(4e7, 1.6e10, 9)),  # Hoffmann et al. (2022), approach 3
    (ScalingLaw(2.0, 40.0, 0.3), np.geomspace(1e6, 1e8, 5)),
    (ScalingLaw(0.5, 3.0, 1.2), np.array([1.0, 2, 4, 8, 16, 32])),
    (ScalingLaw(3.0, 1e-3, 0.05), np.geomspace(1e6, 1e9, 10)),
]


@pytest.mark.parametrize(("law", "sizes"), CASES, ids=str)
def test_exact_data_give_back_their_law(law, sizes):
    fit = fit_scaling(sizes, law(sizes), draws=3)
    found = [fit.law.floor, fit.law.coefficient, fit.law.exponent]
    assert found == pytest.approx([law.floor, law.coefficient, law.exponent], rel=1e-6)
    assert fit.residual < 1e-12
    assert fit.held_out_error < 1e-9
    np.testing.assert_allclose(
        fit.intervals["high"] - fit.intervals["low"], 0, atol=1e-5 * fit.intervals["value"].max()
    )


def test_a_pure_power_has_no_floor_and_is_a_line():
    sizes = np.geomspace(10, 1e5, 8)
    fit = fit_scaling(sizes, 5 * sizes**-0.1, draws=3)
    assert fit.law.floor < 1e-6
    assert (fit.law.coefficient, fit.law.exponent) == pytest.approx((5, 0.1))
    assert fit.line_error < 1e-12


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_of_size_and_loss_do_not_matter(factor):
    law, sizes = CASES[0]
    fit = fit_scaling(factor * sizes, law(sizes) / factor, draws=3)
    assert fit.law.exponent == pytest.approx(law.exponent, rel=1e-6)
    assert fit.law.floor * factor == pytest.approx(law.floor, rel=1e-6)


def test_the_order_of_sizes_does_not_matter(rng):
    law, sizes = CASES[0]
    order = rng.permutation(len(sizes))
    losses = law(sizes) * np.exp(0.003 * rng.normal(size=len(sizes)))
    assert fit_scaling(sizes[order], losses[order], draws=3).law == fit_scaling(sizes, losses, draws=3).law


def test_one_wild_size_does_not_carry_the_fit_away(rng):
    law, sizes = CASES[0]
    losses = law(sizes)
    losses[4] *= 1.3
    assert fit_scaling(sizes, losses, held_out=0, draws=3).law.exponent == pytest.approx(law.exponent, rel=0.05)


def test_held_out_sizes_are_not_seen():
    law, sizes = CASES[0]
    wrong = law(sizes)
    wrong[-2:] *= 2
    fit = fit_scaling(sizes, wrong, held_out=2, draws=3)
    assert fit.held_out["size"].tolist() == sizes[-2:].tolist()
    np.testing.assert_allclose(fit.held_out["law"], law(sizes[-2:]), rtol=1e-6)
    assert fit.held_out_error == pytest.approx(0.5)
    assert fit_scaling(sizes, wrong, held_out=0, draws=3).held_out.empty


@pytest.mark.parametrize("seeds", [1, 8])
def test_intervals_hold_the_truth(rng, seeds):
    law, sizes = CASES[0]
    truth = np.array([law.floor, law.coefficient, law.exponent])
    hits = []
    for _ in range(8):
        losses = law(sizes)[:, None] * np.exp(0.003 * rng.normal(size=(len(sizes), seeds)))
        intervals = fit_scaling(sizes, losses, held_out=0, draws=25).intervals
        hits.append((intervals["low"].to_numpy() <= truth) & (truth <= intervals["high"].to_numpy()))
    assert np.mean(hits) > 0.6  # of 8 cases; 0.93 of 25


@pytest.mark.parametrize(
    ("sizes", "losses", "message"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, -1], "positive and finite, got -1"),
        ([1, 2, 3, 4, np.nan], [1, 2, 3, 4, 5], "`sizes`"),
        ([1, 2, 3, 4], [4, 3, 2, 1], "4 distinct sizes beside those held out"),
        ([1, 2, 2, 4, 5], [5, 4, 3, 2, 1], "got 4 distinct"),
        ([1, 2, 3, 4, 5], [5, 4, 3, 2], "a row for each"),
    ],
)
def test_bad_families_are_refused(sizes, losses, message):
    with pytest.raises(InvalidInputError, match=message):
        fit_scaling(sizes, losses)
