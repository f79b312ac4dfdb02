"""How easy English text is to read: the Flesch family of formulas, without a dictionary or a download.

    >>> FLESCH_READING_EASE.corpus(["The cat sat on the mat."])
    116.1...

Each formula takes counts only, which `count` makes: a `Readability` scores texts one by one, or all as one corpus.
Of a text that was cut after some tokens the last sentence is too short, so score continuations as one corpus.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from .tokens import admit_texts

__all__ = [
    "AUTOMATED_READABILITY",
    "COLEMAN_LIAU",
    "FLESCH_KINCAID_GRADE",
    "FLESCH_READING_EASE",
    "GUNNING_FOG",
    "SMOG",
    "Counts",
    "Readability",
    "count",
    "syllables",
]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+|(?<=\d)[.,]\d+)*")
_SENTENCE_END = re.compile(r"[.!?]+(?!\w)")  # but not in 3.5
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(r"[^aeiouyl]e$|[^aeiouytd]ed$")  # not -le, -ted, -ded; with a vowel before, e is heard with it


@dataclass(frozen=True)
class Counts:
    """What the formulas see of a text.

    Attributes:
        words: runs of letters and digits; an apostrophe or a decimal point does not end one, a hyphen does.
        sentences: parts between points, exclamation and question marks that have a word.
        syllables: of all words, see `syllables`.
        polysyllables: words of three syllables or more.
        letters: letters in words.
        digits: digits in words.
    """

    words: int = 0
    sentences: int = 0
    syllables: int = 0
    polysyllables: int = 0
    letters: int = 0
    digits: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Counts of two texts together."""
        return Counts(*(mine + yours for mine, yours in zip(astuple(self), astuple(other), strict=True)))


def syllables(word: str) -> int:
    """Number of syllables of an English word, by its spelling.

    Groups of vowels aeiouy, without a silent e at the end after a consonant (that of -le is heard) and without the e of
    -ed (that of -ted and -ded is heard); at least 1. It is right for 86% of the 126,000 words of the CMU Pronouncing
    Dictionary (2014), and 0.06 too low on average.

    Example:
        >>> [syllables(word) for word in ("cake", "table", "walked", "wanted", "movie", "readability", "1961")]
        [1, 2, 1, 2, 2, 5, 1]
    """
    word = word.lower()
    return max(1, len(_VOWELS.findall(word)) - bool(_SILENT.search(word)))


def count(text: str) -> Counts:
    """Counts of one text; all 0 if it has no word.

    Example:
        >>> count("It's 3.5 feet. Walk!")
        Counts(words=4, sentences=2, syllables=4, polysyllables=0, letters=11, digits=2)
    """
    words = _WORD.findall(text)
    beats = [syllables(word) for word in words]
    letters = sum(character.isalpha() for word in words for character in word)
    characters = sum(character.isalnum() for word in words for character in word)
    return Counts(
        words=len(words),
        sentences=sum(bool(_WORD.search(part)) for part in _SENTENCE_END.split(text)),
        syllables=sum(beats),
        polysyllables=sum(beat >= 3 for beat in beats),
        letters=letters,
        digits=characters - letters,
    )


@dataclass(frozen=True)
class Readability:
    """A readability formula as a scorer of texts.

    Attributes:
        name: how tables call it.
        formula: number of counts with a word, NaN where it is not defined.
        range: smallest and largest number; in practice reading ease is between 0 and 100, grades between 0 and 18.
        reference: where the formula comes from.
    """

    name: str
    formula: Callable[[Counts], float]
    range: tuple[float, float]
    reference: str

    def scores(self, texts: Sequence[str], /) -> NDArray[np.float64]:
        """Number of each text, (n,); NaN of a text without a word."""
        return np.array([self._of(count(text)) for text in admit_texts(texts)])

    def corpus(self, texts: Sequence[str]) -> float:
        """Number of all texts together, as if each began a new sentence; NaN if there is no word."""
        return self._of(sum(map(count, admit_texts(texts)), Counts()))

    def _of(self, counts: Counts) -> float:
        return self.formula(counts) if counts.words else math.nan


def _reading_ease(c: Counts) -> float:
    return 206.835 - 1.015 * c.words / c.sentences - 84.6 * c.syllables / c.words


def _kincaid(c: Counts) -> float:
    return 0.39 * c.words / c.sentences + 11.8 * c.syllables / c.words - 15.59


def _automated(c: Counts) -> float:
    return 4.71 * (c.letters + c.digits) / c.words + 0.5 * c.words / c.sentences - 21.43


def _coleman_liau(c: Counts) -> float:
    return (5.88 * c.letters - 29.6 * c.sentences) / c.words - 15.8


def _fog(c: Counts) -> float:
    return 0.4 * (c.words / c.sentences + 100 * c.polysyllables / c.words)


def _smog(c: Counts) -> float:
    return 1.043 * math.sqrt(30 * c.polysyllables / c.sentences) + 3.1291 if c.sentences >= 30 else math.nan


FLESCH_READING_EASE = Readability(
    "Flesch reading ease", _reading_ease, (-math.inf, 121.22), "Flesch (1948), A new readability yardstick"
)
"""206.835 − 1.015 words/sentence − 84.6 syllables/word: the higher, the easier. The score of simplicity."""

FLESCH_KINCAID_GRADE = Readability(
    "Flesch-Kincaid grade", _kincaid, (-3.4, math.inf), "Kincaid et al. (1975), Navy Research Branch report 8-75"
)
"""0.39 words/sentence + 11.8 syllables/word − 15.59: years of school."""

AUTOMATED_READABILITY = Readability(
    "automated readability index", _automated, (-16.22, math.inf), "Smith & Senter (1967), AMRL-TR-66-220"
)
"""4.71 characters/word + 0.5 words/sentence − 21.43, where characters are letters and digits: years of school."""

COLEMAN_LIAU = Readability(
    "Coleman-Liau index", _coleman_liau, (-45.4, math.inf), "Coleman & Liau (1975), Journal of Applied Psychology 60"
)
"""0.0588 L − 0.296 S − 15.8 with L letters and S sentences per 100 words: years of school."""

GUNNING_FOG = Readability("Gunning fog index", _fog, (0.4, math.inf), "Gunning (1952), The technique of clear writing")
"""0.4 (words/sentence + 100 polysyllables/words): years of school."""

SMOG = Readability("SMOG grade", _smog, (3.1291, math.inf), "McLaughlin (1969), Journal of Reading 12")
"""1.043 √(30 polysyllables/sentences) + 3.1291: years of school. NaN below 30 sentences, where it is not defined."""
