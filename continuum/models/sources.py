"""Models from the cache that `continuum fetch` fills, or from any folder; never from a network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from continuum.artifacts import Recipe, cache_path
from continuum.core import (
    ContinuumError,
    IncompatibleError,
    InvalidInputError,
    MissingDataError,
    StoreError,
    UntrustedArtifactError,
)

from .recipes import ENCODERS, MODELS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Encoder", "LanguageModel", "available_models", "load_encoder", "load_language_model", "model_path"]


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A causal language model with its tokenizer.

    Attributes:
        model: the model, in evaluation mode, on the CPU.
        tokenizer: from texts to token ids and back.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


@dataclass(frozen=True, eq=False)
class Encoder:
    """A model of texts that gives a vector for each token, with its tokenizer.

    Attributes:
        model: the model, in evaluation mode, on the CPU.
        tokenizer: from texts to token ids.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def load_language_model(name: str | Path = "smollm2", *, dtype: torch.dtype = torch.float32) -> LanguageModel:
    """Load a causal language model.

    Weights are read from safetensors only, and code that comes with a model is never run.

    Args:
        name: "smollm2" (SmolLM2-135M-Instruct, dequantised from four bits: do not compare it with published numbers),
            or a folder that `save_pretrained` has written, of the model and the tokenizer.
        dtype: floating type of the weights.

    Raises:
        InvalidInputError: if `name` is neither, or the folder cannot be loaded.
        MissingDataError: if the model is not on this machine; the message names the command that fetches it.
        IncompatibleError: if the weights are not those of the architecture that the folder names.
        UntrustedArtifactError: if the folder has weights that could run code when read.
        StoreError: if the fetched model is damaged.
    """
    return LanguageModel(*_named(name, MODELS, "AutoModelForCausalLM", dtype))


def load_encoder(name: str | Path = "minilm", *, dtype: torch.dtype = torch.float32) -> Encoder:
    """Load a model that encodes texts; as `load_language_model`, with the same errors.

    Args:
        name: "minilm" (all-MiniLM-L6-v2, six layers, 384 coordinates), or a folder that `save_pretrained` has written,
            of the model and the tokenizer.
        dtype: floating type of the weights.
    """
    return Encoder(*_named(name, ENCODERS, "AutoModel", dtype))


def model_path(name: str) -> Path:
    """The checkpoint folder of a fetched model.

    Raises:
        InvalidInputError: if no model has this name.
        MissingDataError: if it is not on this machine.
    """
    path = cache_path(name, {**MODELS, **ENCODERS})
    if not path.exists():
        raise MissingDataError(f"the model `{name}` is not on this machine: run `continuum fetch {name}`")
    return path


def available_models() -> tuple[str, ...]:
    """The names of the language models that are on this machine."""
    return tuple(name for name, recipe in MODELS.items() if recipe.path.exists())


def _named(name: str | Path, recipes: Mapping[str, Recipe], family: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """The model and the tokenizer of a name or a folder."""
    if not isinstance(name, str | os.PathLike):
        raise InvalidInputError(f"`name` must be the name of a model or its folder, got {name!r}")
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise InvalidInputError(f"`dtype` must be a floating type, got {dtype}")
    if name not in recipes:
        if not Path(name).is_dir():
            raise InvalidInputError(f"`{name}` is neither a folder nor one of the models: {', '.join(recipes)}")
        return _load(Path(name), family, dtype)
    path = model_path(str(name))
    try:
        return _load(path, family, dtype)
    except ContinuumError as error:
        raise StoreError(f"{error}; delete `{path}` and run `continuum fetch {name}`") from error


def _check_files(path: Path) -> None:
    if (path / "adapter_config.json").exists():
        raise InvalidInputError(f"`{path}` holds an adapter: load its base model, and put the adapter on it with peft")
    if not (path / "config.json").exists():
        raise InvalidInputError(f"`{path}` holds no model: it has no config.json")
    if not any(path.glob("*.safetensors")):
        raise UntrustedArtifactError(
            f"`{path}` has no weights in safetensors files, and others could run code when read: convert them first"
        )


def _load(path: Path, family: str, dtype: torch.dtype) -> tuple[Any, Any]:
    import transformers
    from safetensors import SafetensorError

    _check_files(path)
    safely: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **safely)
        # With mismatched sizes ignored they are reported, with all the rest that is wrong, instead of raised alone.
        found: Any = getattr(transformers, family).from_pretrained(
            path, **safely, dtype=dtype, use_safetensors=True, ignore_mismatched_sizes=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InvalidInputError(f"`{path}` cannot be loaded as a language model: {error}") from error
    model, report = found
    _check_report(path, report)
    return model, tokenizer


def _check_report(path: Path, report: Mapping[str, Any]) -> None:
    """Raise `IncompatibleError` unless every weight of the architecture was read, and no other was there."""
    faults = {kind: sorted(map(str, report[f"{kind}_keys"])) for kind in ("missing", "unexpected", "mismatched")}
    said = [f"{len(keys)} {kind}, such as {keys[0]}" for kind, keys in faults.items() if keys]
    if said:
        raise IncompatibleError(
            f"the weights in `{path}` are not those of the architecture in its config.json: {'; '.join(said)}"
        )
