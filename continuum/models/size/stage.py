"""One model object that takes the place of any member of a family, in microseconds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from continuum.core import LeaseError

from .members import Members

__all__ = ["Stage"]

_MARK = "_continuum_member"


class Stage:
    """A model without content of its own: it has the modules and the configuration of the member that is put on it.

    Members are views over the weights of the student and the teacher, built when they are first asked for.

    Args:
        members: the family.
        kept: members whose views are worth keeping: a subset that is tried once is not.
    """

    def __init__(self, members: Members, kept: Collection[frozenset[int]]) -> None:
        self.model: Any = object.__new__(type(members.teacher.model))
        self._members, self._kept = members, frozenset(kept)
        self._views: dict[frozenset[int], Any] = {}
        self.put(members.layout.patched(()))

    def put(self, patched: frozenset[int]) -> None:
        """Make the model that member; caches that were made by another one are refused from now on."""
        view = self._views.get(patched)
        if view is None:
            view = _guarded(self._members.view(patched), patched)
        if patched in self._kept:
            self._views[patched] = view
        vars(self.model).clear()
        vars(self.model).update(vars(view))


def _guarded(view: Any, patched: frozenset[int]) -> Any:
    """`view`, which now refuses keys and values that another member has computed."""
    mark = f"{sorted(patched)}"

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for cache in _caches((*args, *kwargs.values())):
            _check(cache, mark, module.config.get_text_config().num_hidden_layers)
            setattr(cache, _MARK, mark)

    def after(module: Any, args: tuple[Any, ...], output: Any) -> None:
        for cache in _caches(output.values() if hasattr(output, "values") else ()):
            setattr(cache, _MARK, mark)

    for module in {id(part): part for part in (view, view.base_model)}.values():
        module.register_forward_pre_hook(before, with_kwargs=True)
        module.register_forward_hook(after)
    return view


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
