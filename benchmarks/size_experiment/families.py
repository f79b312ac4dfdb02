"""Families of models as stacks of layers: members between a student and the teacher, and what pruning makes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from models import folder_of, half_precision, language_model, teacher
from pieces import Lab, Piece, needed
from reader import Reader, Stack, stack_of
from texts import KINDS, calibration, held_out_rows

from continuum.models.anatomy import Blocks, blocks
from continuum.models.size import (
    LastToFirst,
    LayerCollapse,
    Layout,
    Members,
    NeighbourMean,
    OneShot,
    divergence,
    initialize_student,
    lowest_first,
    steps,
)
from continuum.models.size.stacks import stacked
from continuum.models.sources import load_language_model

DEPTHS = (18, 20, 22, 24, 26, 28, 29)
_THRESHOLDS = (0.8, 0.65, 0.5, 0.35)  # of LaCo, from careful to bold
_RUN = 3  # layers that LaCo makes one

Stacks = dict[str, dict[int, Stack]]
"""By name of a family, its models by depth."""


def layout_of_run(lab: Lab) -> Layout:
    return Layout(tuple(needed(lab, "layout")["kept"]), len(teacher(lab)))


def members(lab: Lab, student: str) -> Members:
    """All that patching makes of a student, or of an untrained one if it is called "naive"."""
    layout = layout_of_run(lab)
    return Members(_student(lab, student), teacher(lab), layout, head="teacher")


@lru_cache(maxsize=4)
def _student(lab: Lab, name: str) -> Blocks:
    if name == "naive":
        return blocks(initialize_student(language_model(lab).model, layout_of_run(lab).kept))
    return blocks(load_language_model(folder_of(lab, name)).model)


def patched(lab: Lab, student: str, order: Sequence[int], depths: Sequence[int] | None = None) -> dict[int, Stack]:
    """The members along an order by depth, some of them or all."""
    family = members(lab, student)
    found = {family.layout.depth(slots): family.layers(slots) for slots in steps(family.layout, order)}
    return {depth: stack for depth, stack in found.items() if depths is None or depth in depths}


def alone(lab: Lab, student: str) -> dict[int, Stack]:
    """A model that was distilled for its own size."""
    stack = stack_of(_student(lab, student))
    return {len(stack): stack}


def one_shot(lab: Lab, score: str, depths: Sequence[int]) -> dict[int, Stack]:
    """The teacher without its cheapest layers, neighbours or not, with no training."""
    layers = len(teacher(lab))
    order = lowest_first(needed(lab, "layout")[score]["scores"])
    return {
        depth: stack_of(teacher(lab), [layer for layer in range(layers) if layer not in order[: layers - depth]])
        for depth in depths
    }


def laco(lab: Lab, depths: Sequence[int]) -> dict[int, Stack]:
    """LaCo at its most careful threshold that makes a model as small as this."""
    found: dict[int, Stack] = {}
    for threshold in _THRESHOLDS:
        with half_precision():
            family = LayerCollapse(calibration(lab, chunks=4), merged=_RUN, threshold=threshold).stacks(teacher(lab))
        for mixes in family:
            if len(mixes) in depths and len(mixes) not in found:
                found[len(mixes)] = stack_of(blocks(stacked(teacher(lab), mixes)))
    return found


def healed(lab: Lab, depths: Sequence[int]) -> dict[int, Stack]:
    """CheckFree: the cheapest layers become means of their neighbours, as deep as before, by how many are stored."""
    layers = len(teacher(lab))
    order = lowest_first(needed(lab, "layout")["single drop"]["scores"])
    family = OneShot(order, repair=NeighbourMean()).stacks(teacher(lab))
    return {depth: stack_of(blocks(stacked(teacher(lab), family[layers - depth]))) for depth in depths}


def depths_of(lab: Lab) -> tuple[int, ...]:
    """At which depths families are compared."""
    layout = layout_of_run(lab)
    return tuple(range(layout.depth(), layout.layers)) if lab.small else DEPTHS


def calibrated(lab: Lab, student: str) -> dict[int, float]:
    """Divergence on calibration texts of the members from last to first, by depth, without the teacher."""
    family, texts = members(lab, student), calibration(lab)
    with half_precision():
        return {
            family.layout.depth(slots): divergence(family, slots, texts).mean
            for slots in steps(family.layout, LastToFirst().slots(family))[:-1:2]
        }


def last_to_first(lab: Lab, student: str, depths: Sequence[int] | None = None) -> dict[int, Stack]:
    """The members from last to first."""
    return patched(lab, student, LastToFirst().slots(members(lab, student)), depths)


def measured(lab: Lab, families: Stacks) -> Piece:
    """Readings of all models on both kinds of held-out text, and their sizes."""
    named = {f"{family} {depth}": stack for family, stacks in families.items() for depth, stack in stacks.items()}
    readings: dict[str, Any] = {kind: Reader(teacher(lab), held_out_rows(lab, kind)).read(named) for kind in KINDS}
    rows = [
        {"family": family, "depth": depth, **{kind: readings[kind][f"{family} {depth}"] for kind in KINDS}}
        for family, stacks in families.items()
        for depth in stacks
    ]
    return {"rows": rows}
