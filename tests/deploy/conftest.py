"""Devices of the tests: a folder with a home in it, by itself or behind an SSH server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.linux_device import Device
from support.ssh_server import SshServer, ssh_server
from support.tools import require_module


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    """A device whose names have every character that a shell trips over."""
    home = tmp_path / "ho me"
    home.mkdir()
    made = Device(tmp_path, home, home / 'it\'s a "pre$fix" & 100% `mine`')
    yield made
    made.end()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    """A device with an SSH server that lets this process in."""
    require_module("paramiko")
    with ssh_server(tmp_path / "device", monkeypatch) as running:
        yield running
