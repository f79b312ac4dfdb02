"""Which layers the student keeps: those without which the teacher says something else, no two neighbours gone."""

from __future__ import annotations

from models import half_precision, language_model
from pieces import Lab, Piece
from texts import calibration

from continuum.models.size import block_influence, drop_layers, single_drop_kl


def layout_piece(lab: Lab) -> Piece:
    """Single-drop divergence and block influence of each layer, sums of the best layouts, and the one that is taken."""
    teacher = language_model(lab).model
    with half_precision():
        scores = {
            "single drop": single_drop_kl(teacher, calibration(lab)),
            "block influence": block_influence(teacher, calibration(lab)),
        }
    tables = {name: drop_layers(values) for name, values in scores.items()}
    found = {
        name: {
            "scores": values,
            "sums": tables[name].sums,
            "kept": [tables[name].kept(r) for r in range(len(tables[name].sums))],
        }
        for name, values in scores.items()
    }
    return {**found, "knee": tables["single drop"].knee, "kept": tables["single drop"].kept()}
