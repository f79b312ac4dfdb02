"""Shortest paths through all members, against enumeration and against greedy orders."""

from __future__ import annotations

import itertools
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_klpatch import KEPT_UNEQUAL, LAYERS_UNEQUAL
from trials import calibration, every_other, llama_family

from continuum.core import InvalidInputError, ResourceError
from continuum.models import PatchPath
from continuum.models.size import BackwardGreedy, KLPatch, Lattice, ShortestPath
from continuum.models.size.execution import divergence
from continuum.models.size.orders import size_moves


@st.composite
def lattices(draw, most=6):
    m = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    added = tuple(int(size) for size in rng.integers(1, 4, m))
    return Lattice(tuple(range(0, 2 * m, 2)), np.append(rng.random(2**m - 1), 0.0), added)


def length(lattice, order, weight):
    kl = lattice.along(order)
    if weight == "sum":
        return sum(kl[1:])
    sizes = [lattice.added[lattice.slots.index(slot)] for slot in order]
    return sum(size * (a + b) / 2 for size, (a, b) in zip(sizes, pairwise(kl), strict=True))


def greedy(lattice):
    """The walk that always patches the slot of the least divergence."""
    order: list[int] = []
    while left := [slot for slot in lattice.slots if slot not in order]:
        order.append(min(left, key=lambda slot: lattice.along([*order, slot])[-1]))
    return order


@given(lattices(), st.sampled_from(["sum", "area"]))
@settings(deadline=None)
def test_the_shortest_path_is_the_best_of_all_permutations(lattice, weight):
    found = lattice.shortest_path(weight)
    best = min(length(lattice, order, weight) for order in itertools.permutations(lattice.slots))
    assert found.total == pytest.approx(best, rel=1e-12, abs=1e-15)
    assert length(lattice, found.order, weight) == pytest.approx(found.total, rel=1e-12, abs=1e-15)
    assert found.kl == lattice.along(found.order)


def test_the_shortest_path_is_the_best_of_all_permutations_of_seven_slots():
    lattice = Lattice(tuple(range(7)), np.random.default_rng(0).random(128), (1, 2, 1, 3, 1, 1, 2))
    for weight in ("sum", "area"):
        best = min(length(lattice, order, weight) for order in itertools.permutations(range(7)))
        assert lattice.shortest_path(weight).total == pytest.approx(best, rel=1e-12)


@given(lattices(most=5))
@settings(deadline=None)
def test_no_greedy_order_is_better_and_each_size_has_a_member_that_is_at_least_as_good(lattice):
    path, best = lattice.shortest_path(), lattice.best()
    assert length(lattice, greedy(lattice), "sum") >= path.total - 1e-12
    sizes = np.cumsum([0, *(lattice.added[lattice.slots.index(slot)] for slot in path.order)])
    assert all(best[int(size)][1] <= kl for size, kl in zip(sizes, path.kl, strict=True))


@given(lattices())
@settings(deadline=None)
def test_the_best_member_of_a_size_is_that_of_enumeration(lattice):
    found: dict[int, float] = {}
    for r in range(len(lattice.slots) + 1):
        for subset in itertools.combinations(lattice.slots, r):
            size = sum(lattice.added[lattice.slots.index(slot)] for slot in subset)
            found[size] = min(found.get(size, np.inf), lattice.along(subset)[-1])
    best = lattice.best()
    assert {size: value for size, (_, value) in best.items()} == found
    assert all(lattice.along(sorted(patched))[-1] == value for patched, value in best.values())


def test_the_lattice_has_the_divergence_of_every_member():
    members, texts = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL), calibration()
    lattice, moves = Lattice.measure(members, texts), list(size_moves(members.layout).values())
    for number, value in enumerate(lattice.kl):
        patched = frozenset().union(*(move for bit, move in enumerate(moves) if number >> bit & 1))
        assert value == divergence(members, patched, texts).mean
        added = sum(size for bit, size in enumerate(lattice.added) if number >> bit & 1)
        assert members.counts(patched).inference == members.counts(()).inference + added
    assert lattice.kl[-1] == 0.0


@pytest.mark.parametrize(("m", "e"), [(4, 0), (5, 1), (6, 2)])
def test_shared_starts_leave_three_layers_for_each_member(m, e):
    members = llama_family(*every_other(m, e))
    work = Lattice.measure(members, calibration(length=4, chunks=1, positions=1)).work
    assert work.layers == 3 * (2**m - 1) + e * 2**m
    assert work.heads == 2**m


def test_greedy_orders_of_a_family_are_no_better_than_its_shortest_path():
    members, texts = llama_family(*every_other(5, 1)), calibration()
    lattice = Lattice.measure(members, texts)
    path = lattice.shortest_path()
    for search in (KLPatch, BackwardGreedy):
        found = search(texts).search(members)
        assert found.kl == lattice.along(found.order)
        assert sum(found.kl[1:]) >= path.total
    assert tuple(greedy(lattice)) == KLPatch(texts).search(members).order
    student, teacher = members.student.model, members.teacher.model
    assert PatchPath(student, teacher, order=ShortestPath(texts)).slots == path.order
    area = PatchPath(student, teacher, order=ShortestPath(texts, "area")).slots
    assert length(lattice, area, "area") == pytest.approx(lattice.shortest_path("area").total)


def test_a_lattice_that_is_too_large_is_refused_with_a_way_out():
    members = llama_family(*every_other(4, 0))
    with pytest.raises(ResourceError, match=r"4 size slots make 16 members.*KLPatch and BackwardGreedy.*evaluate 11"):
        Lattice.measure(members, calibration(), limit=3)
    with pytest.raises(ResourceError, match="`limit` allows 3 slots"):
        ShortestPath(calibration(), limit=3).slots(members)
    with pytest.raises(InvalidInputError, match="limit"):
        Lattice.measure(members, calibration(), limit=0)


def test_what_is_no_lattice_is_refused():
    with pytest.raises(InvalidInputError, match=r"`kl` of shape \(4,\)"):
        Lattice((0, 1), np.zeros(3), (1, 1))
    with pytest.raises(InvalidInputError, match="weight"):
        Lattice((0,), np.zeros(2), (1,)).shortest_path("mean")
