"""Downloads: real clients are replaced by small programs of the same name, so no test needs a network."""

from __future__ import annotations

import hashlib
import importlib.util
import textwrap

import pytest
from archives import tar_bytes

from continuum.artifacts import Archive, download
from continuum.core import InvalidInputError, MissingDataError, UntrustedArtifactError

DATA = b"not opened by anyone"
SHA256 = hashlib.sha256(DATA).hexdigest()
CLIENTS = ["pip", "npm", "apt-get"]
PIP = "-m pip download --no-deps {} --require-hashes --disable-pip-version-check --quiet -d . -r ../pins.txt"


def archive(client="pip", **changes):
    return Archive(**{"client": client, "package": "toy", "version": "1.0", "sha256": SHA256, **changes})


@pytest.mark.parametrize("name", CLIENTS)
def test_a_pinned_archive_arrives_unchanged(deliver, name):
    deliver(DATA)
    assert download(archive(name)) == DATA


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        (archive("npm"), "npm pack --ignore-scripts --loglevel=error toy@1.0"),
        (archive("apt-get"), "apt-get download toy=1.0"),
        (archive(), PIP.format("--only-binary :all:")),
        (archive(kind="sdist"), PIP.format("--no-binary :all: --no-build-isolation")),
    ],
)
def test_a_client_is_asked_for_the_pinned_version_and_nothing_else(tmp_path, deliver, asked, command):
    deliver(DATA)
    download(asked)
    (call,) = (tmp_path / "calls").read_text().splitlines()
    pins = f"toy==1.0 --hash=sha256:{SHA256}" if asked.client == "pip" else ""
    assert call.endswith(f"{command} {pins}")


@pytest.mark.parametrize("name", CLIENTS)
def test_another_archive_is_refused_with_both_digests(deliver, name):
    deliver(b"something else")
    seen = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(
        UntrustedArtifactError, match=f"downloaded by {name}, has SHA-256 {seen}, but {SHA256} is pinned"
    ):
        download(archive(name))


@pytest.mark.parametrize(("name", "command"), [("npm", "npm pack"), ("pip", "pip download")])
def test_a_failed_client_tells_its_command_and_its_last_words(client, name, command):
    client("echo first >&2; echo 'E: no such package' >&2; echo 'A complete log of this run: x' >&2; echo >&2; exit 3")
    with pytest.raises(MissingDataError, match=f"toy 1.0: `.*{command}.*` failed: .*E: no such package; check that"):
        download(archive(name))


def test_an_absent_client_is_named_with_its_command(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"`npm` is not installed.*npm pack.*toy@1\.0"):
        download(archive("npm"))


@pytest.mark.parametrize(("script", "count"), [("exit 0", 0), ("touch a b", 2)])
def test_a_client_that_does_not_deliver_one_file_is_reported(client, script, count):
    client(script)
    with pytest.raises(MissingDataError, match=f"npm left {count} files of toy 1.0 instead of one"):
        download(archive("npm"))


def test_apt_lists_are_updated_once_if_the_package_is_unknown(tmp_path, client):
    client(
        f"""echo "$1" >> '{tmp_path}/calls'
        if [ "$1" = update ]; then touch '{tmp_path}/updated'; exit 0; fi
        if [ -e '{tmp_path}/updated' ]; then printf '{DATA.decode()}' > a; else echo 'E: unknown' >&2; exit 100; fi"""
    )
    assert download(archive("apt-get")) == DATA
    assert (tmp_path / "calls").read_text().split() == ["download", "update", "download"]


def test_apt_reports_the_first_failure_when_the_update_fails_too(client):
    client('[ "$1" = update ] && echo "E: permission" >&2 || echo "E: Unable to locate package" >&2; exit 100')
    with pytest.raises(MissingDataError, match="Unable to locate package; if the package is unknown run `apt-get upd"):
        download(archive("apt-get"))


def test_an_unknown_client_is_refused_by_name():
    with pytest.raises(InvalidInputError, match="`conda` is not a known package client"):
        download(archive("conda"))


@pytest.fixture
def local_index(tmp_path, monkeypatch):
    """Makes pip, the real one, take a source distribution from a folder; its build script leaves a trace."""
    if not importlib.util.find_spec("pip"):
        pytest.skip("this Python has no pip")
    script = f"""
        import pathlib, setuptools
        pathlib.Path({str(tmp_path / "trace")!r}).touch()
        setuptools.setup(name="toy", version="1.0")
    """
    info = b"Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n"
    data = tar_bytes({"toy-1.0/setup.py": textwrap.dedent(script).encode(), "toy-1.0/PKG-INFO": info}, "w:gz")
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "toy-1.0.tar.gz").write_bytes(data)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return data


def test_pip_runs_the_build_script_of_the_pinned_source_distribution_only(tmp_path, local_index):
    with pytest.raises(UntrustedArtifactError, match=f"pip refused an archive unopened.*Expected sha256 {SHA256}.*Got"):
        download(archive(kind="sdist"))
    assert not (tmp_path / "trace").exists()
    assert download(archive(kind="sdist", sha256=hashlib.sha256(local_index).hexdigest())) == local_index
    assert (tmp_path / "trace").exists()  # so the trace would have been seen above
