"""The IDX format: what is written comes back, and what is damaged is refused with the reason."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from continuum.core.errors import InvalidInputError
from continuum.datasets.idx import find_idx_folders, parse_idx, read_idx, read_idx_pair


def idx_bytes(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(7,), (5, 4, 3), (300, 1, 2), (0, 4, 4), (2, 2, 2, 2)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_was_written_comes_back(shape, pack):
    array = (np.arange(np.prod(shape)) % 256).astype(np.uint8).reshape(shape)
    np.testing.assert_array_equal(parse_idx(pack(idx_bytes(array))), array)


@pytest.mark.parametrize("keep", [0, 3, 10, 16, -1])
def test_a_cut_off_file_is_refused_wherever_it_was_cut(images, keep):
    with pytest.raises(InvalidInputError, match="pixels"):
        parse_idx(idx_bytes(images)[:keep], where="pixels")


def test_a_cut_off_file_tells_the_shape_and_both_sizes(images):
    with pytest.raises(InvalidInputError, match=r"\(5, 4, 3\), 60 bytes, but holds 59: it is cut off"):
        parse_idx(idx_bytes(images)[:-1])


def test_bytes_after_the_end_are_refused(images):
    with pytest.raises(InvalidInputError, match="holds 61: it is followed by something else"):
        parse_idx(idx_bytes(images) + b"x")


@pytest.mark.parametrize("keep", [2, 12, -9, -1])
def test_a_cut_off_gzip_is_refused(images, keep):
    with pytest.raises(InvalidInputError, match="is not whole"):
        parse_idx(gzip.compress(idx_bytes(images))[:keep])


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x93NUM", b"\x00\x01\x08\x03", b"\x00\x00\x08\x00"])
def test_another_magic_number_is_refused(images, start):
    with pytest.raises(InvalidInputError, match="is not an IDX file: it starts with " + start.hex(" ")):
        parse_idx(start + idx_bytes(images)[4:])


def test_another_type_of_values_is_refused_by_its_code(images):
    with pytest.raises(InvalidInputError, match="0x0d"):
        parse_idx(b"\0\0\x0d\x03" + idx_bytes(images)[4:])


def test_an_absurd_shape_is_refused_without_allocating_it():
    with pytest.raises(InvalidInputError, match="cut off"):
        parse_idx(b"\0\0\x08\x03" + b"\xff" * 12)


@pytest.mark.parametrize("spelling", ["{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte", "{}-{}-idx{}-ubyte.gz"])
@pytest.mark.parametrize(("part", "stem"), [("train", "train"), ("test", "t10k")])
def test_a_pair_is_found_under_every_usual_spelling(tmp_path, images, spelling, part, stem):
    folder = tmp_path / "deep" / "down"
    folder.mkdir(parents=True)
    pack = gzip.compress if spelling.endswith("gz") else bytes
    labels = np.arange(5, dtype=np.uint8)
    (folder / spelling.format(stem, "images", 3)).write_bytes(pack(idx_bytes(images)))
    (folder / spelling.format(stem, "labels", 1)).write_bytes(pack(idx_bytes(labels)))
    (found,) = find_idx_folders(tmp_path, part)
    x, y = read_idx_pair(found, part)
    np.testing.assert_array_equal(x, images)
    np.testing.assert_array_equal(y, labels)


def test_images_without_labels_name_the_missing_file(tmp_path, images):
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(images))
    with pytest.raises(InvalidInputError, match="put `t10k-labels-idx1-ubyte` there"):
        read_idx_pair(tmp_path, "test")


def test_an_error_names_the_file(tmp_path):
    (tmp_path / "broken").write_bytes(b"hello")
    with pytest.raises(InvalidInputError, match=r"broken` is not an IDX file: it starts with 68 65 6c 6c"):
        read_idx(tmp_path / "broken")
