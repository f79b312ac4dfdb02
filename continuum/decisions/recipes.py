"""The pinned archive of daily demand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from continuum.artifacts import Archive, Recipe

from .demand_archive import keep_demand

__all__ = ["RECIPES"]

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "demand": Recipe(
            Archive(
                client="pip",
                package="ddop",
                version="0.7.6",
                sha256="def7756324fae64e64f9318b195c1daa7c4141611543a16ba744daf3993a5da2",
                kind="sdist",
            ),
            place="demand/demand-{}.npz",
            keep=keep_demand,
        ),
    }
)
