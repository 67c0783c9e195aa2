"""The whole runner on a pipe, asked by the host's Session: outputs are LiteRT's own."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from runner.releases import HASH, StdioRunner, command, environment, litert

from edgeprune import __version__
from edgeprune.device import wire
from edgeprune.device.link import Damaged, Injection
from edgeprune.device.session import Counts, Session
from edgeprune.device.wire import Kind
from edgeprune.errors import BoardError
from edgeprune.runner.linux.release import MODEL, SUMS, open_release

ID = 0x12345678
Start = Callable[..., StdioRunner]


def inputs_of(session: Session, seed: int) -> list[bytes]:
    """Random bytes for each input."""
    draw = random.Random(seed)
    return [draw.randbytes(size) for size in session.device.input_bytes]


def test_it_introduces_itself(stdio: Start, sum_release: Path) -> None:
    device = Session(stdio(sum_release), ID).device
    assert (device.target, device.build, device.model_hash) == ("linux", __version__, HASH)
    assert (device.input_bytes, device.output_bytes) == ((1600, 1600), (1600,))
    assert (device.layers, device.state_bytes, device.chunk_bytes) == (0, 0, 1024)
    assert (device.has_instructions, device.has_cycles, device.has_nanoseconds) == (False, False, True)
    assert (device.has_documents, device.has_jobs) == (True, True)


@pytest.mark.parametrize("release", ["tiny_release", "sum_release"])
def test_outputs_are_those_of_litert(stdio: Start, release: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(release)
    session = Session(stdio(folder), ID)
    seen = set()
    for seed in range(5):
        inputs = inputs_of(session, seed)
        result = session.run(inputs)
        assert list(result.outputs) == litert(folder, inputs)
        assert result.total == Counts(None, None, None)
        seen.add(result.outputs)
    assert len(seen) > 1


def test_a_measured_run_has_its_nanoseconds(stdio: Start, tiny_release: Path) -> None:
    session = Session(stdio(tiny_release), ID)
    total = session.run(inputs_of(session, 1), measure=True).total
    assert total.nanoseconds is not None
    assert 100 < total.nanoseconds < 1e9


@pytest.mark.parametrize("seed", range(3))
def test_noise_changes_nothing(stdio: Start, sum_release: Path, seed: int) -> None:
    session = Session(Damaged(stdio(sum_release), Injection(noise=0.002, seed=seed)), ID)
    inputs = inputs_of(session, seed)
    assert list(session.run(inputs).outputs) == litert(sum_release, inputs)


def test_after_heavy_noise_the_runner_is_as_before(stdio: Start, sum_release: Path) -> None:
    runner = stdio(sum_release)
    inputs = inputs_of(Session(runner, ID), 7)
    damaged = Damaged(runner, Injection(noise=0.3, seed=1))
    for number in range(200):
        damaged.write(wire.request(number, "load", input=0, offset=number, data=bytes(100)))
    assert list(Session(runner, ID + 2).run(inputs).outputs) == litert(sum_release, inputs)


def test_a_repeated_run_is_answered_but_not_run_again(stdio: Start, state_release: Path) -> None:
    runner = stdio(state_release)
    session = Session(runner, ID)
    session.reset_state()
    first = session.run([bytes(4)]).outputs
    line = wire.request(0xF000, "run", token=ID + 1, crc=0, measure=0)
    runner.write(line + line)
    said = b""
    while said.count(b"\n") < 2:
        said += runner.read(5)
    replies = [wire.parse(each) for each in said.splitlines()]
    assert [reply.number("age") for reply in replies] == [1, 1]
    session.reset_state()
    assert session.run([bytes(4)]).outputs == first


def test_state_lasts_until_it_is_reset_and_a_job_counts(stdio: Start, state_release: Path) -> None:
    session = Session(stdio(state_release), ID)
    assert session.device.state_bytes == 4
    session.reset_state()
    first = [session.run([bytes(4)]).outputs for _ in range(3)]
    assert len(set(first)) == 3
    session.reset_state()
    assert [session.run([bytes(4)]).outputs for _ in range(3)] == first
    session.start_job(1, [bytes(4)], 5, 2)
    while session.job_progress(1)[0] == "running":
        pass
    with pytest.raises(BoardError, match="counts 11 runs since the state was reset, there were 4"):
        session.run([bytes(4)])


def test_flash_is_the_release_and_memory_the_process(stdio: Start, tiny_release: Path) -> None:
    session = Session(stdio(tiny_release), ID)
    content = open_release(tiny_release).content
    assert session.flash_content() == (content.length_bytes, content.crc32)
    files = [MODEL, "release.json", SUMS]
    assert content.length_bytes == sum((tiny_release / name).stat().st_size for name in files)
    memory = session.memory()
    assert memory.flash_bytes == content.length_bytes
    assert (memory.arena_bytes, memory.stack_bytes, memory.stack_peak_bytes) == (0, 0, 0)
    assert 10_000_000 < memory.ram_bytes < 2_000_000_000


def test_reset_makes_the_process_anew(stdio: Start, state_release: Path) -> None:
    runner = stdio(state_release)
    session = Session(runner, ID)
    session.reset_state()
    first = session.run([bytes(4)]).outputs
    session.run([bytes(4)])
    before = runner._child.pid
    session.reset()
    assert runner._child.pid == before  # the same process, with another program in it
    assert session.run([bytes(4)]).outputs == first


def test_documents_come_in_pieces_and_repeat(stdio: Start, tiny_release: Path) -> None:
    runner = stdio(tiny_release)
    session = Session(runner, ID)
    system = session.document("system")
    assert system["runtime"]["name"] == "litert"
    assert system["runtime"]["threads"] == 1
    assert len(json.dumps(system)) > 500
    line = wire.request(0xF000, "document", title="system")
    runner.write(line + line)  # its answer got lost, and came after all: both must tell of one document
    said = b""
    while said.count(b"\n") < 2:
        said += runner.read(5)
    assert len(set(said.splitlines())) == 1
    with pytest.raises(BoardError, match="no_document"):
        session.document("weather")
    with pytest.raises(BoardError, match="no_document"):
        session.document("job-00000001")


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("load", {"input": 2, "offset": 0, "data": b"x"}, "bad_index"),
        ("load", {"input": 1, "offset": 1600, "data": b"x"}, "bad_offset"),
        ("load", {"input": 1, "offset": 2**32 - 1, "data": b"x"}, "bad_offset"),
        ("output", {"index": 1}, "bad_index"),
        ("read", {"token": 5, "output": 0, "offset": 0, "length": 1}, "bad_token"),
        ("layer", {"token": 5, "index": 0}, "bad_token"),
        ("run", {"token": 5, "crc": 1, "measure": 0}, "bad_input"),
        ("start", {"token": 5, "crc": 0x2144DF1C, "runs": 0, "warm_up": 0}, "bad_field"),
        ("start", {"token": 5, "crc": 0x2144DF1C, "runs": 2**31, "warm_up": 0}, "bad_field"),
        ("start", {"token": 5, "crc": 1, "runs": 1, "warm_up": 0}, "bad_input"),
        ("fetch", {"title": "system", "offset": 0, "length": 1}, "no_document"),
        ("document", {"title": "job-0000000G"}, "no_document"),
    ],
)
def test_what_cannot_be_done_is_refused(
    stdio: Start, sum_release: Path, name: str, values: dict[str, wire.Value], code: str
) -> None:
    runner = stdio(sum_release)
    runner.write(wire.request(7, name, **values))
    said = wire.parse(runner.read(10).rstrip(b"\n"))
    assert (said.mark, said.sequence, said.word("code")) == ("!", 7, code)


def test_pieces_of_outputs_and_documents_are_bounded(stdio: Start, sum_release: Path) -> None:
    runner = stdio(sum_release)
    session = Session(runner, ID)
    session.run([bytes(1600), bytes(1600)])
    session.document("system")
    for length, offset in ((0, 0), (1025, 0), (1, 1 << 30), (1024, 1000)):
        for line in (
            wire.request(1, "read", token=ID + 1, output=0, offset=offset, length=length),
            wire.request(2, "fetch", title="system", offset=offset, length=length),
        ):
            runner.write(line)
            assert wire.parse(runner.read(10).rstrip(b"\n")).word("code") == "bad_offset"


def test_every_command_has_a_handler(stdio: Start, tiny_release: Path) -> None:
    runner = stdio(tiny_release)
    zeros = {Kind.U32: 0, Kind.U64: 0, Kind.WORD: "x", Kind.BYTES: b"x"}
    for number, each in enumerate(wire.COMMANDS, 1):
        runner.write(
            wire.request(number, each.name, **{field.name: zeros[field.kind] for field in each.request})
        )
        said = wire.parse(runner.read(10).rstrip(b"\n"))
        assert said.sequence == number
        assert said.mark == "<" or said.word("code") not in ("bad_command", "fault", "bad_line"), each.name


def test_standard_output_is_the_protocols_alone(tiny_release: Path) -> None:
    """LiteRT and whatever else prints must not get between the lines; the end of input ends the runner."""
    done = subprocess.run(
        command("serve", "--stdio", "--release", tiny_release),
        input=wire.request(1, "identify", nonce=5),
        capture_output=True,
        env=environment(),
        timeout=60,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    assert wire.parse(line).number("nonce") == 5
    assert b"XNNPACK" in done.stderr


def test_what_others_print_goes_to_standard_error() -> None:
    script = """
