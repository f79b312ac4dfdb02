"""Triangle meshes: read from Wavefront OBJ files, and sampled as point clouds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, check_count

__all__ = ["Mesh", "parse_obj"]


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface made of triangles.

    Args:
        vertices: (v, 3).
        triangles: rows of `vertices`, (t, 3).

    Example:
        >>> square = Mesh(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]]))
        >>> square.areas.tolist(), square.sample(100, np.random.default_rng(0)).shape
        ([0.5, 0.5], (100, 3))
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]

    @property
    def areas(self) -> NDArray[np.float64]:
        """Area of each triangle, (t,)."""
        a, b, c = (self.vertices[corner] for corner in self.triangles.T)
        return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        r"""Independent points, uniform on the surface, (count, 3).

        A triangle is drawn in proportion to its area, and in it the point
        $(1 - \sqrt{u})\,a + \sqrt{u}\,(1 - v)\,b + \sqrt{u}\,v\,c$ for uniform u and v. Osada, Funkhouser, Chazelle &
        Dobkin (2002), equation 1.

        Raises:
            InvalidInputError: if the surface has no area.
        """
        check_count("count", count)
        reach = np.cumsum(self.areas)
        if not len(reach) or not reach[-1] > 0:
            raise InvalidInputError("the mesh has no area, so no point can be drawn from it.")
        drawn = self.triangles[np.searchsorted(reach, rng.random(count) * reach[-1], side="right")]
        u, v = np.sqrt(rng.random(count)), rng.random(count)
        shares = np.stack([1 - u, u * (1 - v), u * v], 1)
        return np.asarray(np.einsum("ij,ijk->ik", shares, self.vertices[drawn]))


def parse_obj(text: str, *, where: str = "data") -> Mesh:
    r"""The mesh in a Wavefront OBJ file: its `v` and `f` lines, everything else is passed over.

    Faces of more than three corners become fans of triangles around their first one; faces of one or two, which real
    files have, have no area and are left out. Of a corner such as `3/1/2` the first number counts: a vertex from 1 on,
    or -1 for the last vertex before the face.

    Args:
        text: the whole file.
        where: the name of the file, for messages.

    Raises:
        InvalidInputError: if there is no face, a line cannot be read, or a face names a vertex that is not there.

    Example:
        >>> parse_obj("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1/7 2/7 3/7 -1").triangles.tolist()
        [[0, 1, 2], [0, 2, 3]]
    """
    vertices: list[tuple[float, float, float]] = []
    triangles: list[tuple[int, int, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        kind, *words = line.split() or [""]
        try:
            if kind == "v":
                vertices.append(_vertex(words))
            elif kind == "f":
                triangles += _fan(words, len(vertices))
        except ValueError as error:
            raise InvalidInputError(f"line {number} of `{where}`, {line[:60]!r}, cannot be read: {error}.") from None
    if not triangles:
        raise InvalidInputError(f"`{where}` has no face of three corners; it is no mesh in the OBJ format.")
    mesh = Mesh(np.array(vertices), np.array(triangles))
    if not np.isfinite(mesh.vertices).all():
        raise InvalidInputError(f"`{where}` has a vertex that is not finite.")
    return mesh


def _vertex(words: list[str]) -> tuple[float, float, float]:
    x, y, z = map(float, words[:3])  # weights or colours may follow
    return x, y, z


def _fan(words: list[str], known: int) -> list[tuple[int, int, int]]:
    """Triangles of one face, after `known` vertices; none of an edge or a point that an exporter wrote as a face."""
    corners = [int(word.partition("/")[0]) for word in words]
    if not all(0 < corner <= known or -known <= corner < 0 for corner in corners):
        raise ValueError(f"it names a vertex that is not there: {known} come before it, from 1 on or back from -1")
    first, *others = [corner - 1 if corner > 0 else known + corner for corner in corners] or [0]
    return [(first, b, c) for b, c in pairwise(others)]
