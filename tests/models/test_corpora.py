"""Texts from the cache: what is at either end of an attribute, and what is held out of it."""

from __future__ import annotations

import json

import pytest

from continuum.artifacts import cache_path
from continuum.core import InvalidInputError, MissingDataError, StoreError
from continuum.models.corpora import Exchange, Sentence, attribute_texts, exchanges, genre_texts, sentences
from continuum.models.recipes import TEXTS
from continuum.models.text_archives import GENRES
from continuum.models.texts import spelling


def here(name):
    absent = not TEXTS[name].path.exists()
    return pytest.mark.skipif(absent, reason=f"`continuum fetch {name}` brings it")


def put(name, records):
    path = cache_path(name, TEXTS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def scored(domain, score, n, words=10, kind="about"):
    return [{"domain": domain, "score": score, "text": f"{domain} {kind} {k} " + "so " * (words - 3)} for k in range(n)]


@pytest.fixture
def toy(cache):
    """Clear and unclear sentences of four domains."""
    put(
        "sentiment-text",
        [
            *scored("movies", 2.0, 50, kind="good"),
            *scored("movies", 1.2, 5, kind="unclear"),
            *scored("movies", -2.0, 30, kind="bad"),
            *scored("amazon", 1.3, 10, kind="good"),
            *scored("amazon", -1.3, 8, kind="bad"),
            *scored("amazon", 3.0, 9, words=5, kind="short"),
            *scored("amazon", 3.0, 9, words=41, kind="long"),
            *scored("nyt", 0.0, 12),
            *scored("tweets", 4.0, 11),
        ],
    )


def test_sentences_come_in_file_order_by_domain(toy):
    everything = sentences()
    assert len(everything) == 144
    assert sentences("nyt") == tuple(one for one in everything if one.domain == "nyt")
    assert sentences("nyt")[0] == Sentence("nyt about 0 " + "so " * 7, 0.0, "nyt")


def test_sentiment_has_clear_reviews_with_two_films_per_product(toy):
    plus, minus = attribute_texts("sentiment", held_out=5)
    for end, products, kind in ((plus, 10, "good"), (minus, 8, "bad")):
        texts = [*end.train, *end.held_out]
        assert len(end.held_out) == 5
        assert sum(text.startswith("amazon") for text in texts) == products
        assert sum(text.startswith("movies") for text in texts) == 2 * products
        assert all(f" {kind} " in text for text in texts)


def test_register_has_editorials_against_tweets_of_any_score(toy):
    plus, minus = attribute_texts("register", held_out=1)
    assert {text.split()[0] for text in [*plus.train, *plus.held_out]} == {"nyt"}
    assert {text.split()[0] for text in [*minus.train, *minus.held_out]} == {"tweets"}
    assert (len(plus.train), len(minus.train)) == (11, 10)


def test_what_stands_at_both_ends_is_at_neither(cache):
    same = {"domain": "nyt", "score": 0.0, "text": "The same words at both ends."}
    shouted = {"domain": "tweets", "score": 0.0, "text": "THE SAME WORDS AT BOTH ENDS!!"}
    put("sentiment-text", [same, shouted, *scored("nyt", 0.0, 3), *scored("tweets", 0.0, 3)])
    plus, minus = attribute_texts("register", held_out=1)
    assert len(plus.train) + len(minus.train) == 4
    assert all("ends" not in text.lower() for text in [*plus.train, *plus.held_out, *minus.train, *minus.held_out])


def test_passages_are_whole_sentences_of_one_text(cache):
    first = ["One two three.", "Four five six.", "Seven eight."]
    second = ["Nine ten eleven twelve thirteen.", "Left over."]
    put("brown", [{"name": f"ca0{n}", "genre": "news", "sentences": text} for n, text in enumerate((first, second))])
    split = genre_texts("news", words=5, held_out=1)
    assert {*split.train, *split.held_out} == {
        "One two three. Four five six.",
        "Nine ten eleven twelve thirteen.",
    }


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: sentences("books"), "no domain is called 'books'; choose one of movies, amazon, nyt, tweets"),
        (lambda: attribute_texts("humor"), "no attribute is called 'humor'; choose one of sentiment, register"),
        (lambda: genre_texts("poetry"), "no genre is called 'poetry'; choose one of news, editorial"),
        (lambda: genre_texts("news", words=0), "`words` must be at least 1, got 0"),
        (lambda: attribute_texts("register", held_out=11), "less than the 11 texts"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(toy, ask, said):
    with pytest.raises(InvalidInputError, match=said):
        ask()


@pytest.mark.parametrize(
    ("ask", "name"),
    [(sentences, "sentiment-text"), (lambda: attribute_texts("register"), "sentiment-text"),
     (lambda: genre_texts("news"), "brown"), (exchanges, "exchanges")],
)  # fmt: skip
def test_texts_that_are_not_here_name_the_command(cache, ask, name):
    with pytest.raises(MissingDataError, match=f"run `continuum fetch {name}`"):
        ask()


@pytest.mark.parametrize("damaged", [b'{"domain": "nyt"', b"\xff\xfe", b'{"genre": "news", "sentences": []}\n{'])
def test_a_damaged_cache_is_refused_and_says_how_to_repair_it(cache, damaged):
    put("brown", []).write_bytes(damaged)
    with pytest.raises(StoreError, match=r"is damaged .*delete it and run `continuum fetch brown`"):
        genre_texts("news")


def test_exchanges_come_in_file_order_by_topic(cache):
    turns = {"food": [["Tea?", "Yes."], ["Tea?", "Yes."]], "ai": [["Who?", "A program.", "Really."]]}
    put("exchanges", [{"topic": topic, "turns": one} for topic, all_of in turns.items() for one in all_of])
    assert exchanges()[2] == Exchange("ai", ("Who?", "A program.", "Really."))
    assert exchanges("food") == exchanges()[:2]
    assert exchanges("ai")[0].text == "Who?\nA program.\nReally."
    with pytest.raises(InvalidInputError, match="no topic is called 'tea'; choose one of food, ai"):
        exchanges("tea")


@pytest.mark.data
@here("exchanges")
def test_the_exchanges_are_all_there():
    found = exchanges()
    assert (len(found), len(set(found)), len({one.topic for one in found})) == (2026, 899, 21)
    assert {topic: len(exchanges(topic)) for topic in ("tech_support", "trivia", "coding", "ai", "psychology")} == {
        "tech_support": 1050, "trivia": 261, "coding": 184, "ai": 105, "psychology": 63,
    }  # fmt: skip
    assert all(len(one.turns) >= 2 and all(one.turns) for one in found)


@pytest.mark.data
@here("sentiment-text")
def test_the_scored_sentences_are_all_there():
    counts = {domain: len(sentences(domain)) for domain in ("movies", "amazon", "nyt", "tweets")}
    assert counts == {"movies": 10605, "amazon": 3708, "nyt": 5190, "tweets": 4200}
    assert all(-4 <= sentence.score <= 4 for sentence in sentences())
    # Counted by Hutto and Gilbert's own files: scores beyond half a point.
    movies = [sentence.score for sentence in sentences("movies")]
    assert (sum(score > 0.5 for score in movies), sum(score < -0.5 for score in movies)) == (4982, 5061)


@pytest.mark.data
@here("sentiment-text")
def test_the_ends_of_the_attributes_are_those_that_the_recipe_was_measured_on():
    plus, minus = attribute_texts("sentiment")
    assert (len(plus.train), len(minus.train)) == (3398, 1730)
    for attribute in ("sentiment", "register"):
        ends = attribute_texts(attribute)
        held_out = {spelling(text) for end in ends for text in end.held_out}
        assert len(held_out) == 128
        assert held_out.isdisjoint(spelling(text) for end in ends for text in end.train)


@pytest.mark.data
@here("brown")
def test_the_brown_corpus_has_500_texts_of_15_genres():
    with TEXTS["brown"].path.open(encoding="utf-8") as file:
        texts = [json.loads(line) for line in file]
    assert len(texts) == 500
    assert {text["genre"] for text in texts} == set(GENRES.values())
    words = sum(len(sentence.split()) for text in texts for sentence in text["sentences"])
    assert 990_000 < words < 1_030_000  # a million words, as its authors say
    assert min(len(genre_texts(genre).train) for genre in GENRES.values()) > 100
