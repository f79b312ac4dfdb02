"""Brings the open image sets to this machine, once, into one npz file each."""

from __future__ import annotations

from pathlib import Path

from continuum import artifacts

from .recipes import RECIPES

__all__ = ["cache_path", "fetch"]


def fetch(name: str) -> Path:
    """The npz file of one of `RECIPES`, brought to this machine unless it is here; see `continuum.artifacts.fetch`."""
    return artifacts.fetch(name, RECIPES)


def cache_path(name: str) -> Path:
    """Where the npz file of one of `RECIPES` lies, or would lie."""
    return artifacts.cache_path(name, RECIPES)
