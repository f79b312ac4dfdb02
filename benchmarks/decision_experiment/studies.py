"""The parts of the experiment, in pieces that are kept when they are finished."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import between
import choosing
import cubic
import demand
import digit_grid
import stock
import terrain
import transfers
from families import Family
from pieces import Lab, Piece, Work, finished, side_by_side

import continuum

Draw = Callable[[Lab, int], Family]

DRAWN: Mapping[str, Draw] = {
    **{f"digits, {kind}": partial(digit_grid.family, kind=kind) for kind in digit_grid.KINDS},
    **{f"terrain, {kind}": partial(terrain.family, kind=kind) for kind in terrain.KINDS},
    "cubic": cubic.family,
}
"""Settings whose targets and sources are drawn."""

_JOINED = ("digits, independent", "digits, same", "terrain, independent")


def _seeds(lab: Lab) -> range:
    return range(2 if lab.small else 5)


def _drawn(lab: Lab, names: Sequence[str]) -> list[Work]:
    return [(f"{name}, {seed}", partial(_transfer, lab, name, seed)) for name in names for seed in _seeds(lab)]


def _transfer(lab: Lab, name: str, seed: int) -> Piece:
    family = DRAWN[name](lab, seed=seed)
    choices = {"choices": choosing.measured(family)} if family.few else {}
    return {"target": f"seed {seed}", **transfers.measured(family), **choices}


def _stock(lab: Lab) -> list[Work]:
    return [
        (f"{data}, {units}", partial(_traded, lab, data, units))
        for data in demand.available(lab)
        for units in stock.UNITS
    ]


def _traded(lab: Lab, data: str, units: str) -> Piece:
    """All domains of a data set as targets."""
    panels = [
        {"target": name, **transfers.measured(family), "choices": choosing.measured(family)}
        for name, family in stock.families(lab, data, units).items()
    ]
    return {"panels": panels}


def _between(lab: Lab) -> list[Work]:
    drawn = [
        (f"between, {name}, {seed}", partial(_joined, lab, name, seed)) for name in _JOINED for seed in _seeds(lab)
    ]
    return [*drawn, *((f"between, {data}", partial(_joined_stock, lab, data)) for data in demand.available(lab))]


def _joined(lab: Lab, name: str, seed: int) -> Piece:
    count = 2 if lab.small else 4
    return between.measured(DRAWN[name](lab, seed=seed, sources=count), count)


def _joined_stock(lab: Lab, data: str) -> Piece:
    """Each domain as the target of the next one."""
    families = stock.families(lab, data, "scaled")
    found = [between.measured(family, 1) for family in families.values()]
    return {"pairs": [pair for one in found for pair in one["pairs"]], "t": found[0]["t"]}


PARTS: Mapping[str, Callable[[Lab], list[Work]]] = {
    "cubic": lambda lab: _drawn(lab, ["cubic"]),
    "digits": lambda lab: _drawn(lab, [name for name in DRAWN if name.startswith("digits")]),
    "terrain": lambda lab: _drawn(lab, [name for name in DRAWN if name.startswith("terrain")]),
    "stock": _stock,
    "between": _between,
}

_ABOUT = (
    "Digits are those of scikit-learn, 8 x 8 pixels; terrain and cubic values are made here. Demand is real: dishes of "
    "a restaurant (yaz), products in shops of a bakery, items in stores; all domains of a set see the same days, those "
    "to decide on come later than those to learn from. Every setting has its own learner, trained on 80 instances (100 "
    "days) of a source and on nothing of the target; distances are measured to as many of the target. Everything is "
    "drawn from seeds, on one thread; nothing was chosen by looking at test instances, but for what is called best."
)


def run(lab: Lab, parts: Sequence[str]) -> None:
    """All pieces of some parts; what is there already takes no time."""
    side_by_side(lab, [work for name in parts for work in PARTS[name](lab)])


def collected(lab: Lab, command: str) -> dict[str, Any]:
    """All finished pieces with their origin, and the names of those that are missing."""
    names = [name for part in PARTS.values() for name, _ in part(lab)]
    pieces = {name: finished(lab, name) for name in names}
    return {
        "command": command,
        "about": f"Few instances, and made-up demand. {_ABOUT}" if lab.small else _ABOUT,
        "versions": {"continuum": continuum.__version__, **{name: version(name) for name in ("numpy", "scikit-learn")}},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "written": time.strftime("%Y-%m-%d"),
        "missing": [name for name, piece in pieces.items() if piece is None],
        "pieces": {name: piece for name, piece in pieces.items() if piece is not None},
    }
