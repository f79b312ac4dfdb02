"""All steps of the experiment, the most important first, each in pieces that are kept when they are finished."""

from __future__ import annotations

import os
import platform
import time
from functools import partial
from importlib.metadata import version
from typing import Any

import students
from choices import accuracies
from families import (
    Stacks,
    alone,
    calibrated,
    depths_of,
    healed,
    laco,
    last_to_first,
    measured,
    members,
    one_shot,
    patched,
)
from layouts import layout_piece
from ledger import ledger_piece
from pieces import Lab, Piece, finished, kept, needed, side_by_side
from reader import stack_of
from searches import lattice_piece, orders_piece

import continuum

MAIN, SECOND = "main-0", "main-1"

_ABOUT = (
    "Teacher: SmolLM2-135M-Instruct, dequantised from Q4_1: not to be compared with published numbers of that model. "
    "Students are trained on passages of the Brown corpus and sentences of reviews and editorials, three tokens to "
    "two. Held out are 36 whole files of the Brown corpus (128 tokens of each) and 12 rows of tweets, a kind of text "
    "that nothing was trained on. Intervals are over rows of text, not over trainings; the second seed, with other "
    "texts, shows how much those differ."
)


def run(lab: Lab) -> None:
    """All steps; what is there already takes no time."""
    lab.folder.mkdir(parents=True, exist_ok=True)
    kept(lab, "layout", partial(layout_piece, lab))
    weights = students.weights()
    students.train(lab, weights)
    side_by_side(
        lab, [(f"calibrated-{training.name}", partial(_calibrated, lab, training.name)) for training in weights]
    )
    weight = kept(lab, "weight", partial(weight_piece, lab))["weight"]
    students.train(lab, students.mains(weight))
    side_by_side(lab, [(f"orders-{name}", partial(orders_piece, lab, name)) for name in (MAIN, SECOND)])
    side_by_side(lab, [("family-main-0", partial(_main, lab)), ("family-pruned", partial(_pruned, lab))])
    middles = students.middles(weight, sizes_of(lab))
    students.train(lab, middles)
    side_by_side(lab, [(f"family-{training.name}", partial(_trained, lab, training.name)) for training in middles])
    side_by_side(lab, [("family-main-1", partial(_second, lab)), ("lattice", partial(lattice_piece, lab, MAIN))])
    ablations = students.ablations(weight)
    students.train(lab, ablations)
    side_by_side(
        lab, [(f"family-{training.name}", partial(_short, lab, training.name)) for training in (*weights, *ablations)]
    )
    side_by_side(lab, [("choices", partial(_choices, lab)), ("ledger", partial(ledger_piece, lab, MAIN))])


def names_of_pieces(lab: Lab) -> tuple[str, ...]:
    """All that a finished run has, in order."""
    long = [*students.mains(0), *students.middles(0, sizes_of(lab))]
    short = [*students.weights(), *students.ablations(0)]
    trained = [training.name for training in (*long, *short)]
    return (
        *("layout", "weight", f"orders-{MAIN}", f"orders-{SECOND}", "lattice", "choices", "ledger", "family-pruned"),
        *(f"training-{name}" for name in trained),
        *(f"family-{name}" for name in trained),
    )


def sizes_of(lab: Lab) -> tuple[int, ...]:
    """Depths with a model of their own."""
    return students.SMALL_SIZES if lab.small else students.SIZES


def collected(lab: Lab, command: str) -> dict[str, Any]:
    """All finished pieces with their origin, and the names of those that are missing."""
    names = names_of_pieces(lab)
    pieces = {name: finished(lab, name) for name in names}
    packages = ("torch", "transformers", "accelerate", "numpy")
    return {
        "command": command,
        "about": "A tiny random model and made-up texts." if lab.small else _ABOUT,
        "versions": {"continuum": continuum.__version__, **{name: version(name) for name in packages}},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "written": time.strftime("%Y-%m-%d"),
        "missing": [name for name, piece in pieces.items() if piece is None],
        "pieces": {name: piece for name, piece in pieces.items() if piece is not None},
    }


