"""The tables as Markdown, beside the numbers as JSON and the figure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from claims import claims
from figure import draw
from summary import summarise

Found = Mapping[str, Any]
Lines = list[str]


def write(path: Path, measured: Found) -> None:
    """Summarise what was measured; write all of it, its tables and the figure side by side."""
    found = summarise(measured)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_compact({**measured, "tables": found, "claims": [claim._asdict() for claim in claims(found)]}))
    path.with_suffix(".md").write_text("\n".join(markdown(measured, found)) + "\n")
    draw(found).savefig(path.with_suffix(".png"), dpi=160)


def _compact(value: Any) -> str:
    """JSON with innermost lists on one line each, for diffs that can be read."""
    text = json.dumps(value, indent=1, allow_nan=True)
    lines: Lines = []
    open_list: Lines | None = None
    for line in text.splitlines():
        if line.endswith("["):
            if open_list is not None:
                lines += open_list
            open_list = [line]
        elif open_list is not None and line.strip().startswith("]"):
            lines.append(open_list[0] + " ".join(part.strip() for part in open_list[1:]) + line.strip())
            open_list = None
        elif open_list is not None and line.endswith("{"):
            lines += [*open_list, line]
            open_list = None
        else:
            (lines if open_list is None else open_list).append(line)
    return "\n".join(lines) + "\n"


def markdown(measured: Found, found: Found) -> Lines:
    lines = ["# Interpolated adapters", "", f"`{measured['command']}`", "", measured["about"], ""]
    lines += ["## What held", "", *_table(("claim", "rule", "measured", "verdict"), claims(found))]
    for title, text, rows in (
        ("Anchors", _ANCHORS, _gate(found["gate"])),
        ("Shape along each path", _SHAPES, _shapes(found["shapes"])),
        ("Stable interval", _STABLE, _stable(found["stable"])),
        *((f"Sweep: {name}", _SWEEP, _sweep(rows)) for name, rows in found["sweeps"].items()),
        ("Sentiment of generations", _SPOKEN, _spoken(found["spoken"])),
        ("Models trained on the mixture", _TRACKING, _tracking(found["tracking"])),
        ("Distributions of scores", _DISTANCES, _distances(found["score distances"])),
        ("Predictions, token by token", _DIVERGENCES, _divergences(found["divergences"])),
        ("Two attributes", _TWO, _two(found["two attributes"])),
        ("Entanglement", _ENTANGLED, _entanglement(found["entanglement"])),
        ("Five attributes on the simplex", _SIMPLEX, _simplex(found["simplex"])),
        ("Angles of weights", _ANGLES, _angles(found["angles"])),
        ("Trainings", "Wall and CPU seconds, mean loss of the last eight steps.", _trainings(measured["anchors"])),
    ):
        lines += ["", f"## {title}", "", text, "", *rows]
    return lines


_ANCHORS = (
    "Loss on held-out text of the own class less that of the base (nats per token, paired SE), and neutral perplexity "
    "over that of the base. An anchor passes if the first is negative and the second at most 1.1."
)
_SHAPES = (
    "Change of the log-likelihood ratio per token of held-out texts of both classes. R² of a line; chord deviation: "
    "largest distance from the straight line between the ends, in units of their difference; V: share of all movement "
    "that goes back; K: steepest step over the mean one. 95% bootstrap intervals over blocks of texts, or prompts."
)
_STABLE = (
    "Where neutral perplexity is at most 1.1 times that of the worse end, by interpolation of its logarithm between "
    "grid points; brackets are 95% bootstrap bounds of each edge. A * marks an edge of the grid: it may go on."
)
_SWEEP = "Step: change of S from the row before, with its paired standard error. Losses in nats per token."
_SPOKEN = "VADER compound score of continuations of the same prompts with the same random numbers."
_TRACKING = "Differences with paired standard errors; the last column is a ratio of neutral perplexities."
_DISTANCES = (
    "W1 between the distributions of VADER scores; by chance: 95% quantile if the two models were the same (which of "
    "two texts is whose is decided by lot)."
)
_DIVERGENCES = (
    "Mean Jensen-Shannon divergence in nats, at every position of 64 held-out texts, 95% bootstrap intervals."
)
_TWO = "Both weights are one half. Scores S on 32 held-out texts of each class; paired standard errors in brackets."
_ENTANGLED = (
    "J: change of the score in the column when the alpha in the row goes from 0 to 1 (paired SE). Shares are in units "
    "of how far each score is moved by its own knob; sampling noise alone makes them positive."
)
_SIMPLEX = (
    "All alphas 1, weights on a lattice of step one half. Mean gap: score at midpoints of edges less the mean of the "
    "ends, on 16 held-out texts of each class."
)
_ANGLES = (
    "Cosines of whole changes, all modules together. The second seed has another start and other sentences. Directions "
    "are plus less minus, in which what all anchors learn in common cancels."
)


def _table(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> Lines:
    return [
        "| " + " | ".join(head) + " |",
        "|-" * len(head) + "|",
        *("| " + " | ".join(map(str, row)) + " |" for row in rows),
    ]


def _pm(pair: Sequence[float | None], digits: int = 3) -> str:
    mean, error = pair
    return "" if mean is None or error is None else f"{mean:+.{digits}f} ± {error:.{digits}f}"


def _bounded(triple: Sequence[float], digits: int = 3) -> str:
    value, low, high = triple
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _gate(rows: Sequence[Found]) -> Lines:
    head = ("path", "anchor", "own loss less base", "perplexity over base", "passes")
    cells = (
        (
            row["path"],
            row["anchor"],
            _pm((row["own"], row["own SE"])),
            f"{row['perplexity ratio']:.3f}",
            "yes" if row["passes"] else "no",
        )
        for row in rows
    )
    return _table(head, cells)


def _shapes(rows: Sequence[Found]) -> Lines:
    head = ("path", "range", "change", "R²", "chord deviation", "V", "K")
    cells = (
        (
            row["path"],
            f"[{row['from']:g}, {row['to']:g}]",
            _pm((row["change"], row["SE"])),
            _bounded(row["R2"], 4),
            *(_bounded(row[name], 2) for name in ("chord deviation", "V", "K")),
        )
        for row in rows
    )
    return _table(head, cells)


def _stable(rows: Sequence[Found]) -> Lines:
    cells = []
    for row in rows:
        edges = []
        for edge, bounds, end in zip((row["low"], row["high"]), row["bounds"], row["grid"], strict=True):
            edges.append(f"{edge:.2f}{'*' if edge == end else ''} [{bounds[0]:.2f}, {bounds[1]:.2f}]")
        cells.append((row["path"], *edges))
    return _table(("path", "from", "to"), cells)


def _sweep(rows: Sequence[Found]) -> Lines:
    cells = (
        (
            f"{row['alpha']:g}",
            f"{row['S']:.3f}",
            _pm((row["step"], row["step SE"])),
            f"{row['NLL +']:.3f}",
            f"{row['NLL -']:.3f}",
            f"{row['perplexity']:.1f}",
        )
        for row in rows
    )
    return _table(("alpha", "S", "step", "loss +", "loss -", "neutral perplexity"), cells)


def _spoken(rows: Sequence[Found]) -> Lines:
    cells = (
        (row["model"], row["n"], _pm((row["mean"], row["SE"])), _pm((row["over alpha 0"], row["over alpha 0 SE"])))
        for row in rows
    )
    return _table(("model", "texts", "VADER", "over alpha 0"), cells)


def _tracking(rows: Sequence[Found]) -> Lines:
    names = ("S", "NLL +", "NLL -")
    cells = ((row["models"], *(_pm(row[name]) for name in names), _ratio(row["log perplexity"])) for row in rows)
    return _table(("models", "S", "loss +", "loss -", "perplexity"), cells)


def _ratio(pair: Sequence[float]) -> str:
    return f"{2.718281828459045 ** pair[0]:.3f} ± {pair[1]:.3f}"


def _distances(rows: Sequence[Found]) -> Lines:
    return _table(("pair", "W1", "by chance"), ((r["pair"], f"{r['W1']:.3f}", f"{r['by chance']:.3f}") for r in rows))


def _divergences(studies: Mapping[str, Sequence[Found]]) -> Lines:
    cells = (
        (name, f"{row['alpha']:g}", row["pair"].replace(" | ", " / "), _bounded((row["JS"], *row["bounds"]), 4))
        for name, rows in studies.items()
        for row in rows
    )
    return _table(("study", "alpha", "pair", "JS"), cells)


def _two(found: Found) -> Lines:
    head = ("sentiment", "register", "S sentiment", "S register", "neutral perplexity")
    cells = (
        (
            f"{row['sentiment']:g}",
            f"{row['register']:g}",
            f"{row['S sentiment']:.3f}",
            f"{row['S register']:.3f}",
            f"{row['perplexity']:.1f}",
        )
        for row in found["grid"]
    )
    effects = [
        (f"{row['knob']} from 0 to 1", f"other at {row['other at']:g}", _pm(row["sentiment"]), _pm(row["register"]))
        for row in found["effects"]
    ]
    crossed = ("interaction", "", _pm(found["interaction"]["sentiment"]), _pm(found["interaction"]["register"]))
    effect_table = _table(("knob", "where", "S sentiment", "S register"), [*effects, crossed])
    return [*_table(head, cells), "", *effect_table, "", f"Perplexity of the base: {found['base perplexity']:.1f}."]


def _entanglement(found: Mapping[str, Found]) -> Lines:
    lines: Lines = []
    for name, row in found.items():
        cells = (
            (knob, *(_pm(pair, 2) for pair in zip(means, errors, strict=True)))
            for knob, means, errors in zip(row["names"], row["J"], row["SE"], strict=True)
        )
        lines += [*_table((f"{name}: knob", *row["names"]), cells), ""]
        lines += [f"Off-diagonal share {_bounded(row['off-diagonal share'], 2)}, "]
        lines += [f"largest {_bounded(row['largest off-diagonal'], 2)}.", ""]
    return lines[:-1]


def _simplex(found: Found) -> Lines:
    names = list(found["linear"])
    cells = (
        (
            ", ".join(f"{w:g}" for w in row["weights"]),
            *(f"{row[f'S {name}']:.3f}" for name in names),
            f"{row['perplexity']:.1f}",
        )
        for row in found["rows"]
    )
    fits = (
        (name, f"{row['R2']:.3f}", _bounded(row["mean gap"]), f"{row['range']:.3f}")
        for name, row in found["linear"].items()
    )
    scores = _table((f"weights of {', '.join(names)}", *(f"S {name}" for name in names), "neutral perplexity"), cells)
    return [*scores, "", *_table(("score", "R² with the linear prediction", "mean gap", "range"), fits)]


def _angles(found: Found) -> Lines:
    lines: Lines = []
    for kind in ("anchors", "directions"):
        names = found[kind]["names"]
        cells = ((name, *(f"{c:.2f}" for c in row)) for name, row in zip(names, found[kind]["cosines"], strict=True))
        lines += [*_table((kind, *names), cells), ""]
    middle, floor = found["middle to mixture"], found["mixture to other sentences"]
    return [
        *lines,
        f"In units of the distance of the sentiment anchors, the midpoint of the path is {middle:.2f} from the model "
        f"trained on the mixture, and that model {floor:.2f} from one trained from the same start on other sentences.",
    ]


def _trainings(rows: Sequence[Found]) -> Lines:
    cells = (
        (row["name"], row["tokens"], f"{row['loss']:.2f}", f"{row['wall']:.0f}", f"{row['cpu']:.0f}") for row in rows
    )
    return _table(("anchor", "tokens", "loss", "wall", "CPU"), cells)
