"""The arrays that a value is made of, and a digest of all it is made of.

This is how the library looks at values that it knows nothing about: to compare two of them, to see whether one changed,
to write into one, and to name one in a result store. Both functions follow `parts`, which can be taught a new type.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import sys
import threading
import types
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InvalidInputError

__all__ = ["as_array", "fingerprint", "leaves", "parts"]

_ATOMS = (bool, int, float, complex, str, bytes, type(None))
_NAMED = (type, types.ModuleType, np.ufunc)
_LIBRARIES = {
    *sys.stdlib_module_names,
    "continuum",
    "numpy",
    "pandas",
    "peft",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
}
_LIBRARIES -= {"__main__"}


@functools.singledispatch
def parts(value: Any) -> Mapping[str, Any]:
    """What `value` is made of, by name: fields of a dataclass, otherwise what pickling it would save.

    Register a type to change how it is seen, for instance to leave out a cache::

        @parts.register
        def _(value: MyType):
            return {"weights": value.weights}

    Raises:
        InvalidInputError: if it cannot be told, such as for an open file.
    """
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    try:
        state = value.__reduce_ex__(4)
    except Exception as error:
        raise InvalidInputError(
            f"cannot tell what a {type(value).__qualname__} is made of ({error}); give the object a string attribute "
            "`fingerprint`, or register its type with `continuum.core.parts`."
        ) from error
    if isinstance(state, str):
        return {"global": state}
    return {str(i): _without_caches(_listed(item), type(value)) for i, item in enumerate(state)}


@parts.register
def _(value: Mapping) -> Mapping[str, Any]:  # type: ignore[type-arg]
    return {repr(key): item for key, item in value.items()}


@parts.register(list)
@parts.register(tuple)
def _(value: list[Any] | tuple[Any, ...]) -> Mapping[str, Any]:
    return {str(i): item for i, item in enumerate(value)}


@parts.register
def _(value: AbstractSet) -> Mapping[str, Any]:  # type: ignore[type-arg]
    # Sets of strings change their order from process to process.
    named = {fingerprint(item): item for item in value}
    return {name: named[name] for name in sorted(named)}


@parts.register(type(threading.Lock()))
@parts.register(type(threading.RLock()))
def _(value: Any) -> Mapping[str, Any]:
    return {}


@parts.register
def _(value: types.FunctionType) -> Mapping[str, Any]:
    captured = [item for item in map(_contents, value.__closure__ or ()) if not _is_notebook(item)]
    defaults = (value.__defaults__, value.__kwdefaults__)
    name = f"{value.__module__}.{value.__qualname__}"
    return {"name": name, "code": value.__code__, "defaults": defaults, "captured": captured}


@parts.register
def _(value: types.CodeType) -> Mapping[str, Any]:
    return {"code": value.co_code, "constants": value.co_consts, "names": value.co_names}


@parts.register
def _(value: types.MethodType) -> Mapping[str, Any]:
    return {"self": value.__self__, "function": value.__func__}


@parts.register
def _(value: types.BuiltinMethodType) -> Mapping[str, Any]:
    return {"self": value.__self__, "name": value.__qualname__}


@parts.register
def _(value: property) -> Mapping[str, Any]:
    return {"get": value.fget}


@parts.register
def _(value: functools.cached_property) -> Mapping[str, Any]:  # type: ignore[type-arg]
    return {"get": value.func}


@parts.register(staticmethod)
@parts.register(classmethod)
def _(value: Any) -> Mapping[str, Any]:
    return {"function": value.__func__}


@parts.register
def _(value: functools.partial) -> Mapping[str, Any]:  # type: ignore[type-arg]
    return {"function": value.func, "args": value.args, "keywords": value.keywords}


def leaves(value: Any) -> list[Any]:
    """The arrays and scalars inside `value`, in a fixed order.

    Arrays and tensors are returned as they are, not copied: writing into one writes into the value.

    Example:
        >>> leaves({"x": np.ones(2), "y": [3, "a"]})
        [array([1., 1.]), 3, 'a']
    """
    return _leaves(value, frozenset())


def as_array(leaf: Any) -> NDArray[Any]:
    """A leaf as a NumPy array on the host; bfloat16 becomes float32, which holds it exactly."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(leaf, torch.Tensor):
        leaf = leaf.detach().resolve_conj().resolve_neg().cpu()
        return np.asarray((leaf.float() if leaf.dtype == torch.bfloat16 else leaf).numpy())
    return np.asarray(leaf)


