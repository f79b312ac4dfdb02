"""What the reports of experiments in pieces have in common."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from verdicts import Claim

Lines = list[str]


def opening(title: str, measured: Mapping[str, Any], claims: Iterable[Claim]) -> Lines:
    """The beginning of a report: how it was made, what is missing, and what held."""
    lines = [f"# {title}", "", f"`{measured['command']}`", "", measured["about"], ""]
    if measured["missing"]:
        lines += [f"**Not finished:** {', '.join(measured['missing'])}.", ""]
    return [*lines, "## What held", "", *table(Claim._fields, claims)]


def table(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> Lines:
    """A table of Markdown."""
    cells = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return ["| " + " | ".join(head) + " |", "|-" * len(head) + "|", *cells]


def rounded(value: Any, digits: int) -> Any:
    """Numbers to some significant digits, as they are stored: so a report of stored numbers is the same."""
    if isinstance(value, Mapping):
        return {key: rounded(part, digits) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part, digits) for part in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def redraw(about: str | None, write: Callable[[Path, Mapping[str, Any]], None]) -> None:
    """What `redraw.py FILE` does: the report of a stored run from its numbers, with claims decided anew."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    found = json.loads(file.read_text())
    write(file, {name: value for name, value in found.items() if name != "claims"})
