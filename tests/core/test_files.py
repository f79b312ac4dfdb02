"""A file, and a folder, is there as a whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from continuum.core import MissingDataError, StoreError, whole_file, whole_folder

KILLED = """
import os, pathlib, signal, sys
from continuum.core import whole_file
with whole_file(pathlib.Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""

KILLED_IN_FOLDER = """
import os, pathlib, signal, sys
from continuum.core import whole_folder
with whole_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "first").write_bytes(b"whole")
    os.{moment} = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
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


def test_a_folder_holds_what_was_put_into_it_and_nothing_else(tmp_path):
    with whole_folder(tmp_path / "deep" / "a") as folder:
        assert not (tmp_path / "deep" / "a").exists()
        (folder / "inner").mkdir()
        (folder / "inner" / "x").write_bytes(b"all of it")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a"]
    assert (tmp_path / "deep" / "a" / "inner" / "x").read_bytes() == b"all of it"


def test_every_file_of_a_folder_reaches_the_disk_before_its_name_does(tmp_path, monkeypatch):
    order = []
    fsync, rename = os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda file: order.append(os.fstat(file).st_size) or fsync(file))
    monkeypatch.setattr(os, "rename", lambda *names: order.append("rename") or rename(*names))
    with whole_folder(tmp_path / "a") as folder:
        (folder / "inner").mkdir()
        (folder / "x").write_bytes(b"1")
        (folder / "inner" / "y").write_bytes(b"22")
    assert sorted(order[:-1]) == [1, 2]
    assert order[-1] == "rename"


def test_an_exception_leaves_no_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "a") as folder:
        (folder / "x").write_bytes(b"half" + bytes(1 // 0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["fsync", "rename"])
def test_a_kill_leaves_no_folder_of_that_name(tmp_path, moment):
    path = tmp_path / "a"
    killed = [sys.executable, "-c", KILLED_IN_FOLDER.replace("{moment}", moment), path]
    assert subprocess.run(killed, check=False).returncode == -9
    assert not path.exists()
    with whole_folder(path) as folder:  # what the killed one left is in nobody's way
        (folder / "x").write_bytes(b"all of it")
    assert [file.name for file in path.iterdir()] == ["x"]


def test_an_empty_folder_is_filled_and_a_full_one_is_left_alone(tmp_path):
    path = tmp_path / "a"
    path.mkdir()
    with whole_folder(path) as folder:
        (folder / "x").write_bytes(b"mine")
    with pytest.raises(StoreError, match="holds files already"), whole_folder(path):
        pytest.fail("there is nothing to write into")
    assert [file.name for file in tmp_path.rglob("*")] == ["a", "x"]


def test_a_folder_does_not_replace_a_file(tmp_path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(StoreError, match="is a file"), whole_folder(tmp_path / "a"):
        pytest.fail("there is nothing to write into")
    assert (tmp_path / "a").read_text() == "a file"


def test_a_folder_that_came_to_be_meanwhile_is_not_replaced(tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "theirs").write_text("theirs")
    with pytest.raises(StoreError, match="cannot be written"), whole_folder(tmp_path / "a"):
        (tmp_path / "others").rename(tmp_path / "a")
    assert [file.name for file in tmp_path.rglob("*")] == ["a", "theirs"]


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_an_error_of_the_library_inside_the_block_keeps_its_kind(tmp_path, whole):
    with pytest.raises(MissingDataError, match=r"^not here$"), whole(tmp_path / "a"):
        raise MissingDataError("not here")
