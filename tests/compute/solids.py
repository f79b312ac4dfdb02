"""Boxes as meshes."""

from __future__ import annotations

import numpy as np

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
SIDES = [(1, 2, 4, 3), (5, 6, 8, 7), (1, 2, 6, 5), (3, 4, 8, 7), (1, 3, 7, 5), (2, 4, 8, 6)]


def obj_text(vertices=CORNERS, faces=SIDES):
    return "\n".join(
        [f"v {x:.17g} {y:.17g} {z:.17g}" for x, y, z in vertices] + ["f " + " ".join(map(str, face)) for face in faces]
    )
