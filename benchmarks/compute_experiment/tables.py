"""The tables of the experiment, from its pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Pieces = Mapping[str, Any]
Row = dict[str, Any]


def classes(pieces: Pieces) -> list[Row]:
    """Accuracy on all test clouds, by data and model: the mean over seeds, each seed, and how many points were seen."""
    found: dict[tuple[str, str], list[Any]] = {}
    for name, piece in pieces.items():
        if name.startswith("class-"):
            if piece.get("before"):
                kind = f"{piece['kind']}, before it saw whole clouds"
                found.setdefault((piece["data"], kind), []).append(piece | piece["before"])
            found.setdefault((piece["data"], piece["kind"]), []).append(piece)
    return [
        {
            "data": data,
            "model": kind,
            "parameters": runs[0]["parameters"],
            "accuracy": float(np.mean([best(piece) for piece in runs])),
            "seeds": [best(piece) for piece in runs],
            "tested": runs[0]["tested"],
            "points": runs[0].get("points") or "all",
            "steps": runs[0]["steps"],
            "cpu": float(np.mean([piece["training"]["cpu"] for piece in runs])),
        }
        for (data, kind), runs in found.items()
    ]


def best(piece: Any) -> float:
    """Accuracy with the whole budget; at one iteration of what was trained for one."""
    accuracy = piece["accuracy"]
    return float(accuracy["1"] if piece["kind"] == "once" else list(accuracy.values())[-1])


def budgets(pieces: Pieces) -> list[Row]:
    """Accuracy after each number of iterations, of all equilibrium models."""
    return [
        {"model": name[len("class-") :], **piece["accuracy"], "spread": piece["spread"], "residual": piece["residual"]}
        for name, piece in pieces.items()
        if name.startswith("class-") and "spread" in piece
    ]


def walks(pieces: Pieces) -> list[Row]:
    """Curves of propagation with their ceilings."""
    return [
        {"model": name[len("walk-") :], "clouds": clouds, "curve": curve}
        for name, piece in pieces.items()
        if name.startswith("walk-")
        for clouds, curve in piece["curves"].items()
    ]


def stopping(pieces: Pieces) -> list[Row]:
    """What ends each cloud by itself saves: at the change that was chosen on other clouds."""
    found = []
    for name, piece in pieces.items():
        if name.startswith("walk-") and "chosen change" in piece:
            for clouds, curve in piece["curves"].items():
                rows = piece[f"adaptive, {clouds}"]
                chosen = next(row for row in rows if row["change"] == piece["chosen change"])
                found.append(
                    {
                        "model": name[len("walk-") :],
                        "clouds": clouds,
                        **chosen,
                        "full accuracy": curve[-1]["accuracy"],
                        "fixed at the same cost": _between(curve, chosen["mean count"]),
                        "fixed for the same accuracy": _needed(curve, chosen["accuracy"]),
                        "fixed seconds": piece[f"fixed seconds, {clouds}"],
                    }
                )
    return found


def _between(curve: list[Row], count: float) -> float:
    """Accuracy of a fixed number of iterations, on the line between those that were read."""
    return float(np.interp(count, [row["count"] for row in curve], [row["accuracy"] for row in curve]))


def _needed(curve: list[Row], accuracy: float) -> int:
    """The least fixed number of iterations with this accuracy, up to a tenth of a point; else the largest."""
    good = [row["count"] for row in curve if row["accuracy"] >= accuracy - 1e-3]
    return int(min(good, default=curve[-1]["count"]))


def completions(pieces: Pieces) -> list[Row]:
    """Mean distances to the whole clouds, with the share of clouds that are nearer than the partial one."""
    found = []
    for name, piece in pieces.items():
        if name.startswith("complete-"):
            row: Row = {"data": piece["data"], "model": piece["kind"], "parameters": piece["parameters"]}
            for distance, values in piece["completed"].items():
                made, part = np.array(values), np.array(piece["partial"][distance])
                row[distance] = [float(made.mean()), float(made.std(ddof=1) / len(made) ** 0.5)]
                row[f"partial {distance}"] = float(part.mean())
                row[f"nearer {distance}"] = float((made < part).mean())
            found.append({**row, "tested": piece["tested"], "cpu": piece["training"]["cpu"]})
    return found
