"""For all tests: no network, reproducible randomness, annotated shapes checked as the code runs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

_ANNOTATED = ["continuum.measures"]  # where shapes are annotated
_LOCAL = {"localhost", "127.0.0.1", "::1", "", None}

# Before the packages are imported: the hook rewrites them as they load, so that shapes in annotations are checked.
if importlib.util.find_spec("jaxtyping") and importlib.util.find_spec("beartype"):
    import jaxtyping

    jaxtyping.install_import_hook(_ANNOTATED, "beartype.beartype")

hypothesis.settings.register_profile("continuum", deadline=None, derandomize=True, max_examples=60)
# For a long search: pytest --hypothesis-profile=thorough
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=3000)
hypothesis.settings.load_profile("continuum")


class NetworkBlockedError(RuntimeError):
    """A test tried to leave this machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no process is left alone with one of them in the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this machine can be reached: workers talk over pipes and loopback, everything else is an error."""
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: connect(self, _checked(self, to)))
    monkeypatch.setattr(socket.socket, "connect_ex", lambda self, to: connect_ex(self, _checked(self, to)))
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **options: lookup(_named(host), *rest, **options))


def _checked(sock: socket.socket, address: Any) -> Any:
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        _named(address[0])
    return address


def _named(host: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if name in _LOCAL or str(name).startswith("127."):
        return host
    raise NetworkBlockedError(f"a test tried to reach {name!r}; tests use no network.")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator that depends on the name of the test only."""
    from continuum.core import rng_for

    return rng_for(0, request.node.name)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium; skips where it is not installed."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium, such as of `apt-get install chromium`")
    with api.sync_playwright() as playwright:
        # Without a sandbox it also runs as root, as in a container; it sees only pages that tests wrote.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the cache of this machine."""
    monkeypatch.setenv("CONTINUUM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a shell script stand in for pip, npm and apt-get."""
    if os.name != "posix":
        pytest.skip("the stand-ins for package clients are shell scripts")

    def install(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name in ("npm", "apt-get", "python"):
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.defpath}")
        monkeypatch.setattr(sys, "executable", str(folder / "python"))

    return install


@pytest.fixture
def deliver(tmp_path: Path, client: Callable[[str], None]) -> Callable[[bytes], None]:
    """Makes the client deliver some bytes, and note each call with its pins in the file `calls`."""

    def start(archive: bytes) -> None:
        (tmp_path / "archive.bin").write_bytes(archive)
        note = f"""echo "$0 $*" "$(cat ../pins.txt 2>/dev/null)" >> '{tmp_path}/calls'"""
        client(f"{note}; cp '{tmp_path}/archive.bin' .")

    return start
