"""Documents as rows of tokens to train on."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from continuum.core import InvalidInputError, check_count

from .tokens import Frame, Tokens, admit_texts, encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["OnePerRow", "Packed", "Rows", "first_rows"]

_TEXTS = 256  # tokenized at a time: no more texts are than are needed


@dataclass(frozen=True)
class Packed:
    """Documents end to end, cut into rows of one length: no row has padding, and rows go over ends of documents.

    Args:
        length: tokens of a row.

    Example:
        >>> list(Packed(3).rows([(0, 5, 6, 7), (0, 8), (0, 9)]))
        [(0, 5, 6), (7, 0, 8)]
    """

    length: int = 128

    def __post_init__(self) -> None:
        check_count("length", self.length, least=2)

    def rows(self, documents: Iterable[Tokens], /) -> Iterator[Tokens]:
        """The rows; what does not fill one at the end is left out."""
        tokens = itertools.chain.from_iterable(documents)
        while len(row := tuple(itertools.islice(tokens, self.length))) == self.length:
            yield row


@dataclass(frozen=True)
class OnePerRow:
    """A document per row, cut at a length; shorter ones are padded.

    Args:
        length: most tokens of a row.

    Example:
        >>> list(OnePerRow(3).rows([(0, 5, 6, 7), (0, 8)]))
        [(0, 5, 6), (0, 8)]
    """

    length: int = 2048

    def __post_init__(self) -> None:
        check_count("length", self.length, least=2)

    def rows(self, documents: Iterable[Tokens], /) -> Iterator[Tokens]:
        """The rows."""
        return (document[: self.length] for document in documents)


Rows = Packed | OnePerRow


def first_rows(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, rows: Rows, frame: Frame | None, count: int
) -> list[Tokens]:
    """The first so many rows that texts make.

    Raises:
        InvalidInputError: if they make fewer, or one of the texts is empty.
    """
    documents = _documents(tokenizer, admit_texts(texts), frame)
    found = list(itertools.islice(rows.rows(documents), count))
    if len(found) < count:
        raise InvalidInputError(
            f"{count} rows of up to {rows.length} tokens are needed, and {len(texts)} texts make {len(found)}; pass "
            "more texts, or choose fewer `steps`, a smaller `batch_size` or shorter `rows`."
        )
    return found


def _documents(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], frame: Frame | None) -> Iterator[Tokens]:
    for start in range(0, len(texts), _TEXTS):
        part = texts[start : start + _TEXTS]
        for place, text in enumerate(part):
            if not text.strip():
                raise InvalidInputError(f"`texts[{start + place}]` is empty; leave it out.")
        yield from encode(tokenizer, part, frame)
