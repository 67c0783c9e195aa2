"""Commands of edgeprune as processes of their own, each with folders that nobody else uses."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeprune.artifact import default_store

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "models" / "digits" / "digits.keras"
BUILD_DIGITS = (
    *("build", DIGITS, "--data", "sklearn:digits", "--method", "l1", "--speedup", "2"),
    *("--epochs", "3", "--steps", "1"),
)
START = "from edgeprune.cli.main import main; main()"


@dataclass(frozen=True)
class Shell:
    """Runs commands in `folder`; cache and state live below it, only compiled C runtimes are shared."""

    folder: Path
    cache: str = "cache"
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        shared = os.environ.get("ZIG_GLOBAL_CACHE_DIR") or str(default_store().absolute() / "zig")
        return {
            **{name: value for name, value in os.environ.items() if name != "EDGEPRUNE_INJECT"},
            "PYTHONPATH": str(ROOT),
            "EDGEPRUNE_CACHE_DIR": str(self.folder / self.cache),
            "EDGEPRUNE_STATE_DIR": str(self.folder / "state"),
            "ZIG_GLOBAL_CACHE_DIR": shared,
            **self.more,
        }

    def run(self, *words: object, status: int = 0) -> subprocess.CompletedProcess[str]:
        """The finished command; fails the test where it ends otherwise than with `status`."""
        done = subprocess.run(
            [sys.executable, "-c", START, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def refused(self, *words: object, status: int = 2) -> str:
        """What a command that ends with `status` says on stderr; nothing is on stdout."""
        done = self.run(*words, status=status)
        assert done.stdout == ""
        return done.stderr

    def ask(self, *words: object, status: int = 0) -> dict[str, Any]:
        """The one JSON object that a command prints."""
        answer: dict[str, Any] = json.loads(self.run(*words, "--json", status=status).stdout)
        return answer

    def interrupt(self, at: str, *words: object, by: int = signal.SIGINT) -> tuple[int, str]:
        """Send the signal when `at` is said on stderr; the exit status and all of stderr."""
        command = [sys.executable, "-c", START, *map(str, words)]
        said = []
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stderr is not None
            for line in child.stderr:
                said.append(line)
                if at in line:
                    child.send_signal(by)
                    at = "\0"  # only once
        return child.returncode, "".join(said)


@dataclass(frozen=True)
class Built:
    """A pruned digit classifier: the shell that built it, its Bundle and what `build --json` said."""

    shell: Shell
    bundle: Path
    said: subprocess.CompletedProcess[str]

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.said.stdout)
        return found


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder and its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
