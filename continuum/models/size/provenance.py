"""Where a student came from: which layers of which teacher."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from continuum.core import InvalidInputError, StoreError, whole_file

from ..weights.identity import base_fingerprint
from .layout import Layout

__all__ = ["AUTHORS_FILE", "FILE", "Provenance", "provenance_of", "read_provenance", "write_provenance"]

FILE = "boomerang.json"
AUTHORS_FILE = "student_config.json"


@dataclass(frozen=True)
class Provenance:
    """What is known of the origin of a student.

    Args:
        kept: the teacher's layers that it was copied from.
        teacher: name or path of the teacher; empty if it has none.
        teacher_fingerprint: what tells teachers apart, see `base_fingerprint`; empty if unknown.
        tied: whether its head has the weight of its embedding.
        loss: what it was distilled with; empty if it was not.
    """

    kept: tuple[int, ...]
    teacher: str = ""
    teacher_fingerprint: str = ""
    tied: bool | None = None
    loss: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, teacher: Any, layout: Layout, *, tied: bool) -> Provenance:
        """Of a student that is made of `teacher` now."""
        return cls(layout.kept, teacher.name_or_path, base_fingerprint(teacher), tied)


def provenance_of(student: Any) -> Provenance | None:
    """Of a model from `initialize_student`, or from a folder that says so; None if nothing is known."""
    known = getattr(student, "provenance", None)
    if isinstance(known, Provenance):
        return known
    folder = Path(getattr(student, "name_or_path", "") or "\0")
    return read_provenance(folder) if "\0" not in str(folder) and folder.is_dir() else None


def write_provenance(provenance: Provenance, folder: Path) -> Path:
    """Write `boomerang.json` into the folder of a student.

    Raises:
        StoreError: if it cannot be written.
    """
    with whole_file(folder / FILE) as file:
        file.write((json.dumps(asdict(provenance), indent=2) + "\n").encode())
    return folder / FILE


def read_provenance(folder: Path) -> Provenance | None:
    """Read `boomerang.json`, or the `student_config.json` of the authors' code; None if neither is there.

    Raises:
        InvalidInputError: if the file does not say which layers were kept.
        StoreError: if it cannot be read.
    """
    if (folder / FILE).exists():
        return _ours(folder / FILE)
    return _authors(folder / AUTHORS_FILE) if (folder / AUTHORS_FILE).exists() else None


def _ours(path: Path) -> Provenance:
    found = _record(path)
    kept = _layers(path, found, "kept")
    return Provenance(
        kept,
        str(found.get("teacher", "")),
        str(found.get("teacher_fingerprint", "")),
        found.get("tied"),
        dict(found.get("loss") or {}),
    )


def _authors(path: Path) -> Provenance:
    """Theirs lists the layers that were copied and those that were pruned; together they are all of the teacher's."""
    found = _record(path)
    kept = _layers(path, found, "copied_teacher_layers")
    pruned = _layers(path, found, "pruned_teacher_layers")
    if sorted((*kept, *pruned)) != list(range(len(kept) + len(pruned))):
        raise InvalidInputError(f"{path}: copied layers {kept} and pruned layers {pruned} do not make up a teacher.")
    return Provenance(kept)


def _record(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    except ValueError as error:
        raise InvalidInputError(f"{path} is no JSON: {error}; write it again.") from error
    if not isinstance(found, dict):
        raise InvalidInputError(f"{path} must hold an object, got {type(found).__name__}.")
    return found


def _layers(path: Path, record: Mapping[str, Any], name: str) -> tuple[int, ...]:
    layers = record.get(name)
    if not isinstance(layers, list) or not all(type(layer) is int for layer in layers):
        raise InvalidInputError(f"{path}: `{name}` must be a list of layers, got {layers!r}.")
    return tuple(layers)
