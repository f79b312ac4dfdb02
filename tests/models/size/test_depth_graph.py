"""Depth graphs against enumeration, and surrogates against what they were fitted to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_klpatch import KEPT_UNEQUAL, LAYERS_UNEQUAL
from trials import calibration, every_other, llama_family

from continuum.core import InvalidInputError, ResourceError
from continuum.models import PatchPath
from continuum.models.size import DepthGraph, Interactions, Lattice, Surrogate
from continuum.models.size.execution import divergence
from continuum.models.size.orders import size_moves


@st.composite
def graphs(draw, pairs=True):
    """Random graphs in which blocks have unlike lengths, and some parts are neutral."""
    added = tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=7)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if pairs:
        return DepthGraph(added, rng.standard_normal((len(added), 2, 2)), 1.5)
    return DepthGraph.additive(added, rng.standard_normal((len(added), 2)), 1.5)


def enumerated(graph):
    """The least value of each depth."""
    found: dict[int, float] = {}
    for r in range(len(graph.added) + 1):
        for patched in itertools.combinations(range(len(graph.added)), r):
            depth = sum(graph.added[part] for part in patched)
            found[depth] = min(found.get(depth, np.inf), graph.value(patched))
    return found


@given(st.booleans().flatmap(graphs))
@settings(deadline=None)
def test_one_pass_finds_the_best_member_of_every_depth(graph):
    found = graph.cheapest()
    assert {depth: choice.value for depth, choice in found.items()} == pytest.approx(enumerated(graph), abs=1e-12)
    for depth, choice in found.items():
        assert sum(graph.added[part] for part in choice.patched) == depth
        assert graph.value(choice.patched) == pytest.approx(choice.value, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_with_blocks_of_one_length_and_no_interaction_the_graph_sorts_by_gain(gains):
    graph = DepthGraph.additive((1,) * len(gains), np.array([[gain, 0.0] for gain in gains]))
    kept = np.cumsum([0.0, *sorted(gains)])[::-1]  # what the slots that are not patched cost
    assert [choice.value for choice in graph.cheapest().values()] == pytest.approx(list(kept))


@st.composite
def interactions(draw, pairs=0):
    """Measurements of a family whose slots interact if they are at most `pairs` apart."""
    m = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pair = np.triu(rng.standard_normal((m, m)), 1)
    pair -= np.triu(pair, pairs + 1)
    near = draw(st.sampled_from(["student", "teacher"]))
    layers = tuple(int(n) for n in rng.integers(1, 4, m))
    sizes = tuple(10 * n for n in layers)
    return Interactions(tuple(range(m)), near, 0.5, rng.standard_normal(m), pair + pair.T, layers, sizes)


@given(interactions(), st.sampled_from(["sum", "area"]))
@settings(deadline=None)
def test_without_interaction_sorting_by_gain_is_the_shortest_path(fitted, weight):
    lattice = fitted.lattice()
    order = fitted.by_gain(weight)
    kl = lattice.along(order)
    sizes = [fitted.parameters[slot] for slot in order]
    found = {"sum": sum(kl[1:]), "area": sum(s * (a + b) / 2 for s, a, b in zip(sizes, kl, kl[1:], strict=False))}
    assert found[weight] == pytest.approx(lattice.shortest_path(weight).total, abs=1e-10)


@given(st.integers(0, 1).flatmap(interactions))
@settings(deadline=None)
def test_the_graph_of_neighbours_says_of_every_member_what_the_lattice_says(fitted):
    graph, lattice = fitted.graph(), fitted.lattice()
    for number, value in enumerate(lattice.kl):
        patched = {bit for bit in range(len(fitted.slots)) if number >> bit & 1}
        assert graph.value(patched) == pytest.approx(value, abs=1e-12)


def test_slots_apart_that_interact_are_refused_by_the_graph():
    pair = np.zeros((3, 3))
    pair[0, 2] = pair[2, 0] = 1.0
    with pytest.raises(InvalidInputError, match="adjacent"):
        Interactions((0, 1, 2), "student", 1.0, np.zeros(3), pair, (1, 1, 1), (1, 1, 1)).graph()


@pytest.mark.parametrize("near", ["student", "teacher"])
@pytest.mark.parametrize(("terms", "apart"), [("additive", 0), ("adjacent", 1), ("quadratic", 9)])
def test_a_surrogate_is_exact_for_the_members_that_it_was_fitted_to(near, terms, apart):
    members, texts = llama_family(KEPT_UNEQUAL, LAYERS_UNEQUAL), calibration()
    fitted = Surrogate(texts, terms, near).fit(members)
    moves, predicted = list(size_moves(members.layout).values()), fitted.lattice().kl
    m, every = len(moves), frozenset(range(len(KEPT_UNEQUAL)))
    changes = [
        (),
        *((i,) for i in range(m)),
        *((i, j) for i, j in itertools.combinations(range(m), 2) if j <= i + apart),
    ]
    for change in changes:
        changed = frozenset().union(*(moves[i] for i in change))
        number = sum(1 << i for i in change)
        if near == "teacher":
            changed, number = every - changed, 2**m - 1 - number
        assert predicted[number] == pytest.approx(divergence(members, changed, texts).mean, abs=1e-12)
    assert fitted.work.heads == len(changes)
    assert (fitted.constant == 0.0) == (near == "teacher")


def test_an_order_by_a_surrogate_is_the_best_for_its_predictions():
    members, texts = llama_family(*every_other(4, 1)), calibration()
    for terms in ("additive", "adjacent", "quadratic"):
        order = Surrogate(texts, terms)
        path = PatchPath(members.student.model, members.teacher.model, order=order)
        lattice = order.fit(members).lattice()
        assert sum(lattice.along(path.slots)[1:]) == pytest.approx(lattice.shortest_path().total, abs=1e-12)


def test_the_quadratic_form_predicts_the_others_better_than_single_changes_do():
    members, texts = llama_family(*every_other(5, 1)), calibration()
    measured = Lattice.measure(members, texts).kl
    error = {
        terms: np.abs(Surrogate(texts, terms).fit(members).lattice().kl - measured).mean()
        for terms in ("additive", "quadratic")
    }
    assert error["quadratic"] < error["additive"]


def test_wrong_options_are_refused():
    for options in ({"terms": "cubic"}, {"near": "middle"}, {"weight": "mean"}):
        with pytest.raises(InvalidInputError, match=next(iter(options))):
            Surrogate(calibration(), **options)
    with pytest.raises(InvalidInputError, match="weights"):
        DepthGraph((1, 1), np.zeros((2, 2)))
    with pytest.raises(InvalidInputError, match="weights"):
        DepthGraph.additive((1, 1), np.zeros((3, 2)))
    with pytest.raises(InvalidInputError, match="numbers of layers"):
        DepthGraph((-1,), np.zeros((1, 2, 2)))
    m = 21
    with pytest.raises(ResourceError, match="21 size slots"):
        Interactions(tuple(range(m)), "student", 0.0, np.zeros(m), np.zeros((m, m)), (1,) * m, (1,) * m).lattice()
