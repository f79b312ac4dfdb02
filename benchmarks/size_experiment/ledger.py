"""What one family costs, against models of the same sizes that are trained and stored one by one."""

from __future__ import annotations

import time

from families import members
from models import teacher
from pieces import Lab, Piece, needed

from continuum.models.size import steps


def ledger_piece(lab: Lab, student: str) -> Piece:
    """Bytes of every member, and how long it takes to lend all of them."""
    family = members(lab, student)
    order = needed(lab, f"orders-{student}")["orders"]["last to first"]["order"]
    sets = steps(family.layout, order)
    counts = [family.counts(slots) for slots in sets]
    start = time.perf_counter()
    held = [family.view(slots) for slots in sets]
    seconds = time.perf_counter() - start
    own = {id(weight): weight for layer in family.student.layers for weight in layer.parameters()}
    return {
        "members": [vars(count) for count in counts],
        "bytes of the student's layers": sum(weight.nbytes for weight in own.values()),
        "bytes of the teacher": sum(weight.nbytes for weight in teacher(lab).model.parameters()),
        "seconds to view all": seconds,
        "views": len(held),
    }
