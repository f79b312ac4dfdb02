"""What is read out of the text archives."""

from __future__ import annotations

import json

import pytest
from archives import tar_bytes, zip_bytes

from continuum.core import InvalidInputError, UntrustedArtifactError
from continuum.models.text_archives import (
    DOMAINS,
    GENRES,
    keep_brown,
    keep_exchanges,
    keep_sentences,
    parse_brown,
    parse_exchanges,
    parse_sentences,
)


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def sdist(files):
    inner = tar_bytes({f"hutto_ICWSM_2014/{stem}_GroundTruth.txt": data for stem, data in files.items()}, "w:gz")
    return tar_bytes({"vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz": inner}, "w:gz")


def test_sentences_of_all_domains_are_kept_in_file_order(tmp_path):
    files = {stem: f"1\t-1.5\tfirst of {stem}\n2\t2\tsecond".encode() for stem in DOMAINS.values()}
    keep_sentences(sdist(files), tmp_path / "kept.jsonl")
    kept = lines(tmp_path / "kept.jsonl")
    assert [record["domain"] for record in kept] == [name for name in DOMAINS for _ in range(2)]
    assert kept[1] == {"domain": "movies", "score": 2.0, "text": "second"}


def test_an_archive_without_a_domain_is_refused_and_nothing_is_kept(tmp_path):
    with pytest.raises(UntrustedArtifactError, match="amazonReviewSnippets"):
        keep_sentences(sdist({"movieReviewSnippets": b"1\t1\tx"}), tmp_path / "kept.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_line_leaves_nothing(tmp_path):
    files = dict.fromkeys(DOMAINS.values(), b"1\t1\tx\nno tabs")
    with pytest.raises(InvalidInputError, match="line 2 of the movies sentences is not"):
        keep_sentences(sdist(files), tmp_path / "kept.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"1\t0\tgood &amp; cheap &lt;3", "good & cheap <3"),
        (b"1\t0\tall comics    even  those ", "all comics even those"),
        (b"1\t0\tone\ttwo\r", "one two"),
        ("1\t0\tna\u00efve \u2028 caf\u00e9".encode(), "na\u00efve caf\u00e9"),
        (b"1\t0\tcut \xc3 off", "cut \ufffd off"),
    ],
)
def test_a_text_is_what_the_page_showed(line, text):
    assert [record["text"] for record in parse_sentences(line, "tweets")] == [text]


@pytest.mark.parametrize("line", [b"1\t0", b"1\tgood\tx", b"only words"])
def test_a_line_without_its_three_parts_is_refused(line):
    with pytest.raises(InvalidInputError, match="not an identifier, a score and a text"):
        list(parse_sentences(line, "tweets"))


@pytest.mark.parametrize(
    ("tagged", "printed"),
    [
        ("The/at jury/nn said/vbd ./.", "The jury said."),
        ("``/`` No/rb ''/'' ,/, he/pps said/vbd ,/, ``/`` go/vb ''/'' ./.", '"No", he said, "go".'),
        ("facts/nns (/( all/abn here/rb )/) and/cc so/rb on/rp :/: on/in", "facts (all here) and so on: on"),
        ("Why/wrb ?/. ?/. Oh/uh !/. !/. well/uh ;/. ;/.", "Why? Oh! well;"),
        ("line/nn --/-- if/cs you/ppss", "line -- if you"),
        ("and/or/cc 1/2/cd of/in .22/cd", "and/or 1/2 of .22"),
        ("5/cd 1/8''/nn", '5 1/8"'),
        ("(/( ``/`` yes/rb ''/'' )/)", '("yes")'),
    ],
)
def test_tagged_words_are_joined_as_in_print(tagged, printed):
    assert parse_brown(tagged.encode()) == [printed]


def test_texts_keep_their_name_genre_and_sentences(tmp_path):
    members = {f"package/c{letter}01": b"\n\n\tOne/cd ./.\nTwo/cd ./.\n" for letter in GENRES}
    odd = {
        "package/README": b"read",
        "package/cats.txt": b"ca01 news",
        "package/cz01": b"x/y",
        "package/cb01/x": b"x/y",
    }
    keep_brown(tar_bytes({**odd, **members}, "w:gz"), tmp_path / "kept.jsonl")
    kept = lines(tmp_path / "kept.jsonl")
    assert [record["name"] for record in kept] == [f"c{letter}01" for letter in GENRES]
    assert kept[0] == {"name": "ca01", "genre": "news", "sentences": ["One.", "Two."]}
    assert {record["genre"] for record in kept} == set(GENRES.values())


ENGLISH = "chatterbot_corpus/data/english"
TWO = b"categories:\n- food\nconversations:\n- - ' Tea? '\n  - |\n    Yes.\n    Two.\n- - '1963'\n  - b\n  - c\n"


def test_exchanges_keep_their_topic_and_turns_in_file_order(tmp_path):
    odd = {"chatterbot_corpus/data/german/food.yml": TWO, f"{ENGLISH}/deep/food.yml": TWO, f"{ENGLISH}/README": b"x"}
    members = {**odd, f"{ENGLISH}/tech_support.yml": TWO, f"{ENGLISH}/food.yml": TWO}
    keep_exchanges(zip_bytes(members), tmp_path / "kept.jsonl")
    kept = lines(tmp_path / "kept.jsonl")
    assert [record["topic"] for record in kept] == ["food", "food", "tech_support", "tech_support"]
    assert [record["turns"] for record in kept[:2]] == [["Tea?", "Yes.\nTwo."], ["1963", "b", "c"]]


def test_an_exchange_that_lacks_a_dash_has_its_two_turns():
    kept = list(parse_exchanges(b"conversations:\n- Two little ducks?\n  - '22'\n- - a\n  - b\n", "trivia"))
    assert [record["turns"] for record in kept] == [["Two little ducks?", "22"], ["a", "b"]]


def test_a_wheel_without_exchanges_is_refused_and_nothing_is_kept(tmp_path):
    with pytest.raises(UntrustedArtifactError, match="no English exchanges"):
        keep_exchanges(zip_bytes({"other.yml": TWO}), tmp_path / "kept.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [
        b"conversations:\n- - a\n  - 1963\n",
        b"categories: [a]\n",
        b"conversations: [a\n",
        b"[a, b]",
        b"conversations: !!python/object/apply:os.getcwd []\n",
    ],
    ids=["a number", "no conversations", "no YAML", "a list", "an object"],
)
def test_what_is_no_list_of_texts_is_refused_and_no_object_is_made(data):
    with pytest.raises(InvalidInputError, match="the exchanges of food are not lists of texts"):
        list(parse_exchanges(data, "food"))
