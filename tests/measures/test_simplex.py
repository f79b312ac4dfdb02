"""The door to the network simplex method: what it says, and what it leaves alone."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import ot
import pytest

from continuum.measures.simplex import dense_simplex, sparse_simplex


@pytest.fixture
def problem(rng):
    """A cost (30, 30) that takes more than one pivot, and the masses of both sides."""
    return rng.random((30, 30)), np.full(30, 1 / 30)


def stopped(cost, masses):
    """Both ways to the simplex method, after one pivot."""
    rows, columns = (places.ravel() for places in np.indices(cost.shape, np.int32))
    yield dense_simplex(cost, masses, masses, 1)
    yield sparse_simplex(rows, columns, cost.ravel(), masses, masses, 1)


@pytest.mark.filterwarnings("error")
def test_a_stop_is_told_by_the_flag_and_by_no_foreign_warning(problem):
    assert [basis.optimal for basis in stopped(*problem)] == [False, False]


def test_what_pot_says_to_others_is_left_alone(problem):
    cost, masses = problem
    list(stopped(cost, masses))
    with pytest.warns(UserWarning, match="numItermax"):
        ot.emd(masses, masses, cost, numItermax=1)


def test_threads_leave_the_filters_of_warnings_as_they_were(problem):
    before = list(warnings.filters)
    start = threading.Barrier(8)

    def work():
        start.wait()
        for _ in range(50):
            list(stopped(*problem))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
