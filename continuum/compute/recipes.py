"""The pinned archive of the furniture."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from continuum.artifacts import Archive, Recipe

from .furniture import keep_furniture

__all__ = ["RECIPES"]

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "furniture": Recipe(
            Archive(
                client="apt-get",
                package="sweethome3d-furniture",
                version="1.8-1",
                sha256="3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668",
            ),
            place="clouds/furniture-{}.npz",
            keep=keep_furniture,
        ),
    }
)
