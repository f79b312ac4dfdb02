"""Adapters that lie in folders, loaded onto the base that they were trained on."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from continuum.core import IncompatibleError, InvalidInputError, MissingDataError, UntrustedArtifactError

from .identity import base_fingerprint
from .lora_layers import check_config
from .plain import base_modules, layers_around, unwrapped

if TYPE_CHECKING:
    from peft import PeftModel

__all__ = ["BASE_KEY", "loaded", "pairs_of"]

BASE_KEY = "continuum.base"  # in the metadata of adapter_model.safetensors: `base_fingerprint` of the base

Source = str | os.PathLike[str]


def pairs_of(plus: Any, minus: Any, attribute: Any, attributes: Any) -> dict[str, Any]:
    """Plus and minus adapter of each attribute, given as one pair or as several.

    Raises:
        InvalidInputError: if both or neither are given, or a name is none.
    """
    one, several = plus is not None and minus is not None, isinstance(attributes, Mapping) and bool(attributes)
    if one == several or (attributes is None) != one:
        raise InvalidInputError(
            "give either `plus` and `minus`, or `attributes`, a pair (plus, minus) for each of one name or more."
        )
    pairs = {attribute: (plus, minus)} if one else dict(attributes)
    for name in pairs:
        if not isinstance(name, str) or not name or "." in name:
            raise InvalidInputError(
                f"{name!r} cannot name an attribute, since its adapters are named after it: use letters, and no full "
                "stop."
            )
    return pairs


@contextmanager
def loaded(model: Any, pairs: Mapping[str, tuple[Source, Source]]) -> Iterator[tuple[PeftModel, tuple[str, ...]]]:
    """A PEFT model that has all adapters, and their names in the order plus, minus of each pair.

    If an adapter does not fit, or the block fails, the model is again what it was.

    Args:
        model: a PEFT model, for adapters that are named; or any base model, for folders.
        pairs: name or folder of the plus and the minus adapter, by attribute.

    Raises:
        InvalidInputError: if a name is in use already.
        MissingDataError: if a folder has no adapter.
        UntrustedArtifactError: if an adapter is pickled.
        IncompatibleError: if an adapter belongs to another base.
    """
    if not isinstance(model, nn.Module):
        raise InvalidInputError(f"`model` must be a model, got {type(model).__name__}.")
    wanted = [_wanted(model, attribute, pair) for attribute, pair in pairs.items()]
    names, folders = zip(*(side for pair in wanted for side in pair), strict=True)
    with _undone_on_failure(model) as taken_out:
        wrapped: Any = model
        for name, folder in zip(names, folders, strict=True):
            if folder is not None:
                taken_out.append(name)
                wrapped = _load(wrapped, folder, name)
        yield wrapped, tuple(names)


def _wanted(model: Any, attribute: str, pair: Any) -> list[tuple[str, Path | None]]:
    """Name of each adapter, and its folder if it is not in the model yet."""
    if isinstance(pair, str | bytes | os.PathLike) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise InvalidInputError(f"attribute {attribute!r} needs a pair (plus, minus) of adapters, got {pair!r}.")
    found: list[tuple[str, Path | None]] = []
    for side, source in zip(("plus", "minus"), pair, strict=True):
        if isinstance(source, str) and source in getattr(model, "peft_config", {}):
            found.append((source, None))
            continue
        if not isinstance(source, str | os.PathLike):
            raise InvalidInputError(f"{side} of {attribute!r} must be a name or a folder, got {source!r}.")
        name = f"{attribute}_{side}"
        if name in getattr(model, "peft_config", {}):
            raise InvalidInputError(
                f"`model` has an adapter {name!r} already; name it in the call, or delete it first."
            )
        found.append((name, _folder(source, model)))
    return found


@contextmanager
def _undone_on_failure(model: Any) -> Iterator[list[str]]:
    """Collects names of adapters; if the block fails, they are taken out, and PEFT's layers with them if it is new."""
    from peft import PeftModel

    names: list[str] = []
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    modules, attributes = set(base.modules()), set(base.__dict__)
    trainable = [(parameter, parameter.requires_grad) for parameter in base.parameters()]
    try:
        yield names
    except BaseException:
        for name in names:
            if name in getattr(model, "peft_config", {}) and isinstance(model, PeftModel):
                model.delete_adapter(name)
        _take_off(base, modules)
        for attribute in set(base.__dict__) - attributes:
            del base.__dict__[attribute]
        for parameter, required in trainable:
            parameter.requires_grad = required
        raise


def _take_off(base: Any, kept: Collection[nn.Module]) -> None:
    """Put modules of the base back where PEFT put its own around them, but for those of its modules that are kept."""
    for name, module in list(base_modules(base)):
        inner = next((layer for layer in layers_around(module) if layer in kept), module)
        if inner is not module:
            parent, _, place = name.rpartition(".")
            setattr(unwrapped(base.get_submodule(parent)), place, inner)


def _folder(source: Source, model: Any) -> Path:
    folder = Path(source)
    if (folder / "adapter_model.safetensors").is_file() and (folder / "adapter_config.json").is_file():
        _check_kind(folder)
        return folder
    if (folder / "adapter_model.bin").exists():
        raise UntrustedArtifactError(
            f"{folder} holds a pickled adapter, which can run code when it is read; save it as safetensors."
        )
    raise MissingDataError(
        f"{str(source)!r} is neither an adapter of the model, which has {list(getattr(model, 'peft_config', []))}, nor "
        "a folder with adapter_config.json and adapter_model.safetensors."
    )


def _check_kind(folder: Path) -> None:
    """Refuse an adapter that cannot be mixed before it is in the model."""
    from peft import PeftConfig

    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IncompatibleError(
            f"{folder / 'adapter_config.json'} cannot be read: {error!r}; save it again."
        ) from error
    check_config(str(folder), config)


def _load(model: Any, folder: Path, name: str) -> PeftModel:
    from peft import PeftModel

    weights = _stored(model, folder)
    try:
        if isinstance(model, PeftModel):
            wrapped: PeftModel = model
            wrapped.load_adapter(str(folder), adapter_name=name)
        else:
            wrapped = PeftModel.from_pretrained(model, str(folder), adapter_name=name)
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise IncompatibleError(f"the adapter in {folder} does not fit this base: {error}") from error
    _check_complete(wrapped, folder, name, weights)
    return wrapped


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
