"""Layouts: the published ones, the hidden states that they align, and orders of their slots."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import InvalidInputError
from continuum.models.size import EveryNth, Layout
from continuum.models.size.orders import order_of, steps

# Teacher depth, rule (first, last, every), kept layers, number of size slots: released models of Kangaslahti et al.
PUBLISHED_LAYOUTS = [
    (36, (1, 2, 2), (*range(0, 36, 2), 35), 17),  # Qwen3 4B and 8B
    (32, (1, 2, 2), (*range(0, 32, 2), 31), 15),  # Pythia 2.8B and 6.9B
    (28, (2, 1, 2), (0, *range(1, 28, 2)), 13),  # Llama 3.2 3B
]
DISTILBERT = Layout((0, 2, 4, 7, 9, 11), 12)


@st.composite
def layouts(draw):
    layers = draw(st.integers(2, 12))
    return Layout((0, *sorted(draw(st.sets(st.integers(1, layers - 1), max_size=layers - 1)))), layers)


@pytest.mark.parametrize(("layers", "rule", "kept", "steps"), PUBLISHED_LAYOUTS)
def test_the_rule_gives_the_published_layouts(layers, rule, kept, steps):
    first, last, every = rule
    layout = EveryNth(every, first=first, last=last).layout(layers)
    assert layout.kept == kept
    assert len(layout.size_slots) == steps


# The rule as the authors state it, by the points g that it aligns: {f + j: g_j}, one to one before and after.
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(4, 40))
def test_aligned_hidden_states_are_those_of_the_published_rule(first, last, every, layers):
    if layers < first + last:
        return
    layout = EveryNth(every, first=first, last=last).layout(layers)
    points = range(first + every - 1, layers - last + 1, every)
    expected = {i: i for i in range(first)} | {first + j: g for j, g in enumerate(points)}
    student = max(expected) + 1
    teacher = max(expected.values()) + 1
    expected |= dict(zip(range(student, len(layout.kept) + 1), range(teacher, layers + 1), strict=True))
    assert layout.aligned == expected


def test_distilbert_grows_to_bert_in_one_jump_of_two_layers():
    order = order_of("last_to_first", SimpleNamespace(layout=DISTILBERT))
    assert [DISTILBERT.depth(patched) for patched in steps(DISTILBERT, order)] == [6, 7, 8, 10, 11, 12]
    with_neutral = steps(DISTILBERT, (5, 4, 3, 2, 1, 0))
    assert [DISTILBERT.depth(patched) for patched in with_neutral] == [6, 7, 8, 10, 11, 12]


@given(layouts())
def test_slots_are_contiguous_and_make_up_the_teacher(layout):
    assert [layer for slot in layout.slots for layer in slot] == list(range(layout.layers))
    assert layout.depth() == len(layout.kept)
    assert layout.depth(range(len(layout.kept))) == layout.layers
    assert sorted((*layout.size_slots, *layout.neutral_slots)) == list(range(len(layout.kept)))


@given(layouts(), st.data())
def test_steps_are_nested_and_each_has_one_more_size_slot(layout, data):
    if not layout.size_slots:
        return
    every = data.draw(st.booleans())
    slots = data.draw(st.permutations(range(len(layout.kept)) if every else layout.size_slots))
    family = steps(layout, slots)
    assert family[0] == frozenset()
    assert family[-1] == frozenset(range(len(layout.kept)))
    for before, after in pairwise(family):
        assert before < after
        assert len((after - before) & set(layout.size_slots)) == 1


@given(layouts(), st.data())
def test_the_place_of_a_slot_is_the_number_of_layers_before_it(layout, data):
    patched = data.draw(st.sets(st.integers(0, len(layout.kept) - 1)))
    sizes = [len(slot) if i in patched else 1 for i, slot in enumerate(layout.slots)]
    assert [layout.place(patched, i) for i in range(len(sizes))] == [sum(sizes[:i]) for i in range(len(sizes))]


def test_neutral_slots_ride_with_the_nearest_size_slot():
    layout = Layout((0, 2, 3, 4, 5, 7), 9)  # blocks of 2, 1, 1, 1, 2 and 2 layers
    assert steps(layout, (4, 0, 5)) == (
        frozenset(),
        frozenset({3, 4}),
        frozenset({0, 1, 2, 3, 4}),
        frozenset({0, 1, 2, 3, 4, 5}),
    )


@pytest.mark.parametrize(
    ("kept", "layers", "says"),
    [
        ((), 4, "at least one"),
        ((1, 2), 4, "begin with layer 0"),
        ((0, 2, 2), 4, "increase strictly"),
        ((0, 3, 2), 4, "increase strictly"),
        ((0, 4), 4, "layers 0 to 3"),
        ((0, 1.5), 4, "whole numbers"),
        ((0, True), 4, "whole numbers"),
    ],
)
def test_a_map_that_is_no_layout_is_refused(kept, layers, says):
    with pytest.raises(InvalidInputError, match=says):
        Layout(kept, layers)


@pytest.mark.parametrize("slots", [{6}, {-1}, {0.5}, {"1"}])
def test_slots_that_are_not_there_are_refused(slots):
    with pytest.raises(InvalidInputError, match="slots are 0 to 5"):
        DISTILBERT.depth(slots)


@pytest.mark.parametrize("order", ["backwards", (0, 1), (0, 1, 2, 3, 3), (0, 1, 2, 3, 5), (0, 1, 2, 3, "4")])
def test_an_order_that_names_not_every_slot_once_is_refused(order):
    with pytest.raises(InvalidInputError, match="order"):
        order_of(order, SimpleNamespace(layout=DISTILBERT))


@pytest.mark.parametrize("option", ["every", "first", "last"])
def test_a_rule_of_no_layers_is_refused(option):
    with pytest.raises(InvalidInputError, match=option):
        EveryNth(**{option: 0})
