"""Devices of the tests: a folder with a home in it, by itself or behind an SSH server."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.linux_device import Device
from support.ssh_server import SshServer, ssh_server
from support.tools import missing, require_module


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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    if os.geteuid() != 0:
        missing("root, to mount a small file system")
    place = tmp_path / "small disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
