"""Whether checkpoints can be merged at all: what differs is said before anything is computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from continuum.core import IncompatibleError, InvalidInputError

from .tensors import StateDict, Tensors, is_averaged

__all__ = ["differences", "require_agreement"]

_SHOWN = 10


def require_agreement(checkpoints: Mapping[str, Tensors]) -> None:
    """Check that all checkpoints have the same tensors, shapes, types and vocabulary.

    Raises:
        IncompatibleError: otherwise; with the first ten differences of each kind between the first and another.
    """
    (first, known), *others = checkpoints.items()
    for name, other in others:
        if found := differences(known, other, (repr(first), repr(name))):
            raise IncompatibleError(f"{first!r} and {name!r} cannot be merged: {'; '.join(found)}.")
        if _are_one(known, other):
            raise IncompatibleError(
                f"{first!r} and {name!r} are the same tensors in memory: `state_dict()` gives those of the model, "
                "which training changes; copy them, `copy.deepcopy(model.state_dict())`."
            )
    for dtype in {known.dtype(name) for name in known.names}:
        is_averaged(dtype)


def differences(a: Tensors, b: Tensors, called: tuple[str, str]) -> list[str]:
    """What keeps two checkpoints from being merged, in words; nothing if they agree."""
    both = [name for name in a.names if name in set(b.names)]
    return [
        *_listed(f"only {called[0]} has", sorted(set(a.names) - set(b.names))),
        *_listed(f"only {called[1]} has", sorted(set(b.names) - set(a.names))),
        *_unequal("shapes differ (an embedding of another size is another vocabulary)", a.shape, b.shape, both),
        *_unequal("types differ (convert one of them)", a.dtype, b.dtype, both),
        *_vocabularies(a.folder, b.folder),
    ]


def _listed(what: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return [f"{what} {', '.join(items[:_SHOWN])}{more}"]


def _unequal(what: str, of_a: Callable[[str], Any], of_b: Callable[[str], Any], names: Sequence[str]) -> list[str]:
    return _listed(f"{what}:", [f"{name} {of_a(name)} and {of_b(name)}" for name in names if of_a(name) != of_b(name)])


def _vocabularies(a: Path | None, b: Path | None) -> list[str]:
    if a is None or b is None or not ((a / "tokenizer.json").exists() and (b / "tokenizer.json").exists()):
        return []
    one, two = _vocabulary(a), _vocabulary(b)
    other = [repr(token) for token in sorted(one.keys() | two.keys()) if one.get(token) != two.get(token)]
    sizes = f"both have {len(one)} tokens" if len(one) == len(two) else f"{len(one)} and {len(two)} tokens"
    return _listed(f"their tokenizers give other numbers ({sizes}) to", other)


def _vocabulary(folder: Path) -> dict[str, int]:
    """Number by token, of the tokens that were added later too."""
    try:
        tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        known = tokenizer["model"]["vocab"]
        # Unigram models list pairs of a token and its score.
        tokens = known if isinstance(known, dict) else {token: i for i, (token, _) in enumerate(known)}
        return tokens | {token["content"]: token["id"] for token in tokenizer.get("added_tokens", ())}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"{folder / 'tokenizer.json'} is no tokenizer ({error!r}); copy it again.") from error


def _are_one(a: Tensors, b: Tensors) -> bool:
    """Whether all tensors of two checkpoints in memory are at the same place; some may be, such as frozen ones."""
    if not (isinstance(a, StateDict) and isinstance(b, StateDict)):
        return False
    filled = [name for name in a.names if a.read(name).numel()]  # what is empty is nowhere
    return bool(filled) and all(a.read(name).data_ptr() == b.read(name).data_ptr() for name in filled)
