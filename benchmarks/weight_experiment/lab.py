"""Where the experiment keeps what it makes, and the one model of each process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from small import made_up_model

from continuum.models.sources import LanguageModel, load_language_model

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

VERSION = 1  # to be raised when what is measured changes, since a store knows numbers by it


@dataclass(frozen=True)
class Lab:
    """The folder of a run, and its scale.

    Attributes:
        folder: where adapters and numbers are kept.
        small: a tiny random model and made-up sentences, to see whether everything runs.
        jobs: processes, of one thread each.
    """

    folder: Path
    small: bool = False
    jobs: int = 2

    @property
    def fingerprint(self) -> str:
        """What numbers depend on: not the place of the folder, nor how many processes there are."""
        return f"weight experiment {VERSION}, {'small' if self.small else 'full'}"

    @property
    def store(self) -> Path:
        return self.folder / "numbers.db"

    def adapter(self, name: str) -> Path:
        return self.folder / "adapters" / name

    def load(self) -> LanguageModel:
        """The base model with its tokenizer."""
        torch.set_num_threads(1)
        return load_language_model(made_up_model(self.folder / "base") if self.small else "smollm2")


@lru_cache(maxsize=1)
def base(lab: Lab) -> LanguageModel:
    """The base model of this process, to train on."""
    return lab.load()


@lru_cache(maxsize=1)
def _shared(lab: Lab) -> dict[str, Any]:
    found = lab.load()
    return {"model": found.model, "tokenizer": found.tokenizer}


def tokenizer_of(lab: Lab) -> PreTrainedTokenizerBase:
    return _shared(lab)["tokenizer"]


def adapted(lab: Lab, names: Sequence[str]) -> PeftModel:
    """The model of this process with these adapters, beside those that were asked for before."""
    from peft import PeftModel

    held = _shared(lab)
    for name in names:
        if not isinstance(held["model"], PeftModel):
            held["model"] = PeftModel.from_pretrained(held["model"], str(lab.adapter(name)), adapter_name=name)
        elif name not in held["model"].peft_config:
            held["model"].load_adapter(str(lab.adapter(name)), adapter_name=name)
    return held["model"]
