"""The tokenizer of a model that comes without one: what lies beside the weights that it was loaded from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["own_tokenizer"]


def own_tokenizer(model: nn.Module) -> PreTrainedTokenizerBase | None:
    """The tokenizer in the folder that a model was loaded from; None if there is no such folder, or no tokenizer in it.

    A network is never asked, and code that comes with a tokenizer is never run.
    """
    folder = str(getattr(getattr(model, "config", None), "_name_or_path", "") or "")
    return _in_folder(folder) if folder and Path(folder).is_dir() else None


@lru_cache(maxsize=4)
def _in_folder(folder: str) -> PreTrainedTokenizerBase | None:
    from transformers import AutoTokenizer

    try:
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError):
        return None
    return found
