"""A Raspberry Pi from end to end, as the README says it, on an arm64 userland under QEMU.

The same virtual Pi is reached in three ways: as the target's default board, by SSH through a real sshd, and
by a serial console. Its Python packages are installed by install.sh once, by SSH, from the package index.
"""

import json
import os
import pwd
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.commands import ROOT, Shell
from support.networks import tiny_network
from support.pi import VirtualPi, lend_venv, share_root, virtual_pi
from support.serial_console import PASSWORD, USER, SerialConsole
from support.ssh_server import SshServer
from support.tflite_writer import write
from support.tools import missing, require_tool

RESNET8 = ROOT / "models" / "resnet8" / "resnet8-2x.tflite"
CIFAR10 = "tools.reproduce.cifar10:load"
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def pi(tmp_path_factory: pytest.TempPathFactory) -> VirtualPi:
    return virtual_pi(tmp_path_factory.mktemp("pi") / "device", "rpi4")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, pi: VirtualPi) -> Shell:
    folder = tmp_path_factory.mktemp("host")
    (folder / "tiny.tflite").write_bytes(write(tiny_network()))
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    password.chmod(0o600)
    made = Shell(folder, more={"HOME": str(folder), "EDGEPRUNE_SSH_PASSWORD_FILE": str(password)})
    share_root(folder / "cache")
    made.run("build", "tiny.tflite", "--target", "rpi4", "--out", "tiny")
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shell: Shell, pi: VirtualPi) -> Iterator[SshServer]:
    """The virtual Pi behind an sshd; the shell's ~/.ssh knows it and may log in."""
    require_tool("sshd")
    environment = {**pi.environment, "EDGEPRUNE_START_WAIT_S": "120"}
    made = SshServer(tmp_path_factory.mktemp("sshd"), environment=environment)
    (shell.folder / ".ssh").symlink_to(made.client)
    yield made.start()
    made.stop()


@pytest.fixture(scope="module")
def over_ssh(server: SshServer) -> tuple[str, ...]:
    """The options that name the virtual Pi."""
    return ("--host", f"{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1:{server.port}")


def test_over_ssh_with_all_that_pip_installs(shell: Shell, pi: VirtualPi, over_ssh: tuple[str, ...]) -> None:
    flashed = shell.ask("flash", "tiny", *over_ssh)
    assert flashed["verified"] and flashed["sent_bytes"] == flashed["flash_bytes"]
    prefix = pi.home / ".local" / "share" / "edgeprune"
    assert json.loads((prefix / "state" / "health.json").read_text())["release"] == flashed["release"]
    assert (prefix / "current").readlink() == Path("releases") / flashed["release"]
    found = shell.ask("profile", "tiny", "--runs", "20", *over_ssh)
    assert (found["target"], found["evidence"], found["runs"]) == ("rpi4", "emulated", 20)
    assert found["parity"]["mismatches"] == 0
    state = found["system"]["after"]
    assert state["machine"] == "aarch64"
    assert state["temperature_c"] is None and state["governor"] is None
    again = shell.ask("flash", "tiny", *over_ssh)
    assert (again["release"], again["sent_bytes"]) == (flashed["release"], 0)


def test_a_cable_pulled_during_a_run(shell: Shell, over_ssh: tuple[str, ...]) -> None:
    """The command dies; the Pi measures on, and the next command fetches what it measured."""
    status, _ = shell.interrupt(
        "has begun 400 runs", "profile", "tiny", "--runs", "400", *over_ssh, by=signal.SIGKILL
    )
    assert status == -signal.SIGKILL
    done = shell.run("profile", "tiny", "--json", *over_ssh)
    assert "fetching the 400 runs" in done.stderr
    assert json.loads(done.stdout)["runs"] == 400


def test_by_the_serial_console_alone(shell: Shell, pi: VirtualPi, over_ssh: tuple[str, ...]) -> None:
    """Another network than by SSH, which was there before and stays beside it."""
    (shell.folder / "other.tflite").write_bytes((shell.folder / "tiny.tflite").read_bytes() + b"\0")
    shell.run("build", "other.tflite", "--target", "rpi4", "--out", "other")
    environment = {**pi.environment, "EDGEPRUNE_START_WAIT_S": "120"}
    console = SerialConsole(pi.home, environment=environment)
    try:
        words = ("--port", console.port, "--user", USER)
        flashed = shell.ask("flash", "other", *words)
        assert flashed["verified"] and flashed["previous"] is not None
        assert 0 < flashed["sent_bytes"] < flashed["flash_bytes"]  # the runner was there
        found = shell.ask("profile", "other", "--runs", "5", *words)
        assert found["parity"]["mismatches"] == 0
    finally:
        console.close()
    said = shell.refused("profile", "tiny", *over_ssh, status=6)
    assert "the board runs network" in said or "the board holds" in said


def test_resnet8_is_as_right_on_the_pi_as_here(shell: Shell, pi: VirtualPi) -> None:
    """`boards start`, and 500 test images over its serial line: the accuracy of LiteRT on this computer."""
    if not SHARED.is_dir():
        missing("../shared/data")
    board = shell.folder / "state" / "boards" / "rpi4"
    name = next((pi.home / ".local" / "share" / "edgeprune" / "venvs").iterdir()).name
    lend_venv(board / "prefix" / "venvs" / name, pi)
    shell.run("build", RESNET8, "--target", "rpi4", "--data", CIFAR10, "--out", "resnet8")
    started = shell.ask("boards", "start", "rpi4")
    assert started["pty"].startswith("/dev/")
    try:
        shell.run("flash", "resnet8")
        profile = shell.ask("profile", "resnet8", "--runs", "10")
        assert profile["evidence"] == "emulated"
        assert profile["parity"]["mismatches"] == 0
        by_pty = shell.ask("profile", "resnet8", "--runs", "5", "--port", started["pty"])
        assert by_pty["output_crc32"] == profile["output_crc32"]
        found: dict[str, Any] = shell.ask("evaluate", "resnet8", "--data", CIFAR10, "--limit", "500")
    finally:
        shell.run("boards", "stop", "rpi4")
    assert (found["examples"], found["evidence"]) == (500, "emulated")
    assert found["accuracy"] == found["host"]["accuracy"] > 0.8
    assert found["host"]["agreement"] == 1.0
    assert 0.95 < found["reference"]["agreement"] <= 1.0


def test_native_runs_there_bit_for_bit(shell: Shell, over_ssh: tuple[str, ...]) -> None:
    shell.run("build", "tiny.tflite", "--target", "rpi4", "--runtime", "native", "--out", "native")
    flashed = shell.ask("flash", "native", *over_ssh)
    assert flashed["verified"]
    found = shell.ask("profile", "native", "--runs", "3", *over_ssh)
    assert found["parity"] == {"inputs": 4, "mismatches": 0}
    assert found["evidence"] == "emulated"
    assert all(layer["latency_us"] is not None for layer in found["layers"])


def test_a_host_that_cannot_be_reached_or_trusted(shell: Shell, server: SshServer) -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    assert "hint:" in shell.refused("flash", "tiny", "--host", f"{user}@127.0.0.1:1", status=5)
    trusted = server.client / "known_hosts"
    known = trusted.read_text()
    trusted.write_text("")
    try:
        said = shell.refused("flash", "tiny", "--host", f"{user}@127.0.0.1:{server.port}", status=5)
    finally:
        trusted.write_text(known)
    assert server.fingerprint in said
    assert "--host is for devices" in shell.refused(
        "monitor", "--target", "virtual-m4", "--host", "pi@raspberrypi.local"
    )
