"""What enters is finite float64 on its own device; what does not is named with its place and value."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from continuum.core import ContinuumWarning, InvalidInputError, ResourceError
from continuum.measures import DiscreteMeasure, Sinkhorn, admit_array, admit_masses, check_memory, solve
from continuum.measures.divergence import sinkhorn_divergence

VALUES = np.arange(6.0).reshape(3, 2)


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


@pytest.mark.parametrize(
    "given",
    [
        VALUES,
        VALUES.tolist(),
        VALUES.astype(np.float16),
        VALUES.astype(np.float32),
        VALUES.astype(np.longdouble),
        VALUES.astype(">f4"),
        VALUES.astype(np.int8),
        VALUES.astype(np.uint16),
        np.asfortranarray(VALUES),
        VALUES[::-1][::-1],
        VALUES[::-1].copy()[::-1],
        read_only(VALUES),
        torch.tensor(VALUES, dtype=torch.bfloat16),
        torch.tensor(VALUES, dtype=torch.int32),
        torch.tensor(VALUES, requires_grad=True),
        [torch.tensor([0.0, 1.0]), torch.tensor([2.0, 3.0]), torch.tensor([4.0, 5.0])],
    ],
    ids=lambda given: f"{type(given).__name__}-{getattr(given, 'dtype', '')}",
)
@pytest.mark.filterwarnings("error")
def test_any_kind_of_real_array_becomes_the_same_float64_tensor(given):
    admitted = admit_array(given, "x", ndim=2)
    assert admitted.dtype == torch.float64
    assert not admitted.requires_grad
    assert admitted.tolist() == VALUES.tolist()


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ([[1.0, np.nan], [np.inf, 2.0]], r"`x` has 2 NaN or infinite entries, the first at index \(0, 1\)"),
        (torch.tensor([[1.0, 2.0], [-torch.inf, 2.0]]), r"1 NaN or infinite entries, the first at index \(1, 0\)"),
        (np.zeros((0, 2)), r"`x` is empty: shape \(0, 2\)"),
        (np.zeros((2, 0)), r"`x` is empty"),
        (np.zeros(3), r"`x` must have 2 dimensions, got shape \(3,\)"),
        ([["1", "2"]], "`x` must be an array of real numbers, got list of dtype <U1"),
        (None, "`x` must be an array of real numbers, got NoneType"),
        ([[1.0], [1.0, 2.0]], "`x` must be an array of real numbers, got list"),
        (np.array([[1 + 1j]]), "real numbers, got ndarray of dtype complex128"),
        (torch.tensor([[1 + 1j]]), "real numbers, got dtype torch.complex64"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_not_a_finite_real_array_is_refused(bad, says):
    with pytest.raises(InvalidInputError, match=says):
        admit_array(bad, "x", ndim=2)


def test_masses_sum_to_one_and_none_is_uniform():
    assert admit_masses(None, 4, "a").tolist() == [0.25] * 4
    assert admit_masses([0.5, 0.5, 0.0], 3, "a").tolist() == [0.5, 0.5, 0.0]


def test_float32_masses_of_many_points_are_normalised_without_a_word(rng):
    masses = rng.random(100_000).astype(np.float32)
    admitted = admit_masses(masses / masses.sum(), len(masses), "a")
    assert float(admitted.sum()) == pytest.approx(1, abs=1e-14)


def test_masses_that_do_not_sum_to_one_are_normalised_with_a_warning():
    with pytest.warns(ContinuumWarning, match="`a` sums to 4, normalised"):
        assert admit_masses([1, 3], 2, "a").tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ([0.5, -0.25, 0.75], "`a` must not be negative, got -0.25 at index 1"),
        ([0.0, 0.0, 0.0], "`a` must have a positive sum, all 3 masses are 0"),
        ([0.5, 0.5], "`a` must have one mass for each of the 3 points, got 2"),
        ([0.5, 0.5, np.nan], "`a` has 1 NaN"),
        ([0.5, 0.5, np.inf], "`a` has 1 NaN or infinite"),
        (np.full((3, 1), 1 / 3), r"`a` must have 1 dimensions, got shape \(3, 1\)"),
    ],
)
def test_masses_that_are_none_are_refused(bad, says):
    with pytest.raises(InvalidInputError, match=says):
        admit_masses(bad, 3, "a")


@pytest.fixture
def one_megabyte_free(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**20))


@pytest.mark.usefixtures("one_megabyte_free")
def test_a_request_for_more_than_half_of_free_memory_is_refused_with_a_way_out():
    check_memory(2**19, "this", "go on")
    with pytest.raises(ResourceError, match=r"this needs about 0\.0 GiB, more than half .*; buy a bigger machine\."):
        check_memory(2**19 + 1, "this", "buy a bigger machine")


@pytest.mark.usefixtures("one_megabyte_free")
def test_a_plan_that_does_not_fit_is_refused_before_its_cost_is_built():
    class Untouchable:
        shape = (200, 200)

        def block(self, rows, columns):
            raise AssertionError("the cost was evaluated")

    for cost in (Untouchable(), np.zeros((200, 200))):
        with pytest.raises(ResourceError, match="a plan between 200 and 200 points"):
            solve(cost)


@pytest.mark.usefixtures("one_megabyte_free")
@pytest.mark.parametrize("sizes", [(200, 200), (1, 200), (200, 1)])
def test_a_divergence_that_does_not_fit_is_refused_also_for_its_self_terms(sizes):
    source, target = (DiscreteMeasure(np.zeros((n, 1))) for n in sizes)
    with pytest.raises(ResourceError, match="divergence of up to 200 points"):
        sinkhorn_divergence(source, target, solver=Sinkhorn(1.0))


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.zeros(3), [[np.nan]]])
def test_a_measure_needs_finite_points(points):
    with pytest.raises(InvalidInputError, match="`points`"):
        DiscreteMeasure(points)


def test_the_mean_of_a_measure_is_its_barycentre():
    measure = DiscreteMeasure([[0.0, 0.0], [4.0, 8.0]], [0.75, 0.25])
    assert len(measure) == 2
    assert measure.mean.tolist() == [1.0, 2.0]
