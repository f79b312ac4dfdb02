"""The test suite cannot leave this machine."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize("host", ["example.org", "203.0.113.1"])
def test_other_machines_cannot_be_reached(host):
    with pytest.raises(RuntimeError, match="tests use no network"):
        socket.create_connection((host, 80), timeout=1)


def test_an_address_cannot_be_connected_to():
    with socket.socket() as sock, pytest.raises(RuntimeError, match="no network"):
        sock.connect(("203.0.113.1", 80))


def test_this_machine_can_be_reached():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            assert client.getpeername() == server.getsockname()
