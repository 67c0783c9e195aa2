"""How the runner listens: addresses, one session at a time, health, systemd, terminals, its end."""

import contextlib
import itertools
import os
import pty
import signal
import socket
import subprocess
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runner.releases import WAIT_S, Service, command, environment, litert, read_file, read_line

from edgeprune.device import wire
from edgeprune.device.session import Session
from edgeprune.errors import NotFoundError, UsageError
from edgeprune.runner.linux import server as server_module
from edgeprune.runner.linux.notify import Notifier
from edgeprune.runner.linux.release import open_release
from edgeprune.runner.linux.server import Server
from edgeprune.runner.linux.transports import Address

ID = 0x00C0FFEE
IMAGE = bytes(range(72))
IDENTIFY = wire.request(1, "identify", nonce=5)
Serve = Callable[..., Service]


# --- addresses


@pytest.mark.parametrize(
    ("text", "kind", "place", "number", "is_open"),
    [
        ("tcp:127.0.0.1:7311", "tcp", "127.0.0.1", 7311, False),
        ("tcp:localhost:1", "tcp", "localhost", 1, False),
        ("tcp:[::1]:7311", "tcp", "::1", 7311, False),
        ("tcp:0.0.0.0:7311", "tcp", "0.0.0.0", 7311, True),
        ("tcp:[::]:7311", "tcp", "::", 7311, True),
        ("tcp:192.168.1.5:7311", "tcp", "192.168.1.5", 7311, True),
        ("tcp:raspberrypi:7311", "tcp", "raspberrypi", 7311, True),
        ("serial:/dev/serial0", "serial", "/dev/serial0", 115200, False),
        ("serial:/dev/ttyUSB0:921600", "serial", "/dev/ttyUSB0", 921600, False),
        (
            "serial:/dev/serial/by-path/usb-0:1:1.0-port0",
            "serial",
            "/dev/serial/by-path/usb-0:1:1.0-port0",
            115200,
            False,
        ),
    ],
)
def test_addresses_are_read(text: str, kind: str, place: str, number: int, is_open: bool) -> None:
    address = Address.parse(text)
    assert address == Address(kind, place, number)
    assert address.is_open_to_a_network == is_open
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "tcp:", "tcp:7311", "tcp:x:y", "tcp:x:70000", "udp:x:1", "serial:", "7311"]
)
def test_addresses_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot listen on"):
        Address.parse(text)


def refused(release: Path, state: Path, *words: object) -> str:
    """What a runner says that does not start."""
    done = subprocess.run(
        command("serve", "--release", release, "--state", state, *words),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=WAIT_S,
    )
    assert done.returncode in (2, 5), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_network_needs_a_key(tiny_release: Path, tmp_path: Path) -> None:
    said = refused(tiny_release, tmp_path / "state", "--listen", "tcp:0.0.0.0:0")
    assert "tcp:0.0.0.0:0 is open to the network" in said
    assert "--key-file" in said
    assert not (tmp_path / "state").exists()


def test_somewhere_has_to_be_served(tiny_release: Path, tmp_path: Path) -> None:
    assert "nowhere to serve" in refused(tiny_release, tmp_path)


