"""What a training depends on, written down first: the same call again goes on with it, and another one is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from continuum.core import IncompatibleError, whole_file

__all__ = ["check_same_plan", "claim", "digest_of_data", "recorded"]

_PLAN = "plan.json"


def recorded(value: Any) -> Any:
    """Options as JSON: of an object its fields, with the name of its class if it stands for a choice.

    Example:
        >>> from continuum.models.tokens import Frame
        >>> recorded((Frame("<s>"), 0.5))
        [{'kind': 'Frame', 'start': '<s>', 'end': None}, 0.5]
    """
    if is_dataclass(value) and not isinstance(value, type):
        found = {field.name: recorded(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **found}
    return [recorded(part) for part in value] if isinstance(value, list | tuple) else value


def digest_of_data(data: Any) -> str:
    """SHA-256 of data that are lists and numbers."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def claim(workshop: Path, plan: Mapping[str, Any], folder: Path) -> None:
    """Write the plan into the folder where a training works, or find it there.

    Args:
        workshop: where it works; it holds nothing else.
        plan: JSON-able.
        folder: where the result will be, for messages.

    Raises:
        IncompatibleError: if another plan is there.
    """
    path = workshop / _PLAN
    if path.is_file():
        check_same_plan(folder, json.loads(path.read_text()), plan)
    else:
        with whole_file(path) as file:
            file.write(json.dumps(plan).encode())


def check_same_plan(folder: Path, found: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Refuse a folder that belongs to another training.

    Raises:
        IncompatibleError: naming what differs.
    """
    if found != plan:
        differences = "; ".join(_differences(found, plan))
        raise IncompatibleError(
            f"{folder} belongs to another training: {differences}. Choose another folder, or remove it first."
        )


def _differences(found: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[str]:
    there, here = found.get("recipe", {}), plan["recipe"]
    for name in here:
        if there.get(name) != here[name]:
            yield f"`{name}` is {there.get(name)!r} there and {here[name]!r} here"
    for name in plan.keys() - {"recipe"}:
        if found.get(name) != plan[name]:
            yield _WORDS.get(name, f"it has another {name}")


_WORDS = {"data": "it has other texts, or another tokenizer"}
