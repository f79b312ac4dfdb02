"""Commands and tables out of stored results, read while a page is built: what a page shows is what was stored.

    .. stored-command:: results/bench_datasets.json
    .. stored-rows:: results/bench_datasets.json
       :columns: n; ours = ours (s); ratio; * = more

       exact plan; n = 500; ratio <= 1
    .. stored-table:: results/transfer_experiment.md
       :heading: Accuracy

With ``:works: exact plan; divergence`` only the rows of these works are shown.

A JSON file holds a "command", what tells how it was made, such as "versions", and "rows": objects with a "work". A row
with "ours" and "peer" also has their "ratio". The body holds bars, one a line: the work, its n if only one is meant,
and the greatest value that a number may have. Of a Markdown file the table below a heading is shown.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["setup"]

_BAR = re.compile(r"(?P<work>[^;]+);(?:\s*n = (?P<n>\d+);)?\s*(?P<key>\w+) <= (?P<limit>[\d.]+)")
_NUMBER = re.compile(r"[-+]?\d[\d.,]*( |$)")
_COLUMNS = "n; ours = ours (s); peer = peer (s); ratio; which = peer; note"
_REST = "*"  # the column of all that has none of its own

Row = dict[str, Any]


def setup(app: Sphinx) -> dict[str, Any]:
    for directive in (StoredCommand, StoredRows, StoredTable):
        app.add_directive(directive.name, directive)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class _Stored(SphinxDirective):
    required_arguments = 1

    def text(self) -> str:
        """The file's text; its pages are built anew when it changes."""
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        return Path(path).read_text("utf-8")


class StoredCommand(_Stored):
    """How a JSON file was made: its command, and all that is short enough to be told in a line."""

    name = "stored-command"

    def run(self) -> list[nodes.Node]:
        stored = json.loads(self.text())
        facts = "; ".join(filter(None, (_flat(key, value) for key, value in stored.items() if key != "command")))
        command = nodes.literal_block(stored["command"], stored["command"], language="console", classes=["stored"])
        return [command, nodes.paragraph(text=f"{facts[:1].upper()}{facts[1:]}.")]


class StoredRows(_Stored):
    """The rows of a JSON file as a table, with a verdict on each bar."""

    name = "stored-rows"
    has_content = True
    option_spec: ClassVar = {"columns": directives.unchanged_required, "works": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        rows = self._chosen([_with_ratio(row) for row in json.loads(self.text())["rows"]])
        titles = dict(_pair(column) for column in self.options.get("columns", _COLUMNS).split(";"))
        bars = [self._bar(line) for line in self.content if line.strip()]
        for bar in bars:
            if not any(bar.concerns(row) for row in rows):
                raise self.error(f"no row of {self.arguments[0]} is meant by the bar {bar}")
        header = ["work", *titles.values(), *(["bar"] if bars else [])]
        # What is about one work stands together, in the order of first appearance.
        works = list(dict.fromkeys(row["work"] for row in rows))
        rows.sort(key=lambda row: works.index(row["work"]))
        lines = [[row["work"], *_cells(row, titles), *_verdicts(row, bars, titles)] for row in rows]
        return [_table(header, lines)]

    def _chosen(self, rows: list[Row]) -> list[Row]:
        """The rows of the works that are named, or all."""
        if "works" not in self.options:
            return rows
        works = [work.strip() for work in self.options["works"].split(";")]
        if absent := set(works) - {row["work"] for row in rows}:
            raise self.error(f"{self.arguments[0]} has no rows of the works {sorted(absent)}")
        return [row for row in rows if row["work"] in works]

    def _bar(self, line: str) -> _Bar:
        found = _BAR.fullmatch(line.strip())
        if found is None:
            raise self.error(f"a bar reads `work; n = 500; column <= 1.5`, got {line!r}")
        return _Bar(found["work"], found["n"] and int(found["n"]), found["key"], float(found["limit"]))


class StoredTable(_Stored):
    """The table below a heading of a Markdown file."""

    name = "stored-table"
    option_spec: ClassVar = {"heading": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        _, found, below = self.text().partition(f"\n## {self.options['heading']}\n")
        section = below.partition("\n## ")[0]
        lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
        if not found or len(lines) < 3:
            raise self.error(f"{self.arguments[0]} has no table below a heading `## {self.options['heading']}`")
        header, _, *rows = [[cell.strip() for cell in line] for line in lines]
        return [_table(header, rows)]


@dataclass(frozen=True)
class _Bar:
    work: str
    n: int | None
    key: str
    limit: float

    def concerns(self, row: Row) -> bool:
        return row["work"] == self.work and self.n in (None, row.get("n")) and row.get(self.key) is not None


def _pair(column: str) -> tuple[str, str]:
    key, _, title = (part.strip() for part in column.partition("="))
    return key, title or key


def _with_ratio(row: Row) -> Row:
    return row | {"ratio": row["ours"] / row["peer"]} if row.get("peer") else row


def _cells(row: Row, titles: dict[str, str]) -> list[str]:
    rest = ", ".join(_flat(key, value) for key, value in row.items() if key not in titles and key != "work")
    return [rest if key == _REST else _shown(row.get(key)) for key in titles]


def _verdicts(row: Row, bars: Sequence[_Bar], titles: dict[str, str]) -> list[str]:
    """One cell, if there are bars at all."""
    found = []
    for bar in filter(operator.methodcaller("concerns", row), bars):
        met = "met" if row[bar.key] <= bar.limit else "not met"
        found.append(f"{titles.get(bar.key, _words(bar.key))} ≤ {bar.limit:g}: {met}")
    return ["\n".join(found)] if bars else []


def _flat(key: str, value: object) -> str:
    """A name and its value; nothing where the value is nested more deeply."""
    if isinstance(value, dict):
        inner = [_flat(name, part) for name, part in value.items() if not isinstance(part, dict | list)]
        return f"{_words(key)}: {', '.join(inner)}" if len(inner) == len(value) else ""
    if isinstance(value, list):
        inner = [_shown(part) for part in value if not isinstance(part, dict | list)]
        return f"{_words(key)} {', '.join(inner)}" if len(inner) == len(value) else ""
    return f"{_words(key)} {_shown(value)}"


def _words(key: str) -> str:
    return key.replace("_", " ")


def _shown(value: object) -> str:
    """Three digits are more than another run would repeat."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, float) and abs(value) < 1000 and not value.is_integer():
        return f"{value:#.3g}".rstrip(".")
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> nodes.table:
    """A table whose first column names each group of rows once."""
    body = nodes.tbody()
    for name, several in groupby(rows, operator.itemgetter(0)):
        first, *others = [nodes.row("", *map(_entry, row[1:])) for row in several]
        first.insert(0, nodes.entry("", nodes.paragraph(text=name), morerows=len(others)))
        body.extend([first, *others])
    columns = [nodes.colspec(colwidth=100 // len(header)) for _ in header]
    head = nodes.thead("", nodes.row("", *map(_entry, header)))
    group = nodes.tgroup("", *columns, head, body, cols=len(header))
    return nodes.table("", group, classes=["stored", "colwidths-auto"])


def _entry(text: str) -> nodes.entry:
    lines = [nodes.paragraph(text=line) for line in text.split("\n")]
    return nodes.entry("", *lines, classes=["number"] if _NUMBER.match(text) else [])
