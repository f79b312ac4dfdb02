"""A progress bar that keeps quiet where nobody is watching."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

__all__ = ["progress_bar"]


def progress_bar(total: int, *, title: str, shown: bool) -> Any:
    """A tqdm bar on the error stream, or a silent one if it is not `shown` or the stream is not a terminal."""
    # tqdm reads `disable=None` as "unless this is a terminal".
    return tqdm(total=total, desc=title, unit="unit", file=sys.stderr, disable=None if shown else True)
