"""VADER as a scorer: its own published example, its range, and blank texts."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from continuum.core import InvalidInputError, MissingExtraError, fingerprint
from continuum.models.sentiment import Vader

TEXTS = ["VADER is smart, handsome, and funny.", "Today SUX!", "The table is made of wood.", "ok"]


@pytest.fixture(autouse=True)
def _installed():
    pytest.importorskip("vaderSentiment")


def test_scores_are_those_of_the_examples_of_its_authors():
    """README of vaderSentiment 3.3.2 for the first two; no word of the third is in the lexicon; the last by lookup."""
    assert Vader().scores(TEXTS) == pytest.approx([0.8316, -0.5461, 0.0, 0.296])


def test_the_unit_score_is_the_compound_mapped_to_0_and_1():
    compound, unit = Vader().scores(TEXTS), Vader(unit=True).scores(TEXTS)
    assert unit == pytest.approx((compound + 1) / 2)
    assert (Vader().range, Vader(unit=True).range) == ((-1.0, 1.0), (0.0, 1.0))


def test_negation_turns_the_sign():
    good, not_good = Vader().scores(["The film was good.", "The film was not good."])
    assert good > 0 > not_good


def test_blank_texts_have_no_score():
    assert np.isnan(Vader().scores(["", " \n"])).all()


def test_a_store_knows_it_by_its_options():
    used = Vader()
    used.scores(TEXTS)
    assert fingerprint(used) == fingerprint(Vader()) != fingerprint(Vader(unit=True))


def test_a_missing_package_is_told_before_anything_is_scored(monkeypatch):
    monkeypatch.setitem(sys.modules, "vaderSentiment", None)
    with pytest.raises(MissingExtraError, match=r"continuum-interpolation\[lm\]"):
        Vader()


def test_texts_are_a_sequence_of_strings():
    with pytest.raises(InvalidInputError, match="texts"):
        Vader().scores("fine")
