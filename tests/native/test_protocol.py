"""The native runner speaks the protocol: over pipes, TCP, a serial line and a console."""

import json
import os
import pty
import select
import shutil
import socket
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from native.conftest import HASH, Service, expected, inputs_of, network, raw

from edgeprune import __version__
from edgeprune.artifact import sha256_file
from edgeprune.device import wire
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.link import Damaged, Injection, SerialLink
from edgeprune.device.native import Native
from edgeprune.device.session import Session
from edgeprune.errors import BoardError, NotFoundError

Serve = Callable[..., Service]


def test_a_session_over_pipes(board: ChildBoard) -> None:
    graph = network()
    session = Session(board, 5)
    device = session.device
    assert (device.target, device.build, device.model_hash) == ("linux", __version__, HASH[:16])
    assert (device.has_nanoseconds, device.has_instructions, device.has_cycles) == (True, False, False)
    assert (device.has_documents, device.has_jobs) == (True, False)
    assert device.chunk_bytes == wire.LINUX_CHUNK_BYTES
    for seed in range(3):
        inputs = inputs_of(graph, seed)
        result = session.run(raw(inputs), measure=seed > 0)
        assert result.outputs == expected(graph, inputs)
        assert (result.total.nanoseconds is None) == (seed == 0)


def test_time_of_layers_adds_up(board: ChildBoard, native: Native) -> None:
    session = Session(board, 5)
    runs = [session.run(raw(inputs_of(network(), 1)), measure=True) for _ in range(20)]
    totals = [run.total.nanoseconds or 0 for run in runs]
    layers = [[layer.nanoseconds or 0 for layer in run.layers] for run in runs]
    assert min(totals) > 0
    assert len(layers[0]) == session.device.layers == 3
    assert max(map(max, zip(*layers, strict=True))) > 0
    # The convolution has 100 times the work of the others together.
    (convolution,) = (layer.index for layer in native.layers if layer.op == "CONV_2D")
    assert sorted(each[convolution] / max(1, sum(each)) for each in layers)[10] > 0.8
    shares = sorted(sum(each) / total for each, total in zip(layers, totals, strict=True))
    assert 0.5 < shares[10] < 1.5


def test_a_noisy_line_gives_right_bytes_or_an_error(native: Native) -> None:
    graph = network()
    right = 0
    for seed in range(6):
        child = ChildBoard([str(native.elf), "serve", "--stdio"])
        try:
            session = Session(Damaged(child, Injection(noise=0.0005, seed=seed)), seed)
            inputs = inputs_of(graph, seed)
            assert session.run(raw(inputs)).outputs == expected(graph, inputs)
            right += 1
        except BoardError as error:
            assert "status" not in error.message
        finally:
            child.close()
    assert right >= 3


def test_reset_begins_anew_on_the_same_line(board: ChildBoard) -> None:
    session = Session(board, 5)
    inputs = inputs_of(network(), 1)
    session.run(raw(inputs))
    session.reset()
    with pytest.raises(BoardError, match="bad_token"):
        session._ask_or_fail("layer", token=6, index=0)
    assert session.run(raw(inputs)).outputs == expected(network(), inputs)


def test_the_content_is_that_of_the_program_alone(board: ChildBoard, native: Native) -> None:
    data = native.elf.read_bytes()
    session = Session(board, 5)
    assert session.flash_content() == (len(data), zlib.crc32(data))
    memory = session.memory()
    assert memory.arena_bytes == native.plan.arena_bytes
    assert memory.arena_bytes < memory.ram_bytes < 1 << 20
    assert memory.flash_bytes == len(data)


def release(native: Native, folder: Path) -> tuple[int, int, str]:
    """Make `folder` a release; length and CRC-32 of its content, and its id."""
    folder.mkdir()
    shutil.copy(native.elf, folder)
    (folder / "install.sh").write_text("#!/bin/sh\n")
    (folder / "wheels").mkdir()
    (folder / "wheels" / "a.whl").write_bytes(bytes(5000))
    names = sorted(["runner", "install.sh", "wheels/a.whl"])
    (folder / "SHA256SUMS").write_text("".join(f"{sha256_file(folder / name)}  {name}\n" for name in names))
    data = b"".join((folder / name).read_bytes() for name in [*names, "SHA256SUMS"])
    return len(data), zlib.crc32(data), sha256_file(folder / "SHA256SUMS")[:12]


