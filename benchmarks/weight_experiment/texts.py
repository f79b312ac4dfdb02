"""The texts of the experiment: to train on, held out, neutral, and beginnings to go on from."""

from __future__ import annotations

from functools import lru_cache

from lab import Lab
from small import made_up_texts

from continuum.models.corpora import attribute_texts, genre_texts, sentences
from continuum.models.texts import Texts, shuffled

ATTRIBUTES = {
    "sentiment": ("positive", "negative"),
    "register": ("nyt", "tweets"),
    "romance": ("romance", "belles_lettres"),
    "religion": ("religion", "hobbies"),
    "adventure": ("adventure", "mystery"),
}
"""Attributes with their plus and minus class; the last three are pairs of genres of the Brown corpus."""

HELD_OUT = 64  # texts of each class
_NEUTRAL = ("learned", "lore", "government", "news")  # genres that no attribute is of
_WORDS = 12  # of the shortest passage of a genre, which makes passages as long as the sentences
_NEUTRAL_WORDS = 220  # some 280 tokens
_CALM = 0.5  # a score within this of 0 has no clear sign


@lru_cache
def texts_of(name: str, small: bool) -> Texts:
    """Texts of a class: an order as good as random, and no text in both parts."""
    if small:
        made = made_up_texts(name, 240)
        return Texts(train=made[HELD_OUT:], held_out=made[:HELD_OUT])
    for attribute in ("sentiment", "register"):
        if name in ATTRIBUTES[attribute]:
            return attribute_texts(attribute, held_out=HELD_OUT)[ATTRIBUTES[attribute].index(name)]
    return genre_texts(name, words=_WORDS, held_out=HELD_OUT)


def held_out(lab: Lab, name: str, count: int) -> tuple[str, ...]:
    return texts_of(name, lab.small).held_out[:count]


@lru_cache
def neutral_texts(lab: Lab) -> tuple[str, ...]:
    """Eight passages without an attribute, some 2,200 tokens."""
    if lab.small:
        return made_up_texts("neutral", 8)
    return tuple(text for genre in _NEUTRAL for text in genre_texts(genre, words=_NEUTRAL_WORDS).train[:2])


@lru_cache
def prompts(lab: Lab) -> tuple[str, ...]:
    """The first four words of sentences of reviews whose score has no clear sign."""
    if lab.small:
        return tuple(dict.fromkeys(" ".join(text.split()[:3]) for text in made_up_texts("prompts", 16)))
    reviews = [sentence for domain in ("movies", "amazon") for sentence in sentences(domain)]
    calm = [sentence.text.split() for sentence in reviews if abs(sentence.score) < _CALM]
    return shuffled(" ".join(words[:4]) for words in calm if len(words) >= 8)[:320]
