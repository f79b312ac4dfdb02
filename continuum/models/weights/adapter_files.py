"""Adapters that lie in folders, loaded onto the base that they were trained on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from continuum.core import IncompatibleError, InvalidInputError, MissingDataError, UntrustedArtifactError

from .identity import base_fingerprint

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["BASE_KEY", "loaded"]

BASE_KEY = "continuum.base"  # in the metadata of adapter_model.safetensors: `base_fingerprint` of the base

Source = str | os.PathLike[str]


def loaded(model: Any, pairs: Mapping[str, tuple[Source, Source]]) -> tuple[PeftModel, tuple[str, ...]]:
    """A PEFT model that has all adapters, and their names in the order plus, minus of each pair.

    Args:
        model: a PEFT model, for adapters that are named; or any base model, for folders.
        pairs: name or folder of the plus and the minus adapter, by attribute.

    Raises:
        InvalidInputError: if a name is in use already.
        MissingDataError: if a folder has no adapter.
        UntrustedArtifactError: if an adapter is pickled.
        IncompatibleError: if an adapter belongs to another base.
    """
    names = []
    for attribute, pair in pairs.items():
        for side, source in zip(("plus", "minus"), pair, strict=True):
            if isinstance(source, str) and source in getattr(model, "peft_config", {}):
                names.append(source)
                continue
            if not isinstance(source, str | os.PathLike):
                raise InvalidInputError(f"{side} of {attribute!r} must be a name or a folder, got {source!r}.")
            name = f"{attribute}_{side}"
            model = _load(model, _folder(source, model), name)
            names.append(name)
    return model, tuple(names)


def _folder(source: Source, model: Any) -> Path:
    folder = Path(source)
    if (folder / "adapter_model.safetensors").is_file() and (folder / "adapter_config.json").is_file():
        return folder
    if (folder / "adapter_model.bin").exists():
        raise UntrustedArtifactError(
            f"{folder} holds a pickled adapter, which can run code when it is read; save it as safetensors."
        )
    raise MissingDataError(
        f"{str(source)!r} is neither an adapter of the model, which has {list(getattr(model, 'peft_config', []))}, nor "
        "a folder with adapter_config.json and adapter_model.safetensors."
    )


def _load(model: Any, folder: Path, name: str) -> PeftModel:
    from peft import PeftModel

    if name in getattr(model, "peft_config", {}):
        raise InvalidInputError(f"`model` has an adapter {name!r} already; name it in the call, or delete it first.")
    weights = _stored(model, folder)
    try:
        if isinstance(model, PeftModel):
            wrapped: PeftModel = model
            wrapped.load_adapter(str(folder), adapter_name=name)
        else:
            wrapped = PeftModel.from_pretrained(model, str(folder), adapter_name=name)
        _check_complete(wrapped, folder, name, weights)
    except (RuntimeError, ValueError) as error:
        _take_out(model, name)
        if isinstance(error, IncompatibleError):
            raise
        raise IncompatibleError(f"the adapter in {folder} does not fit this base: {error}") from error
    return wrapped


def _take_out(model: Any, name: str) -> None:
    """Leave the model as it was before an adapter that turned out not to fit."""
    from peft import PeftModel

    if isinstance(model, PeftModel):
        if name in model.peft_config:
            model.delete_adapter(name)
        return
    for place, layer in list(model.named_modules()):
        if hasattr(layer, "lora_A"):
            model.set_submodule(place, layer.get_base_layer())
    model.__dict__.pop("peft_config", None)


def _stored(model: Any, folder: Path) -> set[str]:
    """Names of the stored weights, if they belong to this base."""
    from safetensors import SafetensorError, safe_open

    file = folder / "adapter_model.safetensors"
    try:
        with safe_open(file, framework="pt") as opened:
            names, expected = set(opened.keys()), (opened.metadata() or {}).get(BASE_KEY)
    except SafetensorError as error:
        raise IncompatibleError(f"{file} cannot be read ({error}); it is cut off or damaged, save it again.") from error
    if expected and expected != base_fingerprint(model):
        raise IncompatibleError(f"the adapter in {folder} was trained on another base than this model; load that one.")
    return names


def _check_complete(model: PeftModel, folder: Path, name: str, stored: set[str]) -> None:
    """Refuse an adapter of which some weights found no place, or some places no weights: PEFT goes on without."""
    from peft import get_peft_model_state_dict

    placed = set(get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False))
    if strange := sorted(stored ^ placed):
        raise IncompatibleError(
            f"the adapter in {folder} and this base disagree about {len(strange)} weights: {strange[:10]}; it belongs "
            "to a base with other layers."
        )
