"""A Shell: a way to run commands on a Linux device, to put files there, and to reach its runner.

The helpers below are what every kind of Shell does in the same way: what is uploaded lies in `NAME.part`
until it is whole, and an upload that broke goes on from there.
"""

import hashlib
import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgeprune.device.link import Link
from edgeprune.errors import BoardError, BudgetError, EdgepruneError, NotFoundError

Progress = Callable[[int, int], None]
"""Told how many bytes are there, of how many; first how many were there already."""
HOME_PREFIX = ".local/share/edgeprune"
HASH_TIMEOUT_S = 600.0
START_WAIT_S = 15.0
"""A runner that systemd starts at our login needs so long at most until it listens."""


@dataclass(frozen=True)
class Finished:
    """A command that ended: its exit status and what it said."""

    status: int
    out: str
    err: str


class Shell(Protocol):
    """A way onto a device; `keeps_service`: whether a runner stays there as a service."""

    name: str
    keeps_service: bool

    @property
    def prefix(self) -> str:
        """Where releases are installed on the device: an absolute path."""

    def run(self, command: str, *, timeout_s: float = 60, stdin: bytes = b"") -> Finished:
        """Run `command` in a POSIX shell; BoardError where the line breaks or it takes too long."""

    def put(self, source: Path, path: str, progress: Progress) -> None:
        """Put the file `source` at the absolute `path`, whole or not at all."""

    def line(self) -> Link:
        """A line to the runner that is installed there."""

    def close(self) -> None:
        """Leave the device as it was found."""


def expect(shell: Shell, command: str, what: str) -> str:
    """What `command` printed; BoardError where it failed, `what` was being done."""
    done = shell.run(command)
    if done.status != 0:
        words = (done.err or done.out).strip().rpartition("\n")[2] or f"status {done.status}"
        raise BoardError(f"{shell.name}: cannot {what}: {words}")
    return done.out


def home_prefix(shell: Shell) -> str:
    """Where releases go when nothing else is said."""
    home = expect(shell, 'printf %s "$HOME"', "find the home folder")
    if not home.startswith("/"):
        raise BoardError(f"{shell.name}: its user has no home folder", hint="log in as another user")
    return f"{home.rstrip('/')}/{HOME_PREFIX}"


# --- uploads


def size_on_device(shell: Shell, source: Path, path: str) -> int:
    """How many bytes of `source` lie in `path.part` already, all of them right; makes the folder."""
    part = shlex.quote(f"{path}.part")
    done = shell.run(
        f"mkdir -p {shlex.quote(path.rpartition('/')[0])} && if [ -f {part} ]; "
        f'then n=$(wc -c <{part}) && echo $n $(head -c "$n" {part} | sha256sum); fi',
        timeout_s=HASH_TIMEOUT_S,
    )
    size = source.stat().st_size
    if done.status != 0:
        raise write_error(shell, path, size, done.err.strip())
    match = re.match(r"(\d+) ([0-9a-f]{64})", done.out)
    count = int(match[1]) if match else 0
    return count if match and 0 < count <= size and digest_of(source, count) == match[2] else 0


def finish_upload(shell: Shell, source: Path, path: str) -> None:
    """Rename `path.part` to `path` if it is `source`; BoardError, and nothing is there, if it is not."""
    part, quoted = shlex.quote(f"{path}.part"), shlex.quote(path)
    digest = digest_of(source, source.stat().st_size)
    done = shell.run(
        f'if [ "$(sha256sum <{part} | cut -c 1-64)" = {digest} ]; '
        f"then mv -f {part} {quoted}; else rm -f {part}; exit 3; fi",
        timeout_s=HASH_TIMEOUT_S,
    )
    if done.status != 0:
        raise BoardError(
            f"{shell.name}: {path} arrived damaged, or was taken away while it arrived",
            hint="flash again: what is there already is not sent twice; if it stays so, look at the card",
        )


def write_error(shell: Shell, path: str, size: int, words: str) -> EdgepruneError:
    """Why the device did not take all `size` bytes of `path`: no space, or what it said."""
    there = shell.run(f"wc -c <{shlex.quote(path)}.part").out.strip()
    left = size - int(there or 0)
    free = free_bytes(shell, path)
    if free is not None and free < left:
        return BudgetError(
            f"{shell.name} is full: {free} bytes are free where {path} goes, {left} more are needed",
            hint="free some space there, then flash again: what is there already is not sent twice",
        )
    return BoardError(
        f"{shell.name}: cannot write {path}: {words or 'no reason given'}",
        hint="flash again; somebody else may just have finished the same",
    )


def free_bytes(shell: Shell, path: str) -> int | None:
    """Free space of the file system that holds `path` or will; None where the device does not tell."""
    done = shell.run(
        f'p={shlex.quote(path)}; while [ ! -d "$p" ]; do p=$(dirname -- "$p"); done; '
        'LC_ALL=C df -Pk "$p" | tail -n 1'
    )
    match = re.search(r" (\d+) +\d+% ", done.out)
    return 1024 * int(match[1]) if match else None


def digest_of(source: Path, count: int) -> str:
    """SHA-256 of the first `count` bytes of `source`."""
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while count > 0 and (piece := file.read(min(count, 1 << 20))):
            digest.update(piece)
            count -= len(piece)
    return digest.hexdigest()


# --- the runner that is there


def find_health(shell: Shell, wait_s: float = START_WAIT_S) -> list[str]:
    """The addresses of the device's runner; NotFoundError where none says within `wait_s` that it serves."""
    health = shlex.quote(f"{shell.prefix}/state/health.json")
    deadline = time.monotonic() + wait_s
    while not (said := shell.run(f"cat {health}")).out.strip():
        if shell.run(f"test -h {shlex.quote(shell.prefix)}/current").status != 0:
            raise NotFoundError(
                f"nothing is installed on {shell.name}", hint="edgeprune flash BUNDLE puts it there"
            )
        if time.monotonic() > deadline:
            raise NotFoundError(
                f"no runner runs on {shell.name}: {said.err.strip()}",
                hint=f"see {shell.prefix}/state/runner.log there, or flash it again",
            )
        time.sleep(0.5)
    try:
        return [str(address) for address in json.loads(said.out)["listening"]]
    except (ValueError, KeyError, TypeError) as error:
        raise BoardError(f"{shell.name}: {health} is damaged: {said.out[:200]!r}") from error


def runner_port(shell: Shell) -> int:
    """The loopback port of the device's runner."""
    addresses = find_health(shell)
    for address in addresses:
        if address.startswith("tcp:"):
            return int(address.rpartition(":")[2])
    raise NotFoundError(
        f"the runner on {shell.name} listens on {', '.join(addresses)} only",
        hint="flash it with --listen tcp:127.0.0.1:7311, or profile with --port on its serial line",
    )
