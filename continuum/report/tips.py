"""Texts that appear when the reader points at a mark of a picture.

They travel from the drawing to the page in the `gid` of the artist, which matplotlib writes as the id of an SVG group.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from matplotlib.artist import Artist

__all__ = ["read_tips", "set_tips"]

_PREFIX = "tips:"


def set_tips(artist: Artist, tips: Sequence[str]) -> None:
    """Give `artist` one text for each of its marks, in the order in which they are drawn."""
    artist.set_gid(_PREFIX + json.dumps(list(tips)))


def read_tips(gid: str) -> list[str] | None:
    """The texts in a `gid`; None if it has another purpose."""
    return list(map(str, json.loads(gid.removeprefix(_PREFIX)))) if gid.startswith(_PREFIX) else None
