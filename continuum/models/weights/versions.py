"""Versions of what a file was made with."""

from __future__ import annotations

import importlib

from continuum.core.version import __version__

__all__ = ["versions"]


def versions(*modules: str) -> dict[str, str]:
    """Version of this library and of others, by name."""
    return {"continuum": __version__} | {name: str(importlib.import_module(name).__version__) for name in modules}