def test_a_port_that_is_taken_is_told(tiny_release: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused(tiny_release, tmp_path, "--listen", f"tcp:127.0.0.1:{taken.getsockname()[1]}")
    assert "Address already in use" in said


def test_two_runners_do_not_share_a_state(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    said = refused(tiny_release, runner.state, "--listen", "tcp:127.0.0.1:0")
    assert f"already: process {runner.process.pid}" in said
    assert Session(runner.connect(), ID).device.target == "linux"


# --- life


def test_health_tells_who_serves_and_goes_at_the_end(service: Serve, tiny_release: Path) -> None:
    before = int(time.time())
    runner = service(tiny_release)
    health = runner.health
    assert health is not None
    assert health["release"] == open_release(tiny_release).id
    assert health["pid"] == runner.process.pid
    assert before <= health["started"] <= time.time()
    assert health["listening"] == [f"tcp:127.0.0.1:{runner.port}"]
    assert runner.port > 0
    assert int((runner.state / "runner.pid").read_text()) == runner.process.pid
    assert runner.stop() == 0
    assert {path.name for path in runner.state.iterdir()} == {"runner.log", "results", "attach.sock"}


def test_what_a_killed_runner_left_is_not_believed(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    first = runner.health
    runner.stop(kill=True)
    assert runner.health == first
    runner.start()
    assert runner.health != first


def test_an_interrupt_ends_it_as_well(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    runner.process.send_signal(signal.SIGINT)
    assert runner.process.wait(WAIT_S) == 0
    assert "ending: SIGINT" in runner.log


def test_a_connection_lives_on_over_a_reset(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    session = Session(runner.connect(), ID)
    session.reset()
    assert list(session.run([IMAGE]).outputs) == litert(tiny_release, [IMAGE])
    with pytest.raises(NotFoundError):
        Session(runner.connect(), ID)  # the session lives on too


class Systemd:
    """The socket that systemd listens on."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(WAIT_S)

    def next(self) -> tuple[float, str]:
        return time.monotonic(), self.socket.recv(100).decode()


@pytest.mark.parametrize("is_abstract", [False, True])
def test_systemd_is_told(service: Serve, tiny_release: Path, tmp_path: Path, is_abstract: bool) -> None:
    name = f"edgeprune-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    systemd = Systemd("\0" + name if is_abstract else name)
    variables = {"NOTIFY_SOCKET": "@" + name if is_abstract else name, "WATCHDOG_USEC": "1000000"}
    runner = service(tiny_release, variables=variables)
    assert systemd.next()[1] == "READY=1"
    heard = [systemd.next() for _ in range(3)]
    assert {text for _, text in heard} == {"WATCHDOG=1"}
    gaps = [after[0] - before[0] for before, after in itertools.pairwise(heard)]
    assert all(0.2 < gap < 1.0 for gap in gaps), gaps  # at half of the time
    Session(runner.connect(), ID).run([IMAGE])
    assert systemd.next()[1] == "WATCHDOG=1"
    runner.process.send_signal(signal.SIGSTOP)  # a process that hangs is not said to be alive
    systemd.socket.settimeout(0.05)
    with contextlib.suppress(TimeoutError):
        while True:
            systemd.next()
    systemd.socket.settimeout(1.5)
    with pytest.raises(TimeoutError):
        systemd.next()
    runner.process.send_signal(signal.SIGCONT)
    systemd.socket.settimeout(WAIT_S)
    runner.stop()
    said = [systemd.next()[1]]
    while said[-1] == "WATCHDOG=1":
        said.append(systemd.next()[1])
    assert said[-1] == "STOPPING=1"


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1000")
    quiet = Notifier()
    quiet.ready()
    quiet.alive()
    assert quiet.wait_s == float("inf")


# --- one session at a time


def test_a_second_client_is_told_who_is_first(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    first = runner.connect()
    session = Session(first, ID)
    with runner.raw() as second:
        for line, number in ((IDENTIFY, 1), (b"rubbish\n", 0), (wire.request(9, "flash"), 9)):
            second.sendall(line)
            said = wire.parse(read_line(second).rstrip(b"\n"))
            assert (said.sequence, said.word("code")) == (number, "busy")
            assert said.number("detail") < WAIT_S
        with pytest.raises(NotFoundError, match="held by another session"):
            Session(runner.connect(), ID + 1)
        assert session.run([IMAGE]).outputs
        first.close()
        time.sleep(0.1)
        second.sendall(IDENTIFY)
        assert wire.parse(read_line(second).rstrip(b"\n")).name == "identify"


def test_noise_does_not_take_the_session(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    with runner.raw() as noise:
        noise.sendall(b"login:\nxyz\n")
        assert wire.parse(read_line(noise).rstrip(b"\n")).word("code") == "bad_line"
        assert Session(runner.connect(), ID).device.target == "linux"


class Pipe:
    """A transport in memory."""

    name = "pipe"

    def __init__(self) -> None:
        self.ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.theirs = theirs
        self.reads = self.writes = theirs.fileno()
        self.ours.settimeout(WAIT_S)

    def receive(self) -> bytes:
        return self.theirs.recv(4096)

    def send(self, data: bytes) -> int:
        try:
            return self.theirs.send(data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        self.theirs.close()


class FakeCommands:
    """Knows `flash`, and what is told to fail."""

    wants_reset = False

    def answer(self, request: wire.Message) -> dict[str, wire.Value]:
        if request.name == "reset_state":
            raise ZeroDivisionError("our own fault")
        return {"length": 1, "crc": 2}


@pytest.fixture
def loop() -> Iterator[Server]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Server(FakeCommands(), Notifier())  # type: ignore[arg-type]
    yield made
    made.close()
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(loop: Server, pipe: Pipe, line: bytes) -> wire.Message:
    pipe.ours.sendall(line)
    loop._turn(0.5)
    loop._turn(0)
    return wire.parse(read_line(pipe.ours).rstrip(b"\n"))


def test_who_has_been_silent_for_long_loses_the_session(
    loop: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Pipe(), Pipe()
    loop.add(first)
    loop.add(second)
    flash = wire.request(1, "flash")
    assert ask(loop, first, flash).name == "flash"
    assert ask(loop, second, flash).word("code") == "busy"
    monkeypatch.setattr(server_module, "IDLE_S", 0.05)
    time.sleep(0.1)
    assert ask(loop, second, flash).name == "flash"
    monkeypatch.setattr(server_module, "IDLE_S", 10.0)
    assert ask(loop, first, flash).word("code") == "busy"


def test_a_fault_of_ours_is_told_and_survived(loop: Server, caplog: pytest.LogCaptureFixture) -> None:
    pipe = Pipe()
    loop.add(pipe)
    said = ask(loop, pipe, wire.request(4, "reset_state"))
    assert (said.sequence, said.word("code")) == (4, "fault")
    assert "our own fault" in caplog.text
    assert ask(loop, pipe, wire.request(5, "flash")).name == "flash"


def test_who_does_not_listen_is_not_read_from_and_holds_up_nobody(loop: Server) -> None:
    deaf, other = Pipe(), Pipe()
    deaf.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    loop.add(deaf)
    loop.add(other)
    deaf.ours.setblocking(False)
    sent = 0
    for _ in range(3000):
        with contextlib.suppress(BlockingIOError):
            sent += deaf.ours.send(b"nonsense\n" * 100)
        loop._turn(0)
    (pending,) = (len(caller.pending) for caller in loop._callers if caller.transport is deaf)
    assert pending < 3 * server_module.PENDING_BYTES < sent + 10**6
    assert ask(loop, other, wire.request(1, "flash")).name == "flash"


# --- serial lines and terminals


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A pty: its master, and the name of the other end."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


class MasterLink:
    """A Link to what is at the other end of a pty."""

    def __init__(self, master: int) -> None:
        self.master = master

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data[:256]) :]

    def read(self, timeout_s: float) -> bytes:
        return read_file(self.master, timeout_s)

    def reset(self) -> None:
        """It cannot."""

    def close(self) -> None:
        """Others use it too."""


def test_a_serial_line_is_served(service: Serve, tiny_release: Path, terminal: tuple[int, str]) -> None:
    master, name = terminal
    runner = service(tiny_release, listen=("tcp:127.0.0.1:0", f"serial:{name}:230400"))
    assert runner.health is not None
    assert runner.health["listening"][1] == f"serial:{name}:230400"
    session = Session(MasterLink(master), ID)
    assert list(session.run([IMAGE]).outputs) == litert(tiny_release, [IMAGE])
    session.reset()
    assert list(session.run([IMAGE]).outputs) == litert(tiny_release, [IMAGE])
    with pytest.raises(NotFoundError):
        Session(runner.connect(), ID + 1)


def test_a_serial_line_that_comes_later_is_served_then(
    service: Serve, tiny_release: Path, terminal: tuple[int, str], tmp_path: Path
) -> None:
    master, name = terminal
    device = tmp_path / "ttyACM0"
    runner = service(tiny_release, listen=("tcp:127.0.0.1:0", f"serial:{device}"))
    assert f"cannot open {device}" in runner.log
    assert runner.health is not None
    assert len(runner.health["listening"]) == 1
    line = runner.connect()
    assert Session(line, ID).device.target == "linux"
    line.close()
    device.symlink_to(name)
    deadline = time.monotonic() + WAIT_S
    while f"listening on serial:{device}" not in runner.log:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert Session(MasterLink(master), ID).device.target == "linux"


def attached(runner: Service) -> tuple[subprocess.Popen[bytes], int]:
    """`attach` on a terminal of its own, and the terminal's master."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        command("attach", "--state", runner.state),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(),
        start_new_session=True,
    )
    os.close(slave)
    return child, master


def test_attach_makes_a_terminal_a_line(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    child, master = attached(runner)
    session = Session(MasterLink(master), ID)
    assert list(session.run([IMAGE]).outputs) == litert(tiny_release, [IMAGE])
    os.write(master, b"\x1d")
    assert child.wait(WAIT_S) == 0
    os.close(master)
    assert Session(runner.connect(), ID + 1).device.target == "linux"  # it has left the session


def test_attach_ends_with_the_runner(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    child, master = attached(runner)
    Session(MasterLink(master), ID)
    runner.stop()
    assert child.wait(WAIT_S) == 0
    os.close(master)


def test_attach_needs_a_runner(tmp_path: Path) -> None:
    done = subprocess.run(
        command("attach", "--state", tmp_path),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=WAIT_S,
    )
    assert done.returncode == 5
    assert f"no runner serves in {tmp_path}" in done.stderr


def test_a_state_folder_may_be_deep(tiny_release: Path, tmp_path: Path) -> None:
    """The address of a Unix socket has 108 bytes; a path may have more."""
    runner = Service(tiny_release, tmp_path / ("d" * 100) / ("e" * 100)).start()
    try:
        child, master = attached(runner)
        assert Session(MasterLink(master), ID).device.target == "linux"
        os.close(master)
        assert child.wait(WAIT_S) is not None
    finally:
        runner.stop(kill=True)
