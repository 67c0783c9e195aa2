"""A Linux device that is a folder: its home, programs that stand before its own, and what runs on it."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeprune.artifact import Bundle
from support.ssh_server import uninstall, write_program

LISTEN = "tcp:127.0.0.1:0"


@dataclass(frozen=True)
class Device:
    """Scripts of a release run here as on a device, each with the folder `home` as its user's."""

    folder: Path
    home: Path
    prefix: Path
    children: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "EDGEPRUNE_START_WAIT_S": "5",
            "EDGEPRUNE_LOCK_WAIT_S": "1",
        }

    def sh(self, *words: object, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a shell script, with dash where it is here."""
        return subprocess.run(
            ["sh", *map(str, words)],
            env={**self.environment, **more},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def install(self, bundle: Bundle, *options: object, status: int = 0, **more: str) -> str:
        """Install; what it said on stderr. Fails the test where it ends otherwise than with `status`."""
        words = ["--prefix", self.prefix, "--listen", LISTEN, *options]
        done = self.sh(bundle.path / "install.sh", *words, **more)
        assert done.returncode == status, done.stderr
        assert done.stdout == ""
        return done.stderr

    def start_install(self, bundle: Bundle, **more: str) -> "subprocess.Popen[bytes]":
        """Begin to install."""
        words = ["sh", str(bundle.path / "install.sh"), "--prefix", str(self.prefix), "--listen", LISTEN]
        environment = {**self.environment, "EDGEPRUNE_START_WAIT_S": "30", **more}
        nothing = subprocess.DEVNULL
        self.children.append(subprocess.Popen(words, env=environment, stderr=nothing, stdin=nothing))
        return self.children[-1]

    def fake(self, program: str, script: str) -> None:
        """Put a program before the device's own of that name."""
        write_program(self.folder / "bin" / program, script)

    def link(self, name: str) -> str:
        """The release that `current` or `previous` is; empty where there is none."""
        path = self.prefix / name
        return path.readlink().name if path.is_symlink() else ""

    def releases(self) -> set[str]:
        return {path.name for path in (self.prefix / "releases").iterdir()}

    def health(self) -> dict[str, Any]:
        """What the runner says of itself; empty while none does."""
        path = self.prefix / "state" / "health.json"
        found: dict[str, Any] = json.loads(path.read_text() or "{}") if path.is_file() else {}
        return found

    def log(self) -> str:
        path = self.prefix / "state" / "runner.log"
        return path.read_text() if path.is_file() else ""

    def runner_command(self) -> str:
        """The command line of the fake runner that the supervisor has started; empty before."""
        with contextlib.suppress(OSError):
            number = (self.prefix / "state" / "runner.pid").read_text().strip()
            words = Path(f"/proc/{number}/cmdline").read_text()
            return words if "fake_runner.py" in words else ""
        return ""

    def end(self) -> None:
        """Take off what was installed."""
        for child in self.children:
            child.terminate()
            child.wait()
        uninstall(self.prefix, self.home)


def wait_until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    """Fail the test where something does not come about in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def is_running(number: int) -> bool:
    """Whether the process lives; a zombie does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(number: int, by: int = signal.SIGKILL) -> None:
    os.kill(number, by)