def test_the_content_is_that_of_the_release(native: Native, serve: Serve, tmp_path: Path) -> None:
    length, crc, number = release(native, tmp_path / "release")
    service = serve(program=tmp_path / "release" / "runner")
    assert service.health["release"] == number
    session = service.session()
    assert session.flash_content() == (length, crc)
    with (tmp_path / "release" / "install.sh").open("a") as file:
        file.write("# changed\n")
    found = session.flash_content()  # as it is now, not as it was
    assert found[0] == length + len("# changed\n") and found[1] != crc


def test_health_and_pid_come_and_go(serve: Serve) -> None:
    before = int(time.time())
    service = serve()
    health = service.health
    assert health.keys() == {"release", "pid", "started", "listening"}
    assert (health["release"], health["pid"]) == (None, service.process.pid)
    assert before <= health["started"] <= time.time()
    assert (service.state / "runner.pid").read_text() == f"{service.process.pid}\n"
    assert service.stop() == 0
    assert list(service.state.iterdir()) == []


def test_one_runner_for_a_state_folder(native: Native, serve: Serve) -> None:
    service = serve()
    command = [str(native.elf), "serve", "--state", str(service.state), "--listen", "tcp:127.0.0.1:0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert "another runner" in second.stderr
    assert service.session().device.layers == 3
    service.process.kill()
    service.process.wait(10)
    assert service.health["pid"] == service.process.pid  # it could not tell any more
    third = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 20
        while not is_healthy(service.state, third.pid):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        third.terminate()
        assert third.wait(10) == 0


def is_healthy(state: Path, pid: int) -> bool:
    path = state / "health.json"
    return path.exists() and json.loads(path.read_text())["pid"] == pid


def test_a_second_session_is_told_to_wait(serve: Serve) -> None:
    service = serve()
    first = service.session(1)
    late = service.line()
    late.write(b"\n\r\n")
    assert late.read(0.2) == b""  # empty lines are no request
    late.write(b"garb")
    late.write(b"age\n" + wire.request(9, "model"))
    told = [wire.parse(line) for line in read_lines(late, 2)]
    assert [(nak.mark, nak.word("code")) for nak in told] == [("!", "busy")] * 2
    assert 0 <= told[0].number("detail") < 60
    with pytest.raises(NotFoundError, match="held by another session"):
        service.session(2)
    assert first.flash_content()[0] > 0
    service.lines[0].close()
    late.write(wire.request(10, "model"))  # without a word more, the session is free
    assert wire.parse(read_lines(late, 1)[0]).word("hash") == HASH[:16]


def read_lines(link: SerialLink, count: int) -> list[bytes]:
    heard = b""
    deadline = time.monotonic() + 10
    while heard.count(b"\n") < count:
        assert time.monotonic() < deadline, heard
        heard += link.read(0.1)
    return heard.splitlines()


def test_half_a_line_does_not_reach_the_next_session(serve: Serve) -> None:
    service = serve()
    line = service.line()
    line.write(b"\n>0001 identify nonce=7")
    time.sleep(0.2)
    line.close()
    later = service.line()
    later.write(wire.request(2, "identify", nonce=9))
    assert wire.parse(read_lines(later, 1)[0]).number("nonce") == 9


@pytest.mark.parametrize(
    "address", ["0.0.0.0:0", "192.168.1.7:7311", "example.org:80", "127.0.0.1:70000", "x"]
)
def test_other_computers_are_kept_out(native: Native, tmp_path: Path, address: str) -> None:
    command = [str(native.elf), "serve", "--state", str(tmp_path / "state"), "--listen", f"tcp:{address}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert f"tcp:{address} is refused" in done.stderr
    assert "hint:" in done.stderr
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("serve --state S --listen tcp:127.0.0.1:0 --key-file K", "no shared key"),
        ("serve --stdio --state S", "--stdio, or --state"),
        ("serve", "--stdio, or --state"),
        ("serve --state", "value is missing"),
        ("serve --state S --listen udp:1", "cannot listen on udp:1"),
        ("serve --state S --listen serial:/dev/null:123", "usual speed"),
        ("attach", "attach takes --state"),
        ("attach --state /nowhere", "cannot reach"),
        ("bench 0", "1 to 1000000"),
        ("fly", "serve, check, attach or bench?"),
        ("", "serve, check, attach or bench?"),
    ],
)
def test_what_cannot_be_done_is_said(native: Native, tmp_path: Path, words: str, message: str) -> None:
    done = subprocess.run(
        [str(native.elf), *words.split()], cwd=tmp_path, capture_output=True, text=True, timeout=20
    )
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert done.stdout == ""


