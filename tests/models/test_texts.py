"""Held-out texts depend on what the texts say only, and are never trained on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuum.core import InvalidInputError
from continuum.models.texts import hold_out, shuffled, spelling

SOME = [f"text {number}" for number in range(50)]


@given(st.permutations(SOME), st.integers(0, 49))
def test_the_split_does_not_depend_on_the_order(texts, held_out):
    assert hold_out(texts, held_out) == hold_out(SOME, held_out)


@given(st.lists(st.text(min_size=1), min_size=1), st.data())
def test_a_split_keeps_each_spelling_once_on_one_side(texts, data):
    size = len({spelling(text) for text in texts})
    held_out = data.draw(st.integers(0, size - 1))
    split = hold_out(texts, held_out)
    both = [*split.train, *split.held_out]
    assert len(split.held_out) == held_out
    assert sorted(map(spelling, both)) == sorted({spelling(text) for text in texts})
    assert set(both) <= set(texts)


def test_fewer_held_out_are_a_prefix_of_more():
    assert hold_out(SOME, 20).held_out[:7] == hold_out(SOME, 7).held_out


def test_a_new_text_displaces_at_most_one_that_is_held_out():
    before, after = hold_out(SOME, 20).held_out, hold_out([*SOME, "new"], 20).held_out
    assert len(set(before) - set(after)) <= 1


def test_texts_in_other_spellings_are_one_and_the_choice_among_them_is_fixed():
    spellings = ["THANKS y!", "thanks y.", "Thanks, Y"]
    assert shuffled(spellings) == shuffled(reversed(spellings)) == ("THANKS y!",)
    assert set(shuffled([":)", ":("])) == {":)", ":("}  # nothing but marks: these are compared


def test_the_order_mixes_what_comes_in_order():
    texts = [f"{kind} {number}" for kind in ("film", "book") for number in range(500)]
    films = sum(text.startswith("film") for text in shuffled(texts)[:200])
    assert 70 < films < 130  # 100 +- 4 standard deviations of 7


@pytest.mark.parametrize("held_out", [-1, 50, 51])
def test_a_split_that_leaves_nothing_to_train_on_is_refused(held_out):
    with pytest.raises(InvalidInputError, match=f"less than the 50 texts, got {held_out}"):
        hold_out(SOME, held_out)


def test_a_fraction_is_not_a_number_of_texts():
    with pytest.raises(InvalidInputError, match=r"must be an integer, got 0\.2"):
        hold_out(SOME, 0.2)
