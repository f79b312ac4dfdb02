"""A pinned archive, and the check that bytes are the pinned ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from continuum.core.errors import UntrustedArtifactError

__all__ = ["Archive", "check_digest"]


@dataclass(frozen=True)
class Archive:
    """One file of one version of one package.

    Attributes:
        client: "pip", "npm" or "apt-get".
        package: name of the package at that client.
        version: the pinned version.
        sha256: digest of the file, in hexadecimal.
        kind: which file pip takes, a wheel or a source distribution; the other clients have one file per version.
    """

    client: Literal["pip", "npm", "apt-get"]
    package: str
    version: str
    sha256: str
    kind: Literal["wheel", "sdist"] = "wheel"


def check_digest(data: bytes, sha256: str, *, what: str) -> None:
    """Raise `UntrustedArtifactError` unless `data` has this SHA-256.

    Args:
        data: the whole file, not yet opened.
        sha256: the pinned digest, in hexadecimal.
        what: the file and where it came from, for the message.
    """
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise UntrustedArtifactError(
            f"{what} has SHA-256 {digest}, but {sha256} is pinned: it was not opened; "
            "find out why it changed before you use it"
        )
