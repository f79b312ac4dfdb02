"""Experiments in pieces: what is finished is kept, and a second run computes what is missing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed

from continuum.core import whole_file

Piece = dict[str, Any]
Work = tuple[str, Callable[[], Piece]]


@dataclass(frozen=True)
class Lab:
    """The folder of a run, and its scale.

    Attributes:
        folder: where numbers and models are kept; a finished piece is never computed again.
        small: little of everything, to see whether it runs.
        jobs: processes, of one thread each.
    """

    folder: Path
    small: bool = False
    jobs: int = 2

    def piece(self, name: str) -> Path:
        """The file of numbers."""
        return self.folder / "pieces" / f"{name}.json"

    def model(self, name: str) -> Path:
        """The file of a training."""
        return self.folder / "models" / f"{name}.safetensors"


def kept(lab: Lab, name: str, make: Callable[[], Piece]) -> Piece:
    """What `make` returned the first time, with the wall and CPU seconds that it took."""
    path = lab.piece(name)
    if not path.exists():
        torch.set_num_threads(1)
        wall, cpu = time.perf_counter(), time.process_time()
        found = make()
        found["seconds"] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(json.dumps(found).encode())
        print(f"{time.strftime('%H:%M:%S')} {name}: {found['seconds']['cpu']:.0f} CPU s", flush=True)
    return dict(json.loads(path.read_text()))


def finished(lab: Lab, name: str) -> Piece | None:
    """A piece that was made, or None."""
    path = lab.piece(name)
    return json.loads(path.read_text()) if path.exists() else None


def needed(lab: Lab, name: str) -> Piece:
    """A piece that must have been made before.

    Raises:
        LookupError: if it was not.
    """
    found = finished(lab, name)
    if found is None:
        raise LookupError(f"{name} comes first: there is no {lab.piece(name)}.")
    return found


def side_by_side(lab: Lab, work: Sequence[Work]) -> None:
    """Pieces that do not need each other, as many at once as there are jobs."""
    Parallel(lab.jobs, inner_max_num_threads=1)(delayed(kept)(lab, *one) for one in work)
