"""The seal holds: no home of the machine's, no network."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest


def test_home_is_empty_and_not_the_machines(sealed: Path) -> None:
    assert Path.home() == sealed
    assert list(sealed.iterdir()) == []
    assert "SSH_AUTH_SOCK" not in os.environ


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 443), ("2001:db8::1", 80, 0, 0)])
def test_the_network_is_out_of_reach(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as client, pytest.raises(AssertionError, match="a test tried to reach"):
        client.connect(address)


def test_loopback_and_unix_sockets_work(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
    with socket.socket(socket.AF_UNIX) as unix_server, socket.socket(socket.AF_UNIX) as unix_client:
        unix_server.bind(str(tmp_path / "s"))
        unix_server.listen()
        unix_client.connect(str(tmp_path / "s"))
