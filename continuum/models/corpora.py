"""Sentences with human sentiment scores, passages of fifteen genres and exchanges on twenty-one topics.

They are in the cache that `continuum fetch` fills. Two attributes come with texts at either end, for anchors of the
weight axis: sentiment and register. Topics are tasks to select texts for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from continuum.artifacts import cache_path
from continuum.core import InvalidInputError, MissingDataError, StoreError

from .recipes import TEXTS
from .text_archives import DOMAINS, GENRES
from .texts import Texts, hold_out, shuffled, spelling

__all__ = ["Exchange", "Sentence", "attribute_texts", "exchanges", "genre_texts", "sentences"]

_SHORTEST, _LONGEST = 6, 40  # words of a sentence that shows an attribute
_CLEAR = 1.2  # a mean score beyond this, of at most 4, leaves no doubt about the sign


@dataclass(frozen=True)
class Sentence:
    """A sentence that people have read and scored.

    Attributes:
        text: the sentence.
        score: mean human score, from -4 (extremely negative) to 4 (extremely positive).
        domain: "movies" and "amazon" are reviews, "nyt" editorials, and "tweets".
    """

    text: str
    score: float
    domain: str


@dataclass(frozen=True)
class Exchange:
    """What was said, and what was answered.

    Attributes:
        topic: what it is about, such as "trivia" or "tech_support".
        turns: what was said in turn; mostly two texts. In a few topics the later ones are answers to choose from.
    """

    topic: str
    turns: tuple[str, ...]

    @property
    def text(self) -> str:
        """All turns, a line or more for each."""
        return "\n".join(self.turns)


def exchanges(topic: str | None = None) -> tuple[Exchange, ...]:
    """The 2,026 English exchanges of the ChatterBot corpus, or those on one of its 21 topics, with repetitions.

    899 are distinct: of the 1,050 of "tech_support" ten are, one of which is there 121 times.

    Args:
        topic: "trivia", "coding", "psychology" and so on; all by default.

    Raises:
        InvalidInputError: if there is no such topic.
        MissingDataError: if they are not on this machine; the message names the command that fetches them.
    """
    found = tuple(Exchange(record["topic"], tuple(record["turns"])) for record in _read("exchanges"))
    if topic is None:
        return found
    topics = tuple(dict.fromkeys(exchange.topic for exchange in found))
    if topic not in topics:
        raise InvalidInputError(f"no topic is called {topic!r}; choose one of {', '.join(topics)}")
    return tuple(exchange for exchange in found if exchange.topic == topic)


def sentences(domain: str | None = None) -> tuple[Sentence, ...]:
    """The 23,703 sentences of Hutto and Gilbert (2014), or those of one domain, in file order and with repetitions.

    Args:
        domain: "movies", "amazon", "nyt" or "tweets"; all by default.

    Raises:
        InvalidInputError: if there is no such domain.
        MissingDataError: if they are not on this machine; the message names the command that fetches them.
    """
    if domain is not None and domain not in DOMAINS:
        raise InvalidInputError(f"no domain is called {domain!r}; choose one of {', '.join(DOMAINS)}")
    return tuple(Sentence(**record) for record in _read("sentiment-text") if domain in (None, record["domain"]))


def attribute_texts(attribute: str, *, held_out: int = 64) -> tuple[Texts, Texts]:
    """Sentences of 6 to 40 words at the two ends of an attribute, each with a part held out.

    "sentiment": reviews that people scored above 1.2, and below -1.2; both ends are two thirds movies and one third
    products, so that the ends do not differ in what they are about.
    "register": editorials, and tweets.

    What stands at both ends is in neither. See `hold_out` for the split.

    Args:
        attribute: "sentiment" or "register".
        held_out: sentences held out at each end.

    Returns:
        The plus end and the minus end.

    Raises:
        InvalidInputError: if there is no such attribute, or fewer sentences than are to be held out.
        MissingDataError: if the sentences are not on this machine.
    """
    if attribute not in _ENDS:
        raise InvalidInputError(f"no attribute is called {attribute!r}; choose one of {', '.join(_ENDS)}")
    usable = [sentence for sentence in sentences() if _SHORTEST <= len(sentence.text.split()) <= _LONGEST]
    plus, minus = _ENDS[attribute](usable)
    shared = set(map(spelling, plus)) & set(map(spelling, minus))
    plus_end, minus_end = (
        hold_out((text for text in end if spelling(text) not in shared), held_out) for end in (plus, minus)
    )
    return plus_end, minus_end


def genre_texts(genre: str, *, words: int = 40, held_out: int = 64) -> Texts:
    """Passages of one genre of the Brown corpus (Francis and Kucera, 1964), with a part held out.

    A passage is as few whole sentences in a row as make at least `words` words; the end of a text that has fewer is
    left out. Passages of one text can lie on both sides of the split.

    Args:
        genre: one of the fifteen genres, such as "news" or "romance".
        words: length of the shortest passage.
        held_out: passages held out.

    Raises:
        InvalidInputError: if there is no such genre, or fewer passages than are to be held out.
        MissingDataError: if the corpus is not on this machine.
    """
    if genre not in GENRES.values():
        raise InvalidInputError(f"no genre is called {genre!r}; choose one of {', '.join(GENRES.values())}")
    if words < 1:
        raise InvalidInputError(f"`words` must be at least 1, got {words}")
    texts = (record["sentences"] for record in _read("brown") if record["genre"] == genre)
    return hold_out((passage for text in texts for passage in _passages(text, words)), held_out)


def _passages(text: Iterable[str], words: int) -> Iterator[str]:
    passage: list[str] = []
    for sentence in text:
        passage += sentence.split()
        if len(passage) >= words:
            yield " ".join(passage)
            passage = []


def _by_sentiment(usable: list[Sentence]) -> tuple[list[str], list[str]]:
    plus = [sentence for sentence in usable if sentence.score > _CLEAR]
    minus = [sentence for sentence in usable if sentence.score < -_CLEAR]
    return _two_movies_per_product(plus), _two_movies_per_product(minus)


def _two_movies_per_product(side: list[Sentence]) -> list[str]:
    products = shuffled(_of(side, "amazon"))
    return [*products, *shuffled(_of(side, "movies"))[: 2 * len(products)]]


def _by_register(usable: list[Sentence]) -> tuple[list[str], list[str]]:
    return _of(usable, "nyt"), _of(usable, "tweets")


def _of(side: Iterable[Sentence], domain: str) -> list[str]:
    return [sentence.text for sentence in side if sentence.domain == domain]


_ENDS = {"sentiment": _by_sentiment, "register": _by_register}


def _read(name: str) -> Iterator[dict[str, Any]]:
    path = cache_path(name, TEXTS)
    if not path.exists():
        raise MissingDataError(f"the texts of `{name}` are not on this machine: run `continuum fetch {name}`")
    try:
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)
    except (OSError, ValueError) as error:
        raise StoreError(f"`{path}` is damaged ({error}): delete it and run `continuum fetch {name}`") from error
