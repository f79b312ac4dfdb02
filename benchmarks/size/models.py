"""The family that the size benchmarks run on: SmolLM2-135M, and a student of every other layer and the last one."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from continuum.models import PatchPath, genre_texts, initialize_student, load_language_model
from continuum.models.size import Calibration, EveryNth


def family() -> tuple[PatchPath, Any]:
    """The path, and the tokenizer; the student has weights of its own, as one that was trained has."""
    loaded = load_language_model("smollm2")
    student = initialize_student(loaded.model, EveryNth())
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in student.parameters():
            weight.add_(1e-3 * torch.randn(weight.shape, generator=generator))
    return PatchPath(student, loaded.model), loaded.tokenizer


def calibration(tokenizer: Any, *, chunks: int) -> Calibration:
    """Chunks of 64 tokens of news, with a quarter of the positions."""
    texts = genre_texts("news").train[:100]
    return Calibration(texts, tokenizer, length=64, chunks=chunks, batch_size=chunks, positions=16 * chunks)


def foreign_bytes(model: nn.Module, path: PatchPath) -> int:
    """Bytes of the weights of a model that are not those of the student or the teacher."""
    owners = (path.members.student.model, path.members.teacher.model)
    known = {tensor.data_ptr() for owner in owners for tensor in (*owner.parameters(), *owner.buffers())}
    held = {tensor.data_ptr(): tensor for tensor in (*model.parameters(), *model.buffers())}
    return sum(tensor.nbytes for place, tensor in held.items() if place not in known)
