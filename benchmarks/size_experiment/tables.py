"""The tables of the experiment, from the pieces of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import students
from measured import Model, Run, difference

from continuum.models.paired import PairedDifference

Row = dict[str, Any]

STRONG: tuple[Model, ...] = (
    ("pruned", "naive, last to first"),
    ("pruned", "one-shot, single drop"),
    ("pruned", "one-shot, block influence"),
    ("pruned", "LaCo"),
    ("pruned", "CheckFree, so many layers stored"),
)
_SMOOTH = 31  # steps of which a mean is taken in a learning curve


def layout(run: Run) -> list[Row]:
    """What is lost with each layer, and which are kept by either score."""
    found = run.piece("layout")
    names = ("single drop", "block influence")
    dropped = len(found["single drop"]["scores"]) - len(found["kept"])
    kept = {name: found[name]["kept"][dropped] for name in names}
    return [
        {"layer": layer, **{name: found[name]["scores"][layer] for name in names}}
        | {f"kept by {name}": layer in kept[name] for name in names}
        for layer in range(run.layers)
    ]


def sums(run: Run) -> list[Row]:
    """The least sum of scores by the number of dropped layers, with the step from the one before."""
    found = run.piece("layout")["single drop"]["sums"]
    knee = run.piece("layout")["knee"]
    return [
        {"dropped": r, "sum": total, "step": total - found[r - 1] if r else None, "taken": r == knee}
        for r, total in enumerate(found)
    ]


def families(run: Run) -> list[Row]:
    """Perplexity, divergence and agreement of every model that was read."""
    students = [name[len("family-") :] for name in run.pieces if name.startswith("family-")]
    found = []
    for student in students:
        for row in run.piece(f"family-{student}")["rows"]:
            if row["depth"] == run.layers:
                continue
            means = {f"{quantity}, {kind}": _mean(row, kind, quantity) for quantity, kind in _QUANTITIES}
            error = np.std(row["brown"]["kl"], ddof=1) / np.sqrt(len(row["brown"]["kl"]))
            head = {"student": student, "family": row["family"], "depth": row["depth"]}
            found.append({**head, **means, "kl error": float(error)})
    return found


_QUANTITIES = [(quantity, kind) for kind in ("brown", "tweets") for quantity in ("perplexity", "kl", "agreement")]


def _mean(row: Row, kind: str, quantity: str) -> float:
    if quantity == "perplexity":
        return float(np.exp(np.mean(row[kind]["loss"])))
    return float(np.mean(row[kind][quantity]))


def teacher(run: Run) -> Row:
    """The teacher on the same texts."""
    row = next(row for row in run.piece("family-main-0")["rows"] if row["depth"] == run.layers)
    return {kind: _mean(row, kind, "perplexity") for kind in ("brown", "tweets")}


def against(run: Run, model: Model) -> list[Row]:
    """A family less each way of pruning at the same depth, with paired standard errors."""
    found = []
    for other in STRONG:
        for depth in run.depths(*other):
            if depth in run.depths(*model):
                pair = difference(run, model, other, depth)
                tweets = difference(run, model, other, depth, kind="tweets")
                found.append({"against": other[1], "depth": depth, "brown": _pair(pair), "tweets": _pair(tweets)})
    return found


def own_sizes(run: Run) -> list[Row]:
    """At one budget: models distilled for their size, and members, with random slots patched in training or not."""
    found = []
    for name in sorted(name for name in run.pieces if name.startswith("family-size-")):
        own = name[len("family-") :]
        depth = run.depths(own, "alone")[0]
        members: dict[str, Model] = {
            "member, last to first": ("middle", "last to first"),
            "member, backward greedy": ("middle", "backward greedy"),
            "random slots, backward greedy": ("random-slots", "backward greedy"),
        }
        row: Row = {"depth": depth, "own": float(run.values(own, "alone", depth).mean())}
        for label, model in members.items():
            if f"family-{model[0]}" in run.pieces:
                row[label] = _pair(difference(run, model, (own, "alone"), depth))
        found.append(row)
    return found


def ablations(run: Run) -> list[Row]:
    """Divergence by depth after 64 steps, and the seconds of the training."""
    weights = [f"cosine-{weight}" for weight in run.piece("weight")["kl"]]
    names = [*weights, *(training.name for training in students.ablations(run.piece("weight")["weight"]))]
    return [
        {
            "losses": name,
            "kl": {depth: _level(run, (name, "last to first"), depth) for depth in run.depths(name, "last to first")},
            "seconds": run.piece(f"training-{name}")["seconds"]["cpu"],
        }
        for name in names
        if f"family-{name}" in run.pieces
    ]


def budgets(run: Run) -> list[Row]:
    """Divergence by depth after more and more steps, from last to first."""
    weight = run.piece("weight")["weight"]
    models: dict[str, Model] = {
        "untrained": ("pruned", "naive, last to first"),
        "64 steps": (f"cosine-{weight}", "last to first"),
        "128 steps": ("middle", "last to first"),
        "310 steps": ("main-0", "last to first"),
        "310 steps, second seed": ("main-1", "last to first"),
        "128 steps, random start": ("random-start", "last to first"),
        "128 steps, random slots patched": ("random-slots", "last to first"),
    }
    return [
        {"training": label, "kl": {depth: _level(run, model, depth) for depth in run.depths(*model)}}
        for label, model in models.items()
        if f"family-{model[0]}" in run.pieces
    ]


def _level(run: Run, model: Model, depth: int) -> float:
    return float(run.values(*model, depth).mean())


def orders(run: Run) -> list[Row]:
    """The orders that were found, and what finding them took."""
    found = []
    for student in ("main-0", "main-1"):
        if f"orders-{student}" in run.pieces:
            for label, order in run.piece(f"orders-{student}")["orders"].items():
                found.append({"student": student, "label": label, "order": order["order"], "heads": order.get("heads")})
    return found


def lattice(run: Run) -> list[Row]:
    """The divergence on each way through the lattice by depth, and its sum over the sizes between."""
    found = run.piece("lattice")
    ways = {name: way["kl"] for name, way in found["orders"].items()} | {
        "best of each size": found["best of each size"]
    }
    heads = {name: way["heads"] for name, way in found["orders"].items()} | {"shortest path": found["heads"]}
    return [
        {"way": name, "kl": kl, "sum": sum(kl[1:-1]), "members": heads.get(name)}
        for name, kl in sorted(ways.items(), key=lambda way: sum(way[1][1:-1]))
    ]


def choices(run: Run) -> list[Row]:
    """Share of right answers with its standard error."""
    found = []
    for row in run.piece("choices")["rows"]:
        tasks = {name: _share(answers) for name, answers in row.items() if isinstance(answers, list)}
        found.append({"family": row["family"], "depth": row["depth"], **tasks})
    return found


def _share(answers: list[int]) -> list[float]:
    share = float(np.mean(answers))
    return [share, float(np.sqrt(share * (1 - share) / len(answers))), len(answers)]


def ledger(run: Run) -> list[Row]:
    """Bytes, tokens and CPU seconds of one family, and of its members one by one.

    What members would take to train is on the line through the measured seconds of models of single sizes.
    """
    found, main = run.piece("ledger"), run.piece("training-main-0")
    members = found["members"]
    apart = sum(member["bytes"] for member in members)
    trained = [member["depth"] for member in members[:-1]]  # the teacher is there already
    one = {"tokens": main["tokens"], "cpu": main["seconds"]["cpu"]}
    many = {"tokens": len(trained) * main["tokens"], "cpu": sum(_seconds(run, trained)) * main["tokens"]}
    family = found["bytes of the teacher"] + found["bytes of the student's layers"]
    return [
        {"way": "one family", "bytes": family, **one},
        {"way": f"its {len(members)} members, stored one by one", "bytes": apart, **one},
        {"way": f"{len(trained)} models trained one by one, and the teacher", "bytes": apart, **many},
    ]


def _seconds(run: Run, depths: list[int]) -> list[float]:
    """CPU seconds for each token in training models of these depths."""
    names = [name[len("family-") :] for name in run.pieces if name.startswith("family-size-")]
    known = {run.smallest: run.piece("training-middle")} | {
        run.depths(name, "alone")[0]: run.piece(f"training-{name}") for name in names
    }
    line = np.polyfit(list(known), [piece["seconds"]["cpu"] / piece["tokens"] for piece in known.values()], 1)
    return np.polyval(line, depths).tolist()


def trainings(run: Run) -> list[Row]:
    """Tokens, mean loss of the last steps, and seconds of every training."""
    return [
        {
            "training": name[len("training-") :],
            "tokens": piece["tokens"],
            "loss": float(np.mean(piece["losses"][-8:])),
            **piece["seconds"],
        }
        for name, piece in run.pieces.items()
        if name.startswith("training-")
    ]


def learning(run: Run) -> list[Row]:
    """Means of the two terms of the loss over runs of steps of the main trainings."""
    found = []
    for seed in (0, 1):
        if f"training-main-{seed}" in run.pieces:
            terms = run.piece(f"training-main-{seed}")["terms"]
            curves = {name: [float(np.mean(part)) for part in _parts(values)] for name, values in terms.items()}
            found.append({"seed": seed, "steps": len(next(iter(terms.values()))), "terms": curves})
    return found


def _parts(values: list[float]) -> list[np.ndarray]:
    return np.array_split(np.array(values), max(1, len(values) // _SMOOTH))


def _pair(found: PairedDifference) -> list[float]:
    return [found.mean, found.standard_error]
