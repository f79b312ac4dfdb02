"""Passes over a text that is longer than a model takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from continuum.core import InvalidInputError, check_count

__all__ = ["Windows"]


@dataclass(frozen=True)
class Windows:
    """Passes over a text that is longer than a model takes.

    Each window ends `stride` tokens after the one before and scores these tokens only, so each token is scored once,
    with at least `size - stride` tokens before it. Texts of up to `size` tokens are one window.

    Args:
        size: tokens of a window.
        stride: tokens that each window after the first scores; less is slower, with more context.
    """

    size: int = 1024
    stride: int = 512

    def __post_init__(self) -> None:
        check_count("size", self.size)
        check_count("stride", self.stride)
        if self.stride >= self.size:
            raise InvalidInputError(f"`stride` must be less than `size`, got {self!r}.")

    def spans(self, length: int) -> Iterator[tuple[int, int, int]]:
        """First token, end, and first scored token of each window over `length` tokens.

        Example:
            >>> list(Windows(size=4, stride=2).spans(7))
            [(0, 4, 1), (2, 6, 4), (3, 7, 6)]
        """
        scored = 1  # nothing predicts the first token
        for end in itertools.count(min(self.size, length), self.stride):
            end = min(end, length)
            yield max(0, end - self.size), end, scored
            if end == length:
                return
            scored = end
