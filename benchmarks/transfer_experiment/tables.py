"""Tables of the experiment: means, paired differences with bootstrap intervals, ranks."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from figure import distance_against_accuracy
from scipy.stats import ConstantInputWarning, spearmanr

REFERENCE = "barycentric, a*"
_DRAWS = 2000


def interval(values: pd.Series) -> tuple[float, float]:
    """95% percentile bootstrap interval of the mean: targets are drawn first, then seeds within them.

    Cells of one target are alike, so drawing cells alone would make the interval too narrow.
    """
    rng = np.random.default_rng(0)
    groups = [part.to_numpy() for _, part in values.groupby("target")]
    means = np.empty((_DRAWS, len(groups)))
    for draw in range(_DRAWS):
        chosen = (groups[k] for k in rng.integers(0, len(groups), len(groups)))
        means[draw] = [part[rng.integers(0, len(part), len(part))].mean() for part in chosen]
    low, high = np.quantile(means.mean(1), [0.025, 0.975])
    return float(low), float(high)


def by_cell(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each cell, a column for each way to train."""
    order = frame["row_name"].unique()
    return frame.pivot(index=["target", "seed"], columns="row_name", values="value")[order]


def with_choices(cells: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """The nearest single source, and the best one on the test images: an oracle."""
    singles = cells[[name for name in cells if name.startswith("only ")]]
    squared = facts[facts["fact"].str.startswith("squared: ")]
    nearest = squared.loc[squared.groupby(["target", "seed"])["value"].idxmin()].set_index(["target", "seed"])["fact"]
    chosen = [singles.loc[index, nearest[index].replace("squared: ", "only ")] for index in cells.index]
    choices = {"nearest source": chosen, "best source (oracle)": singles.max(axis=1)}
    return pd.concat([cells.drop(columns=singles.columns), singles], axis=1).assign(**choices)


def differences(cells: pd.DataFrame, reference: str = REFERENCE) -> list[dict[str, Any]]:
    """Paired differences of the reference less every other row."""
    found = []
    for name in cells:
        pair = (cells[reference] - cells[name]).dropna()
        if name != reference and not name.startswith("only ") and len(pair):
            low, high = interval(pair)
            numbers = {"difference": float(pair.mean()), "low": low, "high": high}
            found.append({"row": name, **numbers, "wins": int((pair > 0).sum()), "cells": len(pair)})
    return found


def rank_correlation(lattice: pd.DataFrame) -> list[dict[str, Any]]:
    """Spearman of distance and accuracy in each cell, with a bootstrap interval over the points.

    The points of a lattice are no independent sample: the interval is too narrow for other mixtures.
    """
    found = []
    for (space, target, seed), part in lattice.groupby(["space", "target", "seed"], sort=False):
        pair, rng = part[["squared", "value"]].to_numpy(), np.random.default_rng(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConstantInputWarning)  # a draw of one point, again and again
            draws = [spearmanr(pair[rng.integers(0, len(pair), len(pair))]).statistic for _ in range(1000)]
        low, high = np.nanquantile(draws, [0.025, 0.975])
        numbers = {"spearman": float(spearmanr(pair).statistic), "low": float(low), "high": float(high)}
        found.append({"space": space, "target": target, "seed": int(seed), **numbers, "points": len(pair)})
    return found


def save(path: Path, frame: pd.DataFrame, origin: dict[str, Any]) -> None:
    """Store what was measured with its origin, and write what follows from it.

    "seconds" are those of all values and metrics, added over processes of one thread each. The store keeps them, so a
    run that was resumed tells the same.
    """
    rows, facts = (frame[frame[name].notna()] for name in ("row_name", "fact"))
    lattice = frame[frame["what"] == "lattice"]
    write(
        path,
        {
            **origin,
            "seconds": float(frame["seconds"].sum()),
            "accuracy": rows[["what", "target", "seed", "row_name", "value"]].to_dict("records"),
            "facts": facts[["target", "seed", "fact", "value"]].to_dict("records"),
            "lattice": lattice[["space", "target", "seed", "squared", "alone", "value"]].to_dict("records"),
        },
    )


def write(path: Path, measured: dict[str, Any]) -> None:
    """Numbers as JSON, their tables as Markdown and the distances as a picture beside it."""
    rows, facts, lattice = (pd.DataFrame(measured[name]) for name in ("accuracy", "facts", "lattice"))
    cells, varied = with_choices(by_cell(rows[rows["what"] == "main"]), facts), by_setting(rows)
    summary = {
        "differences": differences(cells),
        "ablation": {setting: differences(part) for setting, part in varied.items()},
        "rank_correlation": rank_correlation(lattice),
    }
    found = {**measured, **summary}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(cells, varied, found))
    distance_against_accuracy(lattice, found["rank_correlation"]).savefig(path.with_suffix(".png"), dpi=160)


