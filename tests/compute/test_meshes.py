"""Meshes: how they are read, and where points on them fall."""

from __future__ import annotations

import numpy as np
import pytest
from solids import CORNERS, obj_text

from continuum.compute.meshes import Mesh, parse_obj
from continuum.core import InvalidInputError

# Reading meshes


def test_a_cube_has_twelve_triangles_and_an_area_of_six():
    cube = parse_obj(obj_text())
    assert cube.triangles.shape == (12, 3)
    np.testing.assert_array_equal(cube.vertices, CORNERS)
    assert cube.areas.sum() == pytest.approx(6)


@pytest.mark.parametrize(
    ("faces", "triangles"),
    [
        ("f 1 2 3", [[0, 1, 2]]),
        ("f 1/4 2/5 3/6", [[0, 1, 2]]),
        ("f 1//4 2//5 3//6", [[0, 1, 2]]),
        ("f 1/4/7 2/5/8 3/6/9", [[0, 1, 2]]),
        ("f -4 -3 -1", [[0, 1, 3]]),
        ("f -4//1 2 -1/3", [[0, 1, 3]]),
        ("f 1 2 3 4", [[0, 1, 2], [0, 2, 3]]),
        ("f 4 3 2 1 2", [[3, 2, 1], [3, 1, 0], [3, 0, 1]]),
        ("f 1 2\nf 3\nf 1 2 3", [[0, 1, 2]]),  # an edge and a point, as exporters write them
        ("  f\t1  2\t3  ", [[0, 1, 2]]),
    ],
)
def test_faces_are_fans_of_triangles_whatever_follows_a_slash(faces, triangles):
    square = obj_text([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [])
    assert parse_obj(f"{square}\n{faces}").triangles.tolist() == triangles


def test_negative_indices_count_back_from_the_face_and_not_from_the_end():
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 9 9 9\nv 8 8 8\nv 7 7 7\nf -3 -2 -1"
    assert parse_obj(text).triangles.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_everything_but_vertices_and_faces_is_passed_over():
    text = "# a cube\r\nmtllib a.mtl\r\n\r\no cube\r\nvt 0 0\r\nvn 0 0 1\r\nusemtl red\r\ns off\r\n"
    mesh = parse_obj(text + obj_text().replace("\n", "\r\n") + "\nl 1 2\ng rest\n")
    assert len(mesh.triangles) == 12


def test_weights_and_colours_of_vertices_are_passed_over():
    assert parse_obj("v 1 2 3 1.0\nv 4 5 6 .1 .2 .3\nv 0 0 0\nf 1 2 3").vertices.tolist()[:2] == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "`chair.obj` has no face"),
        ("\x00\x01garbage", "`chair.obj` has no face"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0", "`chair.obj` has no face"),
        ("v 0 0\nf 1 1 1", "line 1 of `chair.obj`, 'v 0 0', cannot be read"),
        ("v 0 0 zero", "line 1 .* could not convert string to float: 'zero'"),
        ("v 0 0 0\nf 1 2 3", "line 2 .* a vertex that is not there: 1 come before it"),
        ("v 0 0 0\nf 1 0 1", "line 2 .* a vertex that is not there"),
        ("v 0 0 0\nf 1 -2 1", "line 2 .* a vertex that is not there"),
        ("v 0 0 0\nf a b c", "line 2 .* invalid literal"),
        ("v 0 0 0\nf 1 /2 1", "line 2 .* invalid literal"),
        ("v nan 0 0\nf 1 1 1", "a vertex that is not finite"),
        ("v 1e999 0 0\nf 1 1 1", "a vertex that is not finite"),
    ],
)
def test_what_is_no_mesh_is_refused_with_its_line(text, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_obj(text, where="chair.obj")


# Sampling


def test_points_lie_on_the_surface():
    points = parse_obj(obj_text()).sample(500, np.random.default_rng(0))
    assert ((points > -1e-12) & (points < 1 + 1e-12)).all()
    assert (np.minimum(points, 1 - points).min(1) < 1e-12).all()


def test_every_patch_of_a_cuboid_gets_points_in_proportion_to_its_area():
    size = np.array([1.0, 2.0, 4.0])
    points = parse_obj(obj_text(CORNERS * size)).sample(40_000, np.random.default_rng(0))
    counts, areas = [], []
    for axis in range(3):
        others = np.delete(np.arange(3), axis)
        for wall in (0, size[axis]):
            on = np.abs(points[:, axis] - wall) < 1e-9
            grid, _, _ = np.histogram2d(*points[on][:, others].T, bins=4, range=[(0, size[o]) for o in others])
            counts.append(grid.ravel())
            areas.append(np.full(16, size[others].prod() / 16))
    counts, areas = np.concatenate(counts), np.concatenate(areas)
    expected = 40_000 * areas / areas.sum()
    assert counts.sum() == 40_000
    assert np.square(counts - expected).dot(1 / expected) < 143.3  # chi-square of 95 degrees, level 0.001


def test_a_cut_through_a_triangle_does_not_change_where_points_fall():
    # Barycentric coordinates of uniform points: the mean is the centre, each variance 1/18.
    triangle = Mesh(np.eye(3), np.array([[0, 1, 2]]))
    points = triangle.sample(40_000, np.random.default_rng(0))
    np.testing.assert_allclose(points.mean(0), 1 / 3, atol=0.006)
    np.testing.assert_allclose(points.var(0), 1 / 18, rtol=0.05)


def test_triangles_without_area_get_no_point():
    mesh = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5.0]]), np.array([[3, 3, 3], [0, 1, 2], [3, 0, 3]]))
    assert mesh.sample(200, np.random.default_rng(0)).max() <= 1


def test_a_mesh_without_area_is_refused():
    with pytest.raises(InvalidInputError, match="no area"):
        Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])).sample(5, np.random.default_rng(0))
