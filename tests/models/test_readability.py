"""Readability by hand: the counts of three texts, and every formula on them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from continuum.core import InvalidInputError
from continuum.models.readability import (
    AUTOMATED_READABILITY,
    COLEMAN_LIAU,
    FLESCH_KINCAID_GRADE,
    FLESCH_READING_EASE,
    GUNNING_FOG,
    SMOG,
    Counts,
    count,
    syllables,
)

EASY = "The cat sat on the mat."
HARD = "Readability formulas are approximations. They count syllables, and sentences!"
FORMULAS = [FLESCH_READING_EASE, FLESCH_KINCAID_GRADE, AUTOMATED_READABILITY, COLEMAN_LIAU, GUNNING_FOG, SMOG]

# Worked out with pencil and paper from the formulas and the counts of the first test.
ANSWERS = [
    (FLESCH_READING_EASE, 206.835 - 1.015 * 6 - 84.6, 206.835 - 1.015 * 4.5 - 84.6 * 23 / 9),
    (FLESCH_KINCAID_GRADE, -1.45, 0.39 * 4.5 + 11.8 * 23 / 9 - 15.59),
    (AUTOMATED_READABILITY, 4.71 * 17 / 6 + 3 - 21.43, 4.71 * 66 / 9 + 2.25 - 21.43),
    (COLEMAN_LIAU, 0.0588 * 1700 / 6 - 0.296 * 100 / 6 - 15.8, 0.0588 * 6600 / 9 - 0.296 * 200 / 9 - 15.8),
    (GUNNING_FOG, 2.4, 0.4 * (4.5 + 500 / 9)),
    (SMOG, math.nan, math.nan),  # not defined below 30 sentences
]


def test_counts_are_those_of_a_reader():
    assert count(EASY) == Counts(words=6, sentences=1, syllables=6, polysyllables=0, letters=17, digits=0)
    assert count(HARD) == Counts(words=9, sentences=2, syllables=23, polysyllables=5, letters=66, digits=0)
    assert count("In 1961, it cost 3.5 pounds") == Counts(6, 1, 6, 0, 14, 6)


@pytest.mark.parametrize(("formula", "easy", "hard"), ANSWERS, ids=lambda value: getattr(value, "name", None))
def test_each_formula_gives_what_pencil_and_paper_give(formula, easy, hard):
    assert formula.scores([EASY, HARD]) == pytest.approx([easy, hard], nan_ok=True)


def test_smog_of_30_sentences():
    assert SMOG.corpus([HARD] * 15) == pytest.approx(1.043 * math.sqrt(75) + 3.1291)
    assert SMOG.scores([" ".join([HARD] * 15)]) == pytest.approx([12.1617], abs=1e-4)
    assert math.isnan(SMOG.corpus([HARD] * 14))


@pytest.mark.parametrize(
    ("word", "n"),
    [
        ("a", 1),
        ("cake", 1),  # silent e
        ("table", 2),  # but not of -le
        ("free", 1),  # nor a vowel that two letters write
        ("movie", 2),
        ("walked", 1),  # silent -ed
        ("wanted", 2),  # but not after t
        ("ended", 2),  # or d
        ("played", 1),
        ("studied", 2),
        ("red", 1),  # a word has one at least
        ("the", 1),
        ("rhythm", 1),
        ("BEAUTIFUL", 3),
        ("1961", 1),
    ],
)
def test_syllables_follow_the_rules_of_spelling(word, n):
    assert syllables(word) == n


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("no end", 1),
        ("One. Two", 2),
        ("Really?! Yes...", 2),
        ("It is 3.5 miles.", 1),
        ('"Stop." He stopped.', 2),
        ("... !", 0),
    ],
)
def test_sentences_end_at_points_and_marks_after_a_word(text, n):
    assert count(text).sentences == n


def test_a_corpus_is_the_text_of_all_its_texts():
    together = count(EASY) + count(HARD)
    assert together == count(f"{EASY} {HARD}")
    for formula in FORMULAS[:-1]:
        assert formula.corpus([EASY, HARD]) == formula.scores([f"{EASY} {HARD}"])[0]


def test_a_text_without_words_has_no_score_and_counts_nothing_in_a_corpus():
    for formula in FORMULAS:
        assert np.isnan(formula.scores(["", " ?! "])).all()
        assert math.isnan(formula.corpus([""]))
    assert FLESCH_READING_EASE.corpus([EASY, "", "!"]) == FLESCH_READING_EASE.corpus([EASY])


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.name)
def test_scores_are_within_the_range_that_the_formula_tells(formula, rng):
    letters = list("abcdeiou .!?1")
    texts = ["".join(rng.choice(letters, 200)) for _ in range(50)] + [
        "a",
        "1",
        "a. " * 40,
        "banana banana. " * 30,
        "bb b.",
    ]
    scores = formula.scores(texts)
    low, high = formula.range
    known = scores[~np.isnan(scores)]
    assert len(known)
    assert ((low - 1e-9 <= known) & (known <= high + 1e-9)).all()


def test_texts_are_a_sequence_of_strings():
    with pytest.raises(InvalidInputError, match="texts"):
        FLESCH_READING_EASE.scores(EASY)
