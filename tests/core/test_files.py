"""A file is there as a whole or not at all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from continuum.core import StoreError, whole_file

KILLED = """
import os, pathlib, signal, sys
from continuum.core import whole_file
with whole_file(pathlib.Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_written_is_there_and_nothing_else(tmp_path):
    with whole_file(tmp_path / "deep" / "a.bin") as file:
        file.write(b"all of it")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.bin"]
    assert (tmp_path / "deep" / "a.bin").read_bytes() == b"all of it"


def test_an_exception_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as file:
        file.write(b"new" * (1 // 0))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode < 0
    assert path.read_bytes() == b"old"


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"), whole_file(tmp_path / "file" / "a.bin") as file:
        file.write(b"x")