def weight_piece(lab: Lab) -> Piece:
    """The weight of the cosine whose family is nearest to the teacher on calibration texts, over all sizes."""
    found = {str(weight): needed(lab, f"calibrated-cosine-{weight}")["kl"] for weight in students.WEIGHTS}
    means = {name: sum(values.values()) / len(values) for name, values in found.items()}
    return {"kl": found, "mean": means, "weight": int(min(means, key=means.__getitem__))}


def _calibrated(lab: Lab, name: str) -> Piece:
    return {"kl": calibrated(lab, name)}


def _orders(lab: Lab, name: str) -> dict[str, list[int]]:
    return {label: found["order"] for label, found in needed(lab, f"orders-{name}")["orders"].items()}


def _main(lab: Lab) -> Piece:
    """The main student along all orders; two of them at every size."""
    whole = ("last to first", "backward greedy")
    families: Stacks = {
        label: patched(lab, MAIN, order, None if label in whole else depths_of(lab))
        for label, order in _orders(lab, MAIN).items()
    }
    return measured(lab, families)


def _pruned(lab: Lab) -> Piece:
    """The same layout without training, and other ways to prune."""
    depths = depths_of(lab)
    orders = _orders(lab, MAIN)
    families: Stacks = {
        "naive, last to first": last_to_first(lab, "naive", depths),
        "naive, backward greedy": patched(lab, "naive", orders["backward greedy"], depths),
        "one-shot, single drop": one_shot(lab, "single drop", depths),
        "one-shot, block influence": one_shot(lab, "block influence", depths),
        "LaCo": laco(lab, depths),
        "CheckFree, so many layers stored": healed(lab, depths),
    }
    return measured(lab, families)


def _second(lab: Lab) -> Piece:
    """The student of the second seed, along its own orders."""
    chosen = ("last to first", "first to last", "backward greedy")
    orders = {label: order for label, order in _orders(lab, SECOND).items() if label in chosen}
    return measured(lab, {label: patched(lab, SECOND, order, depths_of(lab)) for label, order in orders.items()})


def _trained(lab: Lab, name: str) -> Piece:
    """A student that was trained for 128 steps, along two orders; or a model of its own size, alone."""
    if name.startswith("size-"):
        return measured(lab, {"alone": alone(lab, name)})
    orders = _orders(lab, MAIN)
    chosen = ("last to first",) if name == "random-start" else ("last to first", "backward greedy")
    return measured(lab, {label: patched(lab, name, orders[label], depths_of(lab)) for label in chosen})


def _short(lab: Lab, name: str) -> Piece:
    """A student of an ablation, from last to first."""
    return measured(lab, {"last to first": last_to_first(lab, name, depths_of(lab)[::3])})


def _choices(lab: Lab) -> Piece:
    """Choice accuracy along the main family, and of what was pruned."""
    depths = depths_of(lab)[::2]
    orders = _orders(lab, MAIN)
    families: Stacks = {
        "last to first": patched(lab, MAIN, orders["last to first"], depths),
        "backward greedy": patched(lab, MAIN, orders["backward greedy"], depths),
        "naive, last to first": patched(lab, "naive", orders["last to first"], depths),
        "one-shot, single drop": one_shot(lab, "single drop", depths),
        "random start": patched(lab, "random-start", orders["last to first"], depths[:1]),
        "teacher": {len(stack): stack for stack in [stack_of(members(lab, "naive").teacher)]},
    }
    named = {f"{family} {depth}": stack for family, stacks in families.items() for depth, stack in stacks.items()}
    found = accuracies(lab, named)
    return {
        "rows": [
            {"family": family, "depth": depth, **found[f"{family} {depth}"]}
            for family, stacks in families.items()
            for depth in stacks
        ]
    }