def fingerprint(value: Any) -> str:
    """SHA-256 digest of everything that `value` is made of: types, structure, numbers, captured variables, bytecode.

    Two values with one digest are the same for the result store. A function is identified by its name, bytecode,
    constants and what it captured, not by the functions that it calls, nor by lists, dicts and sets of plain things,
    which may be its notes. An object is identified by its content and by the methods of its class, those of libraries
    apart, which have versions. It may name itself by a string attribute `fingerprint`: so a deferred path avoids being
    built.

    Raises:
        InvalidInputError: if part of `value` cannot be identified, such as an open file.
    """
    digest = hashlib.sha256()
    try:
        _feed(digest, value, frozenset())
    except RecursionError:
        raise InvalidInputError(f"a {type(value).__qualname__} is nested too deeply to be identified.") from None
    return digest.hexdigest()


def _leaves(value: Any, above: frozenset[int]) -> list[Any]:
    if isinstance(value, _ATOMS) or _is_array(value):
        return [value]
    if _is_named(value) or id(value) in above:
        return []
    inside = above | {id(value)}
    return [leaf for part in parts(value).values() for leaf in _leaves(part, inside)]


def _feed(digest: Any, value: Any, above: frozenset[int]) -> None:
    """Write `value` into `digest`; `above` holds the ids of the enclosing objects, to stop at cycles."""
    named = None if isinstance(value, type) else getattr(value, "fingerprint", None)
    if isinstance(value, _ATOMS):
        digest.update(f"<{type(value).__name__} {value!r}>".encode())
    elif _is_named(value):
        digest.update(f"<{getattr(value, '__module__', '')}.{_name(value)}>".encode())
    elif _is_array(value):
        _feed_array(digest, value)
    elif isinstance(named, str):
        digest.update(f"<{_name(type(value))} {named}>".encode())
    elif id(value) in above:
        digest.update(b"<cycle>")
    else:
        digest.update(f"<{type(value).__module__}.{_name(type(value))}".encode())
        for name, part in (*parts(value).items(), *_methods(value)):
            digest.update(f" {name}=".encode())
            _feed(digest, part, above | {id(value)})
        digest.update(b">")


def _methods(value: Any) -> list[tuple[str, Any]]:
    """Methods and plain attributes of the class of an object, without those of libraries: it depends on them too."""
    classes = [base for base in type(value).__mro__[::-1] if base.__module__.split(".")[0] not in _LIBRARIES]
    own = {name: item for base in classes for name, item in vars(base).items()}
    code = types.FunctionType, property, functools.cached_property, staticmethod, classmethod
    own = {name: item for name, item in own.items() if name[:2] != "__" or name in ("__call__", "__getitem__")}
    return [(name, item) for name, item in sorted(own.items()) if isinstance(item, (*code, *_ATOMS)) or _is_array(item)]


def _feed_array(digest: Any, leaf: Any) -> None:
    array = as_array(leaf)
    digest.update(f"<{getattr(leaf, 'dtype', array.dtype)}{array.shape}".encode())
    if array.dtype.hasobject:
        _feed(digest, array.tolist(), frozenset())
    else:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    digest.update(b">")


def _is_named(value: Any) -> bool:
    """Whether a name says it all: a type, a module, a function written in C that is bound to no object."""
    bound = getattr(value, "__self__", None)
    unbound = isinstance(value, types.BuiltinFunctionType) and (bound is None or isinstance(bound, types.ModuleType))
    return unbound or isinstance(value, _NAMED)


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", getattr(value, "__name__", value)))


def _is_array(value: Any) -> bool:
    torch = sys.modules.get("torch")
    is_tensor = torch is not None and isinstance(value, torch.Tensor)
    return is_tensor or isinstance(value, np.ndarray | np.generic)


def _is_notebook(value: Any) -> bool:
    """Whether a captured variable is a list, dict or set of plain things: where functions count and take notes."""
    return isinstance(value, list | set | dict) and _is_plain(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | set | tuple | dict):
        return all(map(_is_plain, value.values() if isinstance(value, dict) else value))
    return isinstance(value, _ATOMS)


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that was not assigned yet
        return "<empty cell>"


def _without_caches(state: Any, cls: type) -> Any:
    """The attributes of an object without its cached properties: they follow from the others."""
    if not isinstance(state, dict):
        return state
    return {name: item for name, item in state.items() if not isinstance(_static(cls, name), functools.cached_property)}


def _static(cls: type, name: Any) -> Any:
    return inspect.getattr_static(cls, name, None) if isinstance(name, str) else None


def _listed(item: Any) -> Any:
    """The iterators in what `__reduce_ex__` returns, as lists."""
    return list(item) if hasattr(item, "__next__") else item