import os
from edgeprune.runner.linux.transports import Stdio
line = Stdio()
print("from Python", flush=True)
os.system("echo from a child")
line.send(b"ours")
line.close()
print(" and back", flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("ours and back\n", "from Python\nfrom a child\n")


def test_check_says_how_long_loading_took(tiny_release: Path) -> None:
    done = subprocess.run(
        command("check", "--release", tiny_release), capture_output=True, env=environment(), timeout=60
    )
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"]) == (0, True)
    assert 0 < said["load_ms"] < 60_000


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / MODEL).write_bytes(b"x" * 100), "model.tflite is damaged"),
        (lambda folder: (folder / MODEL).unlink(), "model.tflite cannot be read"),
        (lambda folder: (folder / SUMS).unlink(), "is no release"),
    ],
)
def test_check_refuses_a_damaged_release(
    tmp_path: Path, tiny_release: Path, damage: Callable[[Path], object], reason: str
) -> None:
    for path in tiny_release.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    damage(tmp_path)
    done = subprocess.run(
        command("check", "--release", tmp_path), capture_output=True, text=True, env=environment(), timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
    assert "hint: install the release again" in done.stderr


def test_a_model_that_litert_refuses_is_told(tmp_path: Path, tiny_release: Path) -> None:
    from edgeprune.runner.linux.release import sums_of

    (tmp_path / MODEL).write_bytes(b"no model at all, but its sum is right")
    (tmp_path / "release.json").write_bytes((tiny_release / "release.json").read_bytes())
    (tmp_path / SUMS).write_bytes(sums_of(tmp_path, [MODEL, "release.json"]))
    done = subprocess.run(
        command("check", "--release", tmp_path), capture_output=True, text=True, env=environment(), timeout=60
    )
    assert done.returncode == 1
    assert "LiteRT refuses model.tflite" in done.stderr


@pytest.mark.parametrize("threads", ["0", "x", "-1", "1000"])
def test_threads_are_read_strictly(tiny_release: Path, threads: str) -> None:
    done = subprocess.run(
        command("check", "--release", tiny_release),
        capture_output=True,
        text=True,
        env=environment(EDGEPRUNE_THREADS=threads),
        timeout=60,
    )
    assert done.returncode == 1
    assert f"EDGEPRUNE_THREADS is '{threads}'" in done.stderr


def test_threads_follow_the_cpus(stdio: Start, tiny_release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEPRUNE_THREADS")
    first = min(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [first])
    try:
        system = Session(stdio(tiny_release), ID).document("system")
    finally:
        os.sched_setaffinity(0, before)
    assert system["pinned"] == [first]
    assert system["runtime"]["threads"] == 1
