"""Single members of the archives that package clients bring, read without unpacking anything to the disk."""

from __future__ import annotations

import tarfile

from continuum.core.errors import UntrustedArtifactError

__all__ = ["ar_member", "tar_member"]


def tar_member(tar: tarfile.TarFile, name: str) -> bytes:
    """The bytes of a plain file in a tar archive; links and folders are refused."""
    try:
        member = tar.extractfile(name)
    except KeyError:
        member = None
    if member is None:
        raise UntrustedArtifactError(f"`{name}` is not a plain file in its archive")
    return member.read()


def ar_member(archive: bytes, name: str) -> bytes:
    """One member of a Unix `ar` archive, which a Debian package is: after 8 bytes, each has a 60-byte header."""
    start = 8
    while start < len(archive):
        header = archive[start : start + 60]
        size = int(header[48:58])
        if header[:16].rstrip(b" /") == name.encode():
            return archive[start + 60 : start + 60 + size]
        start += 60 + size + size % 2  # members start at even offsets
    raise UntrustedArtifactError(f"the Debian package has no member `{name}`")
