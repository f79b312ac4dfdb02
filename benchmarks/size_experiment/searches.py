"""Orders of patching that are found on calibration texts, and how near greedy ones come to the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from families import members
from models import half_precision
from pieces import Lab, Piece, needed
from texts import calibration

from continuum.models.anatomy import blocks
from continuum.models.size import (
    BackwardGreedy,
    FirstToLast,
    KLPatch,
    LastToFirst,
    Lattice,
    Layout,
    Members,
    PatchSearch,
    Random,
    Surrogate,
    steps,
)
from continuum.models.size.surrogate import Terms

FIXED = {"last to first": LastToFirst(), "first to last": FirstToLast()} | {
    f"random {seed}": Random(seed) for seed in range(3)
}
_CHUNKS = 8
_SLOTS = 8  # size slots of which all subsets are tried


def orders_piece(lab: Lab, student: str) -> Piece:
    """KLPatch, the same backwards, an additive model of the divergence, and what needs no texts."""
    family = members(lab, student)
    with half_precision():
        return {"orders": _found(lab, family, ("additive",))}


def _found(lab: Lab, family: Members, models: Sequence[Terms]) -> dict[str, Any]:
    """Orders with how many members were tried for each."""
    texts = calibration(lab, _CHUNKS)
    found: dict[str, Any] = {name: {"order": list(order.slots(family))} for name, order in FIXED.items()}
    for name, greedy in (("KLPatch", KLPatch(texts)), ("backward greedy", BackwardGreedy(texts))):
        found[name] = _searched(greedy.search(family))
    for terms in models:
        fitted = Surrogate(texts, terms).fit(family)
        order = fitted.by_gain("sum") if terms == "additive" else fitted.lattice().shortest_path().order
        found[terms] = {"order": list(order), "heads": fitted.work.heads}
    return found


def _searched(search: PatchSearch) -> dict[str, Any]:
    return {
        "order": list(search.order),
        "kl": list(search.kl),
        "heads": search.work.heads,
        "layers": search.work.layers,
        "wall": search.seconds,
    }


def lattice_piece(lab: Lab, student: str) -> Piece:
    """All members above the one at which KLPatch has eight size slots left, and every order's way through them."""
    family = members(lab, student)
    with half_precision():
        start = _start(lab, family)
        return _compared(lab, upper(family, start))


def _start(lab: Lab, family: Members) -> frozenset[int]:
    """The slots that KLPatch patches until eight size slots are left."""
    gone = max(0, len(family.layout.size_slots) - _SLOTS)
    return steps(family.layout, needed(lab, "orders-main-0")["orders"]["KLPatch"]["order"])[gone]


def upper(family: Members, patched: frozenset[int]) -> Members:
    """The members that have at least these slots patched, as a family of their own: its student is the first."""
    kept = [k for i, slot in enumerate(family.layout.slots) for k in (slot if i in patched else slot[:1])]
    student = blocks(family.view(patched))
    return Members(student, family.teacher, Layout(tuple(kept), len(family.teacher)), family.head)


def _compared(lab: Lab, family: Members) -> Piece:
    """Every subset of the size slots, the shortest path, the best of each size, and other orders."""
    lattice = Lattice.measure(family, calibration(lab))
    searched = _found(lab, family, ("additive", "quadratic"))
    ways = {name: list(found["order"]) for name, found in searched.items()}
    ways["shortest path"] = list(lattice.shortest_path().order)
    best = [value for _, value in lattice.best().values()]
    return {
        "slots": list(lattice.slots),
        "kept": list(family.layout.kept),
        "depths": [family.layout.depth(slots) for slots in steps(family.layout, lattice.slots)],
        "kl": lattice.kl.tolist(),
        "heads": lattice.work.heads,
        "best of each size": best,
        "orders": {
            name: {"order": order, "kl": list(lattice.along(order)), "heads": searched.get(name, {}).get("heads")}
            for name, order in ways.items()
        },
    }