def test_a_serial_line(serve: Serve) -> None:
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    service = serve(f"serial:{name}:57600", "serial:/dev/nowhere-at-all")
    assert service.health["listening"][1:] == [f"serial:{name}:57600"]
    os.write(ours, wire.request(3, "identify", nonce=77))
    heard = b""
    while not heard.endswith(b"\n"):
        assert select.select([ours], [], [], 10)[0]
        heard += os.read(ours, 4096)
    assert wire.parse(heard.rstrip(b"\n")).number("nonce") == 77  # and no echo
    with pytest.raises(NotFoundError, match="held by another session"):
        service.session(2)


def test_attach_is_a_line_to_the_service(native: Native, serve: Serve) -> None:
    service = serve()
    console = subprocess.Popen(
        [str(native.elf), "attach", "--state", str(service.state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert console.stdin is not None and console.stdout is not None
    console.stdin.write(wire.request(3, "identify", nonce=78))
    console.stdin.flush()
    assert wire.parse(console.stdout.readline().rstrip(b"\n")).number("nonce") == 78
    console.stdin.write(b"\x1d")
    console.stdin.flush()
    assert console.wait(10) == 0
    assert service.session(2).device.layers == 3


def test_systemd_is_told(serve: Serve, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(10)
        service = serve(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert ear.recv(100) == b"READY=1"
        assert ear.recv(100) == b"WATCHDOG=1"
        service.stop()
        words = [ear.recv(100)]
        while words[-1] != b"STOPPING=1":
            words.append(ear.recv(100))


def test_check_and_bench(native: Native) -> None:
    checked = subprocess.run([str(native.elf), "check"], capture_output=True, text=True, timeout=20)
    assert (checked.returncode, checked.stderr) == (0, "")
    answer = json.loads(checked.stdout)
    assert answer["ok"] is True and 0 <= answer["load_ms"] < 1000
    bench = subprocess.run([str(native.elf), "bench", "21"], capture_output=True, text=True, timeout=20)
    found = json.loads(bench.stdout)
    assert found["runs"] == 21 and 1000 < found["median_ns"] < 10**9


def test_the_document_of_the_system(board: ChildBoard) -> None:
    session = Session(board, 5)
    system = session.document("system")
    assert list(system) == [
        *("machine", "os", "kernel", "libc", "python", "emulated", "cpu", "board", "runtime"),
        *("model_load_ms", "pinned", "governor", "frequency_hz", "frequency_max_hz", "throttled"),
        *("temperature_c", "rss_bytes", "rss_peak_bytes", "uptime_s", "load_1min"),
    ]
    assert system["runtime"] == {"name": "native", "version": __version__, "threads": 1, "delegate": None}
    assert (system["machine"], system["kernel"]) == (os.uname().machine, os.uname().release)
    assert system["cpu"]["cores"] == Path("/proc/cpuinfo").read_text().count("processor\t")
    assert (system["emulated"], system["libc"], system["python"]) == (False, None, None)
    assert 10_000 < system["rss_bytes"] <= system["rss_peak_bytes"] < 10_000_000
    assert abs(system["uptime_s"] - float(Path("/proc/uptime").read_text().split()[0])) < 60
    with pytest.raises(BoardError, match="no_document"):
        session.document("job-00000001")


def test_what_microcontrollers_lack_is_not_promised(board: ChildBoard) -> None:
    session = Session(board, 5)
    for name, values in (("progress", {"token": 1}), ("forget", {"token": 1})):
        with pytest.raises(BoardError, match="bad_command"):
            session._ask_or_fail(name, **values)
    with pytest.raises(BoardError, match="no_document"):
        session._ask_or_fail("fetch", title="system", offset=0, length=1)
    session.document("system")
    with pytest.raises(BoardError, match="bad_offset"):
        session._ask_or_fail("fetch", title="system", offset=1 << 20, length=1)
