"""One model object that takes the place of any member of a family, without building one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from continuum.core import LeaseError

from ..anatomy import Blocks
from ..sharing import share
from .assembly import (
    Layer,
    configured,
    forget_capture,
    housed,
    is_captured,
    is_truly_tied,
    keep_true_ties,
    numbered_modules,
    tell_layers,
    untie,
)
from .members import Members

__all__ = ["Stage"]

_MARK = "_continuum_member"


class Stage:
    """A model without content of its own: it has the modules and the configuration of the member that is put on it.

    Of each layer of the two models there is one new module over its weights, which serves all members, renumbered as it
    moves: only one member is there at a time. They have one configuration among them.

    Args:
        members: the family.
    """

    def __init__(self, members: Members) -> None:
        self.model: Any = object.__new__(type(members.teacher.model))
        self._members = members
        self._config = copy.deepcopy(members.teacher.model.config)
        owners = (members.student, members.teacher)
        self._stand_ins = configured(owners, self._config)
        self._origins = {id(owner): _without_origin(owner.model.config) for owner in owners}
        self._layers: dict[tuple[int, int], _Shell] = {}
        self._houses: dict[tuple[int, int], Any] = {}
        self._mark = ""
        self.put(members.layout.patched(()))

    def put(self, patched: frozenset[int]) -> None:
        """Make the model that member; caches that were made by another one are refused from now on."""
        first, last = self._members.ends(patched)
        layers, house = self._members.layers(patched), self._house(first, last)
        self._forget_capture()
        shells = [self._shell(layer) for layer in layers]
        for place, shell in enumerate(shells):
            for numbered in shell.numbered:
                numbered["layer_idx"] = place
        vars(house.get_submodule(last.name))["_modules"] = {str(i): shell.layer for i, shell in enumerate(shells)}
        self._configure(last, layers, is_tied=is_truly_tied(house))
        self._mark = f"{sorted(patched)}"
        vars(self.model).clear()
        vars(self.model).update(vars(house))

    def _shell(self, layer: Layer) -> _Shell:
        key = id(layer.owner), layer.index
        if key not in self._layers:
            self._layers[key] = _Shell(share(layer.owner.layers[layer.index], self._stand_ins).eval())
            forget_capture(self._layers[key].layer)
        return self._layers[key]

    def _house(self, first: Blocks, last: Blocks) -> Any:
        """What is around the layers; it refuses keys and values that another member has computed."""
        key = id(first), id(last)
        if key not in self._houses:
            house = housed(first, last, nn.ModuleList(), self._stand_ins)
            keep_true_ties(house)
            self._guard(house)
            self._houses[key] = house
        return self._houses[key]

    def _configure(self, last: Blocks, layers: Sequence[Layer], *, is_tied: bool) -> None:
        """Make the one configuration that of a member, in place: all modules have it."""
        origin, config = self._origins[id(last)], self._config
        text, text_of_origin = config.get_text_config(), origin.get_text_config()
        if text is not config:
            _become(text, vars(text_of_origin))
        # The text part of a configuration of several parts stays the object that the layers have.
        _become(config, {name: text if part is text_of_origin else part for name, part in vars(origin).items()})
        tell_layers(config, last, layers)
        if not is_tied:
            untie(config)

    def _forget_capture(self) -> None:
        if vars(self.model) and is_captured(self.model):
            for house in self._houses.values():
                forget_capture(house)
            for shell in self._layers.values():
                forget_capture(shell.layer)

    def _guard(self, house: Any) -> None:
        def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            for cache in _caches((*args, *kwargs.values())):
                _check(cache, self._mark, module.config.get_text_config().num_hidden_layers)
                setattr(cache, _MARK, self._mark)

        def after(module: Any, args: tuple[Any, ...], output: Any) -> None:
            for cache in _caches(output.values() if hasattr(output, "values") else ()):
                setattr(cache, _MARK, self._mark)

        for module in {id(part): part for part in (house, house.base_model)}.values():
            module.register_forward_pre_hook(before, with_kwargs=True)
            module.register_forward_hook(after)


class _Shell:
    """A layer, and the attributes of the modules in it that know its number."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.numbered = [vars(module) for module in numbered_modules(layer)]


def _without_origin(config: Any) -> Any:
    found = copy.deepcopy(config)
    found.name_or_path = ""  # a member was not loaded from where its owner was
    return found


def _become(config: Any, attributes: Mapping[str, Any]) -> None:
    vars(config).clear()
    vars(config).update(attributes)


def _caches(values: Any) -> list[Any]:
    from transformers import Cache

    return [value for value in values if isinstance(value, Cache)]


def _check(cache: Any, mark: str, depth: int) -> None:
    found = getattr(cache, _MARK, None)
    is_used = int(cache.get_seq_length()) > 0
    if is_used and found != mark:
        maker = "another model" if found is None else f"the member with patched slots {found}"
        raise LeaseError(f"this cache was filled by {maker}, and the model now has {mark}; start with a fresh cache.")
    if cache.layers and len(cache.layers) != depth:
        raise LeaseError(f"this cache has {len(cache.layers)} layers and the model {depth}; start with a fresh cache.")
