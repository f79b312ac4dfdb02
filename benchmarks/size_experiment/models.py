"""The one teacher of each process, and where its students are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from pieces import Lab
from small import made_up_model

from continuum.models.anatomy import Blocks, blocks
from continuum.models.precision import in_bfloat16
from continuum.models.sources import LanguageModel, load_language_model


def folder_of(lab: Lab, name: str) -> Path:
    """The folder of a student."""
    return lab.folder / "students" / name


@lru_cache(maxsize=1)
def language_model(lab: Lab) -> LanguageModel:
    """The teacher of this process with its tokenizer; in small a tiny random one."""
    torch.set_num_threads(1)
    return load_language_model(made_up_model(lab.folder / "teacher") if lab.small else "smollm2")


@lru_cache(maxsize=1)
def teacher(lab: Lab) -> Blocks:
    """The teacher of this process, as blocks."""
    return blocks(language_model(lab).model)


def half_precision() -> torch.autocast:
    """Products in bfloat16 where the processor has them, as in training; sums and distributions are float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=in_bfloat16("auto", torch.device("cpu")))
