"""How clouds of labelled objects are made of the furniture that a Debian package holds as meshes.

The package has five catalogues of models under Creative Commons licences, some of which ask that authors be named: what
is kept of a model keeps its author and its licence.
"""

from __future__ import annotations

import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from continuum.artifacts import ar_member, tar_member
from continuum.core import rng_for, whole_file

from .meshes import Mesh, parse_obj

__all__ = ["CLASSES", "POINTS", "class_of", "keep_furniture"]

POINTS = 2048  # of each object

# The catalogues with their licences, as the copyright file of the package has them.
_CATALOGUES = {
    "Scopia": "CC-BY-3.0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "BlendSwap-CC-0": "CC0-1.0",
    "Reallusion": "CC-BY-3.0-US",
    "KatorLegaz": "CC-BY-3.0-US",
}

# The first rule of which a word is in "category/name", in lower case, gives the class; "" for none of them.
_RULES = {
    "": r"table fan|table tennis bat|window blind|window shutter",
    "sofa": r"sofa|couch",
    "lamp": r"lights|\w*lamp|lantern",
    "vehicle": r"vehicles|car|motorbike",
    "chair": r"\w*chair|stool|seat|bench",
    "bed": r"bed|crib",
    "table": r"table|desk",
    "cabinet": r"cabinet|cupboard|wardrobe|bookcase|shelves|dresser",
    "plant": r"plant|tree|flowers|hedge|bush|acacia|bamboo|beech|blossom|cactus|cypress|ficus|lily|maple|orchids|pine|"
    r"poplar|spathiphyllum|tulips|yucca",
    "door": r"door",
    "window": r"window",
    "person": r"\w*male|boy|girl",
}

CLASSES = tuple(sorted(filter(None, _RULES)))


def class_of(category: str, name: str) -> str:
    """One of `CLASSES` by the words of an entry of a catalogue; "" if none fits.

    Example:
        >>> class_of("Living room", "Sofa 2 seats"), class_of("Lights", "Candle"), class_of("Kitchen", "Cup")
        ('sofa', 'lamp', '')
    """
    text = f"{category}/{name}".lower()
    return next((label for label, words in _RULES.items() if re.search(rf"\b({words})\b", text)), "")


@dataclass(frozen=True)
class _Model:
    """One labelled model of a catalogue."""

    name: str
    label: str
    author: str
    licence: str
    member: str  # its file in the catalogue
    rotation: str  # nine numbers that set it upright, or nothing


def keep_furniture(deb: bytes, path: Path) -> None:
    """Write points on the models of the package sweethome3d-furniture that belong to one of `CLASSES`.

    `POINTS` points are drawn in proportion to area, centred on their mean and scaled into the unit ball, y upwards.

    Kept are `points` (n, `POINTS`, 3) in float32, `labels` (n,) as rows of `classes`, and for each model `names`,
    `models` (where it is in the package), `authors` and `licences`.
    """
    # Decompressed as a whole, since tarfile would start an xz stream again for every member that lies further back.
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(ar_member(deb, "data.tar.xz")))) as tar:
        found = [found for name in _CATALOGUES for found in _read_catalogue(name, tar_member(tar, _member(name)))]
    models = [model for model, _ in found]
    arrays = {
        "points": np.stack([points for _, points in found]),
        "labels": np.array([CLASSES.index(model.label) for model in models]),
        "classes": np.array(CLASSES),
        "names": np.array([model.name for model in models]),
        "models": np.array([model.member for model in models]),
        "authors": np.array([model.author for model in models]),
        "licences": np.array([model.licence for model in models]),
    }
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def _member(catalogue: str) -> str:
    return f"./usr/share/sweethome3d/furniture/{catalogue}.sh3f"


def _read_catalogue(name: str, data: bytes) -> Iterator[tuple[_Model, NDArray[np.float32]]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        properties = archive.read("PluginFurnitureCatalog.properties").decode("latin-1")
        for model in _labelled(properties, _CATALOGUES[name]):
            text = archive.read(model.member).decode("latin-1")
            yield model, _cloud(model, parse_obj(text, where=model.member))


def _labelled(properties: str, licence: str) -> Iterator[_Model]:
    """The models of a catalogue that have a class; their properties end in #1, #2, ... ."""
    table = dict(re.findall(r"^(?![#!])([^=\n]+)=(.*?)\s*$", properties, re.MULTILINE))
    terms = " ".join(table.get("license", "").split())
    for number in (key.removeprefix("name#") for key in table if key.startswith("name#")):
        label = class_of(table[f"category#{number}"], table[f"name#{number}"])
        if label:
            yield _Model(
                name=table[f"name#{number}"],
                label=label,
                author=table[f"creator#{number}"],
                licence=f"{licence} ({terms})",
                member=table[f"model#{number}"].lstrip("/"),
                rotation=table.get(f"modelRotation#{number}", ""),
            )


def _cloud(model: _Model, mesh: Mesh) -> NDArray[np.float32]:
    points = mesh.sample(POINTS, rng_for(0, "furniture", model.member))
    if model.rotation:
        points = points @ np.array(model.rotation.split(), float).reshape(3, 3).T
    points -= points.mean(0)
    return np.asarray(points / np.linalg.norm(points, axis=1).max(), np.float32)
