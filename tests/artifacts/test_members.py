"""Members of archives: plain files only."""

from __future__ import annotations

import io
import tarfile

import pytest
from archives import ar_bytes, tar_bytes

from continuum.artifacts import ar_member, tar_member
from continuum.core import UntrustedArtifactError


def with_a_link_and_a_folder():
    buffer = io.BytesIO(tar_bytes({"package/file": b"plain"}))
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        link, folder = tarfile.TarInfo("package/link"), tarfile.TarInfo("package/folder")
        link.type, link.linkname, folder.type = tarfile.SYMTYPE, "/etc/passwd", tarfile.DIRTYPE
        tar.addfile(link)
        tar.addfile(folder)
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def test_a_plain_file_is_read():
    with with_a_link_and_a_folder() as tar:
        assert tar_member(tar, "package/file") == b"plain"


@pytest.mark.parametrize("name", ["package/link", "package/folder", "package/absent"])
def test_anything_but_a_plain_file_is_refused_by_name(name):
    with (
        with_a_link_and_a_folder() as tar,
        pytest.raises(UntrustedArtifactError, match=f"`{name}` is not a plain file"),
    ):
        tar_member(tar, name)


def test_members_of_a_debian_package_are_found_at_even_offsets():
    package = ar_bytes({"debian-binary": b"2.0\n", "odd": b"odd", "data.tar": b"data"})
    assert ar_member(package, "data.tar") == b"data"
    with pytest.raises(UntrustedArtifactError, match=r"no member `control\.tar`"):
        ar_member(package, "control.tar")
