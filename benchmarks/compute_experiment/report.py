"""The tables as Markdown, beside the numbers as JSON and the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tables
from claims import claims
from figure import draw_budgets, draw_completions
from reports import Lines, opening, table


def write(path: Path, measured: Mapping[str, Any]) -> None:
    """Write what was measured, its tables and its figures side by side."""
    pieces = measured["pieces"]
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {**measured, "claims": [claim._asdict() for claim in claims(pieces)]}
    path.write_text(json.dumps(found, indent=1) + "\n")
    path.with_suffix(".md").write_text("\n".join(markdown(measured)) + "\n")
    for suffix, draw in ((".png", draw_budgets), ("_completion.png", draw_completions)):
        figure = draw(pieces)
        if figure is not None:
            figure.savefig(path.with_name(path.stem + suffix), dpi=160)


def markdown(measured: Mapping[str, Any]) -> Lines:
    pieces = measured["pieces"]
    lines = opening("What iterations buy", measured, claims(pieces))
    for title, rows in _SECTIONS.items():
        lines += ["", f"## {title}", "", *rows(pieces)]
    return lines


def _classes(pieces: Mapping[str, Any]) -> Lines:
    cells = (
        (
            row["data"],
            row["model"],
            f"{row['parameters']:,}",
            f"{row['accuracy']:.2%}",
            ", ".join(f"{seed:.2%}" for seed in row["seeds"]),
            row["tested"],
            row["points"],
            f"{row['steps']:,}",
            f"{row['cpu'] / 60:.1f}",
        )
        for row in tables.classes(pieces)
    )
    return table(
        ("data", "model", "parameters", "accuracy", "seeds", "clouds", "points", "steps", "CPU minutes"), cells
    )


def _budgets(pieces: Mapping[str, Any]) -> Lines:
    counts = [key for key in next(iter(tables.budgets(pieces)), {}) if key.isdigit()]
    cells = (
        (row["model"], *(f"{row[c]:.2%}" for c in counts), f"{row['spread']:.3f}", f"{row['residual']:.1e}")
        for row in tables.budgets(pieces)
    )
    return table(("model", *(f"K = {count}" for count in counts), "spread", "residual"), cells)


def _walks(pieces: Mapping[str, Any]) -> Lines:
    lines: Lines = []
    for row in tables.walks(pieces):
        head = ("K", *(str(c["count"]) for c in row["curve"]))
        cells = [
            (name, *(f"{c[name]:.3f}" for c in row["curve"]))
            for name in ("accuracy", "ceiling", "exact", "exact ceiling")
        ]
        lines += [f"{row['model']}, {row['clouds']}:", "", *table(head, cells), ""]
    return lines


def _stopping(pieces: Mapping[str, Any]) -> Lines:
    head = (
        *(
            "model",
            "clouds",
            "change",
            "mean K",
            "accuracy",
            "exact",
            "fixed K of this cost",
            "fixed K of this accuracy",
        ),
        *("CPU s", "CPU s of K = 40", "correlation with hops"),
    )
    cells = (
        (
            *(row["model"], row["clouds"], row["change"], f"{row['mean count']:.2f}", f"{row['accuracy']:.4f}"),
            *(f"{row['exact']:.3f}", f"{row['fixed at the same cost']:.3f}", row["fixed for the same accuracy"]),
            *(f"{row['seconds']:.2f}", f"{row['fixed seconds']:.2f}", f"{row['correlation with hops']:.2f}"),
        )
        for row in tables.stopping(pieces)
    )
    return table(head, cells)


def _completions(pieces: Mapping[str, Any]) -> Lines:
    distances = ("mmd2", "chamfer", "w2")
    head = (
        "data",
        "model",
        "parameters",
        *(c for d in distances for c in (d, f"partial {d}", "nearer")),
        "CPU minutes",
    )
    cells = (
        (
            *(row["data"], row["model"], f"{row['parameters']:,}"),
            *(
                cell
                for d in distances
                for cell in (
                    f"{row[d][0]:.4f} ± {row[d][1]:.4f}",
                    f"{row[f'partial {d}']:.4f}",
                    f"{row[f'nearer {d}']:.0%}",
                )
            ),
            f"{row['cpu'] / 60:.1f}",
        )
        for row in tables.completions(pieces)
    )
    return table(head, cells)


_SECTIONS = {
    "Classes": _classes,
    "Budgets of classifiers": _budgets,
    "Propagation": _walks,
    "Stopping by oneself": _stopping,
    "Completion": _completions,
}
