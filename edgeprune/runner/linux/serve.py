"""`serve` and `check`: puts the runner together, and starts it again on request."""

import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeprune.errors import NotFoundError, UsageError
from edgeprune.runner.linux.attach import SOCKET
from edgeprune.runner.linux.commands import Commands
from edgeprune.runner.linux.cpus import pin
from edgeprune.runner.linux.engine import Engine, wanted_threads
from edgeprune.runner.linux.files import remove_durably, write_durably
from edgeprune.runner.linux.jobs import Jobs
from edgeprune.runner.linux.key import read_key
from edgeprune.runner.linux.notify import Notifier
from edgeprune.runner.linux.operators import Profiler
from edgeprune.runner.linux.release import MODEL, Release, open_release
from edgeprune.runner.linux.results import Results
from edgeprune.runner.linux.server import Caller, Server
from edgeprune.runner.linux.system import System
from edgeprune.runner.linux.transports import Address, Stdio, Stream, listen_tcp, listen_unix

log = logging.getLogger("edgeprune")

HEALTH = "health.json"
PID = "runner.pid"
ADOPT = "EDGEPRUNE_ADOPT"
"""From a process to the one that it becomes by `reset`: the file of the connection that lives on."""


@dataclass(frozen=True)
class Options:
    """How to serve; `state` is None for a runner on standard input and output that keeps nothing."""

    release: Path
    state: Path | None
    is_stdio: bool
    listen: tuple[Address, ...]
    key_file: Path | None


def check(folder: Path) -> float:
    """Verify the release, load the network, run it once; the milliseconds that loading took."""
    open_release(folder)
    engine = _load(folder, pin())
    engine.try_out()
    return engine.load_ms


def serve(options: Options) -> None:
    """Serve until SIGTERM, or, on standard input, until that ends; a reset makes this process anew."""
    for address in options.listen:
        if address.is_open_to_a_network and options.key_file is None:
            raise UsageError(
                f"{address} is open to the network: without a shared key everybody could use the device",
                hint="give --key-file, or listen on tcp:127.0.0.1:7311 and come by SSH",
            )
    key = None if options.key_file is None else read_key(options.key_file)
    signal.signal(signal.SIGTERM, _quit)
    stdio = Stdio() if options.is_stdio else None
    with _state(options.state) as state:
        release = open_release(options.release)
        pinned = pin()
        engine = _load(options.release, pinned)
        engine.try_out()
        system = System(engine, pinned)
        profiler = Profiler(program(), options.release / MODEL, engine.runtime)
        jobs = Jobs(engine, Results(state / "results"), system.document, profiler.look)
        server = Server(Commands(release, engine, system, jobs), Notifier())
        if stdio is not None:
            server.add(stdio, is_all=True)
        listening = _listen(server, options, state, key)
        if options.state is not None:
            _write_health(state, release, listening)
        asked_for_reset = server.run()
        server.close(kept=asked_for_reset)
        is_in_a_job = jobs.busy_s is not None
    if asked_for_reset is not None:
        _start_again(asked_for_reset)
    if is_in_a_job:  # its thread is inside of LiteRT, and must not find Python being taken down
        sys.stderr.flush()
        os._exit(0)


def _quit(_number: int, _frame: object) -> None:
    """Before there is a server that could be told: leave, and clear up on the way."""
    raise SystemExit(0)


def program() -> list[str]:
    """The command that starts this runner, without its arguments."""
    if zipfile.is_zipfile(sys.argv[0]):
        return [sys.executable, "-I", str(Path(sys.argv[0]).absolute())]
    return [sys.executable, "-m", "edgeprune.runner.linux"]


def _load(folder: Path, pinned: Sequence[int] | None) -> Engine:
    cpus = len(pinned) if pinned is not None else os.cpu_count() or 1
    return Engine(folder / MODEL, wanted_threads(cpus))


@contextlib.contextmanager
def _state(folder: Path | None) -> Iterator[Path]:
    """The state folder, held by this process alone; a temporary one where none was given."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="edgeprune-") as temporary:
            yield Path(temporary)
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / PID).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise NotFoundError(
                f"a runner serves in {folder} already: process {file.read().strip() or 'unknown'}",
                hint="stop it first, or choose another --state",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        remove_durably(folder / HEALTH)  # of a process that was killed
        try:
            yield folder
        finally:
            remove_durably(folder / HEALTH)
            remove_durably(folder / PID)


def _listen(server: Server, options: Options, state: Path, key: bytes | None) -> list[str]:
    """Open all ways in; where, as health.json tells it."""
    kept = os.environ.pop(ADOPT, None)
    if kept is not None:
        with contextlib.suppress(OSError, ValueError):  # it may be gone by now
            server.add(Stream(socket.socket(fileno=int(kept)), "kept"))
    if options.state is not None:
        server.listen(listen_unix(state / SOCKET), "attach")
    listening = []
    for address in options.listen:
        if address.kind == "serial":
            listening += [str(address)] if server.open_serial(address) else []
            continue
        listener = listen_tcp(address)
        bound = Address("tcp", address.place, listener.getsockname()[1])
        server.listen(listener, str(bound), key if address.is_open_to_a_network else None)
        log.info("listening on %s", bound)
        listening.append(str(bound))
    return listening


def _write_health(state: Path, release: Release, listening: list[str]) -> None:
    """Tell whoever waits for it that this release serves."""
    health = {
        "release": release.id,
        "pid": os.getpid(),
        "started": int(time.time()),
        "listening": listening,
    }
    write_durably(state / HEALTH, (json.dumps(health) + "\n").encode())


def _start_again(caller: Caller) -> None:
    """Become a new process, as after power on; the line of `caller` stays open."""
    if isinstance(caller.transport, Stream):
        os.environ[ADOPT] = str(caller.transport.keep())
    log.info("starting again")
    sys.stderr.flush()
    os.execv(sys.executable, [*program(), *sys.argv[1:]])
