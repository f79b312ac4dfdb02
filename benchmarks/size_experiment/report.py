"""The tables as Markdown, beside the numbers as JSON and the figure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tables
from claims import claims
from figure import draw
from measured import Run
from reports import Lines, opening, table
from verdicts import NotMeasuredError

Found = Mapping[str, Any]


def write(path: Path, measured: Found) -> None:
    """Write what was measured, its tables and the figure side by side."""
    run = Run(measured["pieces"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_compact({**measured, "claims": [claim._asdict() for claim in claims(run)]}))
    path.with_suffix(".md").write_text("\n".join(markdown(measured, run)) + "\n")
    draw(run).savefig(path.with_suffix(".png"), dpi=160)


def _compact(value: Any) -> str:
    """JSON with innermost lists on one line each, for diffs that can be read."""
    text = json.dumps(value, indent=1, allow_nan=True)
    lines: Lines = []
    open_list: Lines | None = None
    for line in text.splitlines():
        if line.endswith("["):
            lines += open_list or []
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


def markdown(measured: Found, run: Run) -> Lines:
    lines = opening("Models of all sizes", measured, claims(run))
    for title, text, rows in _SECTIONS:
        lines += ["", f"## {title}", "", text, "", *_section(run, rows)]
    return lines


def _section(run: Run, rows: Callable[[Run], Lines]) -> Lines:
    try:
        return rows(run)
    except NotMeasuredError as missing:
        return table(("not measured",), [(f"{missing} is missing",)])


def _pm(pair: Sequence[float]) -> str:
    return f"{pair[0]:+.3f} ± {pair[1]:.3f}"


def _layout(run: Run) -> Lines:
    head = ("layer", "single-drop KL", "block influence", "kept by KL", "kept by influence")
    cells = (
        (
            row["layer"],
            f"{row['single drop']:.3f}",
            f"{row['block influence']:.3f}",
            *("yes" if row[f"kept by {name}"] else "" for name in ("single drop", "block influence")),
        )
        for row in tables.layout(run)
    )
    return table(head, cells)


def _sums(run: Run) -> Lines:
    cells = (
        (
            row["dropped"],
            run.layers - row["dropped"],
            f"{row['sum']:.2f}",
            "" if row["step"] is None else f"{row['step']:.2f}",
            "taken" if row["taken"] else "",
        )
        for row in tables.sums(run)
    )
    return table(("dropped", "layers left", "sum of KL", "step", ""), cells)


def _weight(run: Run) -> Lines:
    found = run.piece("weight")
    depths = list(next(iter(found["kl"].values())))
    cells = (
        (weight, *(f"{values[depth]:.3f}" for depth in depths), f"{found['mean'][weight]:.3f}")
        for weight, values in found["kl"].items()
    )
    return table(("weight", *depths, "mean"), cells)


def _families(run: Run) -> Lines:
    teacher = tables.teacher(run)
    head = ("student", "family", "depth", "perplexity", "KL", "agreement", "tweets: perplexity", "KL", "agreement")
    cells = (
        (
            row["student"],
            row["family"],
            row["depth"],
            f"{row['perplexity, brown']:.1f}",
            f"{row['kl, brown']:.3f} ± {row['kl error']:.3f}",
            f"{row['agreement, brown']:.3f}",
            f"{row['perplexity, tweets']:.1f}",
            f"{row['kl, tweets']:.3f}",
            f"{row['agreement, tweets']:.3f}",
        )
        for row in tables.families(run)
    )
    end = f"Teacher: perplexity {teacher['brown']:.1f}, of tweets {teacher['tweets']:.1f}."
    return [*table(head, cells), "", end]


def _against(model: tuple[str, str]) -> Callable[[Run], Lines]:
    def rows(run: Run) -> Lines:
        found = tables.against(run, model)
        cells = ((row["against"], row["depth"], _pm(row["brown"]), _pm(row["tweets"])) for row in found)
        return table(("less", "depth", "KL, Brown", "KL, tweets"), cells)

    return rows


def _own_sizes(run: Run) -> Lines:
    found = tables.own_sizes(run)
    labels = list(dict.fromkeys(label for row in found for label in row if label not in ("depth", "own")))
    cells = (
        (row["depth"], f"{row['own']:.3f}", *(_pm(row[label]) if label in row else "" for label in labels))
        for row in found
    )
    return table(("depth", "KL of its own model", *(f"{label} less own" for label in labels)), cells)


def _by_depth(rows: Callable[[Run], list[tables.Row]], *heads: str) -> Callable[[Run], Lines]:
    """A table of divergences with a column for each depth; `heads` are fields beside it."""

    def lines(run: Run) -> Lines:
        found = rows(run)
        depths = sorted({depth for row in found for depth in row["kl"]})
        cells = (
            (
                row[heads[0]],
                *(f"{row['kl'][depth]:.3f}" if depth in row["kl"] else "" for depth in depths),
                *(f"{row[name]:.0f}" for name in heads[1:]),
            )
            for row in found
        )
        return table((heads[0], *map(str, depths), *(f"CPU {name}" for name in heads[1:])), cells)

    return lines


def _orders(run: Run) -> Lines:
    cells = (
        (row["student"], row["label"], " ".join(map(str, row["order"])), row["heads"] or "")
        for row in tables.orders(run)
    )
    return table(("student", "order", "slots, as they are patched", "members tried"), cells)


def _lattice(run: Run) -> Lines:
    depths = run.piece("lattice")["depths"]
    cells = (
        (row["way"], *(f"{value:.4f}" for value in row["kl"]), f"{row['sum']:.4f}", row["members"] or "")
        for row in tables.lattice(run)
    )
    return table(("way", *map(str, depths), "sum between", "members tried"), cells)


def _choices(run: Run) -> Lines:
    found = tables.choices(run)
    names = [name for name in found[0] if name not in ("family", "depth")]
    cells = (
        (row["family"], row["depth"], *(f"{row[name][0]:.3f} ± {row[name][1]:.3f}" for name in names)) for row in found
    )
    heads = (f"{name} ({found[0][name][2]} questions)" for name in names)
    return table(("family", "depth", *heads), cells)


def _ledger(run: Run) -> Lines:
    cells = (
        (row["way"], f"{row['bytes'] / 1e6:.0f}", f"{row['tokens']:,}", f"{row['cpu']:.0f}")
        for row in tables.ledger(run)
    )
    found = run.piece("ledger")
    seconds = found["seconds to view all"]
    end = f"All {found['views']} members as models over these weights, without a copy: {seconds:.2f} s."
    return [*table(("way", "MB", "tokens trained on", "CPU seconds"), cells), "", end]


def _trainings(run: Run) -> Lines:
    cells = (
        (row["training"], f"{row['tokens']:,}", f"{row['loss']:.3f}", f"{row['wall']:.0f}", f"{row['cpu']:.0f}")
        for row in tables.trainings(run)
    )
    return table(("training", "tokens", "loss", "wall", "CPU"), cells)


def _learning(run: Run) -> Lines:
    found = tables.learning(run)
    cells = []
    for row in found:
        for name, values in row["terms"].items():
            cells.append((row["seed"], name, " ".join(f"{value:.3f}" for value in values)))
    return table(("seed", "term", "means over runs of steps, from the first to the last"), cells)


_SECTIONS: tuple[tuple[str, str, Callable[[Run], Lines]], ...] = (
    (
        "Layout",
        "Divergence of the teacher without one layer, in nats per token of calibration text, and how much a layer "
        "turns the hidden states. Kept are the layers that are left when the sum over the dropped ones is least, no "
        "two of them neighbours, and as many as are taken below.",
        _layout,
    ),
    ("Sums", "The least sum over so many dropped layers; taken is the knee of the curve.", _sums),
    (
        "Weight of the cosine",
        "Divergence on calibration texts after 64 steps, by depth, from last to first.",
        _weight,
    ),
    (
        "Against pruning",
        "Divergence of the main student's members in the backward greedy order less that of pruned models of the same "
        "depth, which here means the same number of parameters; paired standard errors over rows. Negative is better.",
        _against(("main-0", "backward greedy")),
    ),
    (
        "Random slots against pruning",
        "The same for the student that was trained for 128 steps, in half of which random slots were the teacher's: "
        "sizes between are not zero-shot. The order is that of the main student.",
        _against(("random-slots", "backward greedy")),
    ),
    (
        "Models of their own size",
        "All trained for 128 steps on the same texts; a model of its own size starts from the best layout of its "
        "depth.",
        _own_sizes,
    ),
    (
        "More and more training",
        "Divergence on held-out files of Brown by depth, from last to first.",
        _by_depth(tables.budgets, "training"),
    ),
    (
        "Losses",
        "Divergence by depth after 64 steps, from last to first. cosine-w: KL 1 and cosine w; paper: cross-entropy 1, "
        "KL 0.1 and cosine 2; all-three: cross-entropy 1, KL 1 and the cosine of the main trainings.",
        _by_depth(tables.ablations, "losses", "seconds"),
    ),
    ("Orders", "Neutral slots ride with the nearest size slot.", _orders),
    (
        "Greedy against exact",
        "Divergence on the calibration texts by depth, of every way through all members above the one at which KLPatch "
        "has eight size slots left. The best of each size need not be nested.",
        _lattice,
    ),
    (
        "Choices by likelihood",
        "Made of held-out files, no known benchmark. Continuation: 16 tokens, then the right 8 or those of three other "
        "places of the same file; chance 1/4. Word order: a sentence, or the same with two neighbouring words "
        "exchanged; chance 1/2. Standard errors of shares.",
        _choices,
    ),
    (
        "Ledger",
        "Seconds of models trained one by one are on the line through those of the measured ones.",
        _ledger,
    ),
    ("Learning", "Terms of the loss without their weights.", _learning),
    ("Trainings", "Mean loss of the last eight steps, wall and CPU seconds.", _trainings),
    ("All models", "Nats per token; paired by row wherever models are compared.", _families),
)
