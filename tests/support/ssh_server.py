"""OpenSSH's own sshd as a device: its own keys and port, and a home that is a temporary folder."""

import contextlib
import os
import pwd
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgeprune.device.deploy.address import Address
from edgeprune.device.deploy.known_hosts import host_name
from support.tools import require_tool


def make_key(path: Path, passphrase: str = "") -> Path:
    """A new Ed25519 key pair at `path` and `path.pub`."""
    command = [require_tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def free_port() -> int:
    """A port of the loopback that nobody has."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


@dataclass
class SshServer:
    """A device with an SSH server, and a client's `~/.ssh` that may log in to it."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    namespace: str | None = None
    password: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    _child: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        self.home.mkdir(parents=True, exist_ok=True)
        self.client.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_key(self.host_key)
        make_key(self.client / "id_ed25519")
        self.trust()

    @property
    def home(self) -> Path:
        """The home folder on the device."""
        return Path(self.environment.get("HOME", self.folder / "de vice"))

    @property
    def client(self) -> Path:
        """`~/.ssh` on the client's side."""
        return self.folder / "client" / ".ssh"

    @property
    def host_key(self) -> Path:
        return self.folder / "host_key"

    @property
    def prefix(self) -> Path:
        """Where releases are installed."""
        return self.home / ".local" / "share" / "edgeprune"

    @property
    def known_as(self) -> str:
        return host_name(self.host, self.port)

    @property
    def address(self) -> Address:
        return Address(self.host, pwd.getpwuid(os.getuid()).pw_name, self.port)

    @property
    def fingerprint(self) -> str:
        """Of the host's key, as ssh-keygen tells it."""
        done = subprocess.run(
            ["ssh-keygen", "-lf", f"{self.host_key}.pub"], capture_output=True, text=True, check=True
        )
        return done.stdout.split()[1]

    def trust(self) -> None:
        """Make the client know the host's key."""
        key = Path(f"{self.host_key}.pub").read_text().split()
        (self.client / "known_hosts").write_text(f"{self.known_as} {key[0]} {key[1]}\n")

    def start(self) -> "SshServer":
        """Start sshd, and wait until it listens."""
        config = self.folder / "sshd_config"
        keys = self.folder / "authorized_keys"
        keys.write_text((self.client / "id_ed25519.pub").read_text())
        fakes = self.folder / "bin"
        fakes.mkdir(exist_ok=True)
        variables = {
            "HOME": self.home,
            "PATH": f"{fakes}:{os.environ['PATH']}",
            "EDGEPRUNE_START_WAIT_S": "3",
            "TMPDIR": self.folder,
            **self.environment,
        }
        settings = " ".join(f'"{name}={value}"' for name, value in variables.items())
        config.write_text(
            f"ListenAddress {self.host}:{self.port}\nHostKey {self.host_key}\nPidFile none\n"
            f"AuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            f"PasswordAuthentication {'yes' if self.password else 'no'}\nKbdInteractiveAuthentication no\n"
            f"Subsystem sftp internal-sftp\nSetEnv {settings}\nLogLevel ERROR\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)  # where root's sshd shuts its children in
        before = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        self._child = subprocess.Popen([*before, require_tool("sshd"), "-D", "-e", "-f", str(config)])
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
                return self
            assert self._child.poll() is None, "sshd ended"
            time.sleep(0.05)
        raise AssertionError("sshd does not listen")

    def stop(self) -> None:
        """Take the runner off, and end sshd with its sessions."""
        uninstall(self.prefix, self.home)
        if self._child is not None:
            self._child.terminate()
            self._child.wait()

    def fake(self, program: str, script: str) -> None:
        """Put a program before the device's own of that name."""
        write_program(self.folder / "bin" / program, script)


def write_program(path: Path, script: str) -> None:
    """A shell script that can be run."""
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def uninstall(prefix: Path, home: Path) -> None:
    """End what an installation started."""
    script = prefix / "current" / "uninstall.sh"
    if script.is_file():
        words = ["sh", str(script), "--prefix", str(prefix), "--purge"]
        subprocess.run(words, env={**os.environ, "HOME": str(home)}, capture_output=True, check=True)


@contextlib.contextmanager
def ssh_server(folder: Path, monkeypatch: pytest.MonkeyPatch, **more: object) -> Iterator[SshServer]:
    """A running SshServer; this process's home is its client's."""
    server = SshServer(folder, **more)  # type: ignore[arg-type]
    use_client(server, monkeypatch)
    try:
        yield server.start()
    finally:
        server.stop()


def use_client(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find the client's `~/.ssh`, and no agent."""
    monkeypatch.setenv("HOME", str(server.client.parent))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("EDGEPRUNE_SSH_PASSWORD_FILE", raising=False)


class Cut:
    """A proxy before the SSH server that hangs up once `after` bytes went to it (None: never)."""

    def __init__(self, server: SshServer, after: int | None) -> None:
        self._server = server
        self._left = after
        self.to_device = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self._server.address.user, self.port)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection((self._server.host, self._server.port))
                threading.Thread(target=self._copy, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._copy, args=(far, near, False), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, is_upward: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(16384):
                if is_upward:
                    self.to_device += len(data)
                    if self._left is not None and self.to_device > self._left:
                        break
                sink.sendall(data)
        for line in (source, sink):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def known_hosts_line(server: SshServer, port: int) -> str:
    """The line that makes the server known at another port of the loopback."""
    key = Path(f"{server.host_key}.pub").read_text().split()
    return f"[127.0.0.1]:{port} {key[0]} {key[1]}\n"
