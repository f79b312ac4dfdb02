"""Models that a wheel holds as plain files: kept as they are."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from continuum.core import UntrustedArtifactError, whole_folder

__all__ = ["keep_files"]


def keep_files(wheel: bytes, path: Path, *, folder: str, files: Sequence[str]) -> None:
    """Copy files of one folder of a wheel into a folder; nothing else in it is looked at.

    Args:
        wheel: the bytes of the archive.
        path: the folder to be written, whole or not at all.
        folder: the folder in the archive.
        files: their names in it.

    Raises:
        UntrustedArtifactError: if a file is missing.
        StoreError: if the folder cannot be written.
    """
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive, whole_folder(path) as kept:
        for name in files:
            try:
                data = archive.read(f"{folder}/{name}")
            except KeyError:
                raise UntrustedArtifactError(f"`{folder}/{name}` is not in its archive") from None
            (kept / name).write_bytes(data)