def by_setting(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Cells and columns of the ablation under each setting; first that of the main table, for comparison."""
    varied = {what: by_cell(part) for what, part in rows[rows["what"] != "main"].groupby("what", sort=False)}
    some = next(iter(varied.values()))
    return {"nothing": by_cell(rows[rows["what"] == "main"]).loc[some.index, some.columns], **varied}


def markdown(cells: pd.DataFrame, varied: dict[str, pd.DataFrame], found: dict[str, Any]) -> str:
    """The tables of `found`."""
    settings = ", ".join(f"{name} {value}" for name, value in found["settings"].items())
    lines = ["# Five-shot transfer", "", f"`{found['command']}`", ""]
    lines += [f"Seeds {', '.join(map(str, found['seeds']))}; {settings}.", ""]
    lines += ["## Accuracy", "", "In %, mean and standard deviation over seeds.", "", *_accuracy_table(100 * cells)]
    lines += ["", f"## {REFERENCE}, less the other rows", ""]
    lines += ["Points of accuracy, paired by cell, 95% bootstrap interval over targets and seeds.", ""]
    lines += ["| row | difference | interval | wins | told apart |", "|-|-|-|-|-|"]
    lines += [_difference_line(row) for row in found["differences"]]
    lines += ["", "## What is changed", "", *_ablation_table(varied, found["ablation"])]
    lines += ["", "## Distance to the base against accuracy", "", "Spearman over a lattice of mixtures.", ""]
    lines += ["| space | target | seed | mixtures | Spearman | interval |", "|-|-|-|-|-|-|"]
    for row in found["rank_correlation"]:
        bounds = f"[{row['low']:+.2f}, {row['high']:+.2f}]"
        cell = f"{row['space']} | {row['target']} | {row['seed']} | {row['points']}"
        lines.append(f"| {cell} | {row['spearman']:+.2f} | {bounds} |")
    return "\n".join(lines) + "\n"


def _accuracy_table(percent: pd.DataFrame) -> list[str]:
    targets = list(dict.fromkeys(percent.index.get_level_values("target")))
    lines = ["| pre-trained on | " + " | ".join(targets) + " | mean |", "|-" * (len(targets) + 2) + "|"]
    for name in percent:
        parts = [percent.loc[target, name].dropna() for target in targets]
        shown = [f"{part.mean():.1f} ± {part.std(ddof=len(part) > 1):.1f}" if len(part) else "" for part in parts]
        # A mean over fewer targets is not to be compared with the others.
        mean = f"{percent[name].mean():.1f}" if all(map(len, parts)) else ""
        lines.append(f"| {name} | " + " | ".join(shown) + f" | {mean} |")
    return lines


def _ablation_table(varied: dict[str, pd.DataFrame], ablation: dict[str, list[dict[str, Any]]]) -> list[str]:
    cells = next(iter(varied.values()))
    shown = ", ".join(f"{target} {seed}" for target, seed in cells.index)
    others = [name for name in cells if name != REFERENCE]
    lines = [f"Points of accuracy of {REFERENCE}, less the other rows; targets and seeds are {shown}.", ""]
    lines += ["| changed | " + " | ".join((f"{REFERENCE}, %", *(f"less {name}" for name in others))) + " |"]
    lines += ["|-" * (len(others) + 2) + "|"]
    for setting, rows in ablation.items():
        numbers = {row["row"]: " ".join(_points(row)) for row in rows}
        mean = f"{100 * varied[setting][REFERENCE].mean():.1f}"
        lines.append(f"| {setting} | " + " | ".join((mean, *(numbers[name] for name in others))) + " |")
    return lines


def _difference_line(row: dict[str, Any]) -> str:
    verdict = "ahead" if row["low"] > 0 else "behind" if row["high"] < 0 else "no"
    mean, bounds = _points(row)
    return f"| {row['row']} | {mean} | {bounds} | {row['wins']} of {row['cells']} | {verdict} |"


def _points(row: dict[str, Any]) -> tuple[str, str]:
    low, mean, high = (f"{100 * row[key]:+.1f}" for key in ("low", "difference", "high"))
    return mean, f"[{low}, {high}]"
