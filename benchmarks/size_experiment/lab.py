"""Where the experiment keeps what it makes, and the one teacher of each process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from small import made_up_model

from continuum.core import whole_file
from continuum.models.anatomy import Blocks, blocks
from continuum.models.precision import in_bfloat16
from continuum.models.sources import LanguageModel, load_language_model

Piece = dict[str, Any]


@dataclass(frozen=True)
class Lab:
    """The folder of a run, and its scale.

    Attributes:
        folder: where students and numbers are kept; a finished piece is never computed again.
        small: a tiny random model and made-up texts, to see whether everything runs.
        jobs: processes, of one thread each.
    """

    folder: Path
    small: bool = False
    jobs: int = 2

    def student(self, name: str) -> Path:
        return self.folder / "students" / name

    def piece(self, name: str) -> Path:
        return self.folder / "pieces" / f"{name}.json"

    def load(self) -> LanguageModel:
        """The teacher with its tokenizer."""
        torch.set_num_threads(1)
        return load_language_model(made_up_model(self.folder / "teacher") if self.small else "smollm2")


@lru_cache(maxsize=1)
def language_model(lab: Lab) -> LanguageModel:
    """The teacher of this process."""
    return lab.load()


@lru_cache(maxsize=1)
def teacher(lab: Lab) -> Blocks:
    """The teacher of this process, as blocks."""
    return blocks(language_model(lab).model)


def half_precision() -> torch.autocast:
    """Products in bfloat16 where the processor has them, as in training; sums and distributions are float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=in_bfloat16("auto", torch.device("cpu")))


def kept_piece(lab: Lab, name: str, make: Callable[[], Piece]) -> Piece:
    """What `make` returned the first time, with the wall and CPU seconds that it took."""
    path = lab.piece(name)
    if not path.exists():
        wall, cpu = time.perf_counter(), time.process_time()
        found = make()
        found["seconds"] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(json.dumps(found).encode())
        print(f"{time.strftime('%H:%M:%S')} {name}: {found['seconds']['wall']:.0f} s", flush=True)
    return dict(json.loads(path.read_text()))


def finished_piece(lab: Lab, name: str) -> Piece | None:
    """A piece that was made, or None."""
    path = lab.piece(name)
    return json.loads(path.read_text()) if path.exists() else None


def needed(lab: Lab, name: str) -> Piece:
    """A piece that must have been made before."""
    found = finished_piece(lab, name)
    if found is None:
        raise FileNotFoundError(lab.piece(name))
    return found
