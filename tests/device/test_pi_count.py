"""Exact instruction counts in the virtual Pi: of loops whose length is known, of threads, of Python."""

import re
from importlib import resources
from pathlib import Path

import pytest
from support.pi import VirtualPi, virtual_pi

from edgeprune.device.emulator.pi_count import MARK, count
from edgeprune.device.target import find_target
from edgeprune.device.toolchain import ZIG
from edgeprune.errors import NotFoundError, ToolError
from tools.bench.__main__ import MLPERF
from tools.bench.aarch64 import count_litert

MARK_INSTRUCTIONS = 5
"""Of the macro `mark`."""
START = f"""
.macro mark n
    mov x8, #141
    movz w0, #{MARK & 0xFFFF:#x}
    movk w0, #{MARK >> 16:#x}, lsl #16
    mov x1, #\\n
    svc #0
.endm
.macro leave status
    mov x8, #94
    mov x0, #\\status
    svc #0
.endm
    .globl _start
_start:
"""
LOOPS = """
    mark 0
    mark 1
    mov x2, #1000
1:  subs x2, x2, #1
    b.ne 1b
    mark 2
    mov x2, #10
2:  mov x3, #7
3:  subs x3, x3, #1
    b.ne 3b
    subs x2, x2, #1
    b.ne 2b
    mark 3
    leave 0
"""
# A second thread counts to 100000 between the marks of the first, which waits until it is gone.
THREADS = """
    mark 0
    mov x8, #220            // clone(CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM | CHILD_CLEARTID …)
    ldr w0, =0x00250f00
    adr x1, stack_end
    mov x2, #0
    mov x3, #0
    adr x4, alive
    svc #0
    cbz x0, second
    adr x2, alive
1:  mov x8, #124            // sched_yield
    svc #0
    ldar w3, [x2]
    cbnz w3, 1b
    mark 1
    leave 0
second:
    ldr w2, =100000
2:  subs w2, w2, #1
    b.ne 2b
    mov x8, #93             // exit of this thread: the kernel clears `alive`
    mov x0, #0
    svc #0
    .section .data
    .balign 16
alive: .word 1
    .balign 16
    .skip 65536
stack_end:
"""
PYTHON = f"""
import os
def mark(n):
    try:
        os.getpriority({MARK}, n)
    except OSError:
        pass
def work(n):
    for _ in range(n):
        pass
for n in range(4):
    mark(n)
    work((0, 10000, 20000, 0)[n])
"""


@pytest.fixture
def pi(tmp_path: Path) -> VirtualPi:
    return virtual_pi(tmp_path / "pi", "rpi4")


def program(folder: Path, text: str) -> Path:
    """The static program of assembly `text`, without any library."""
    (folder / "program.S").write_text(START + text)
    flags = ("-target", "aarch64-linux-musl", "-nostdlib", "-static", "-Wl,-e,_start")
    ZIG.run((*flags, "program.S", "-o", "program"), folder)
    return folder / "program"


def counted(pi: VirtualPi, *command: object) -> list[int]:
    return count([pi.environment["EDGEPRUNE_EXEC"], *map(str, command)], pi.environment)


@pytest.mark.parametrize("target", ["rpi3", "rpi4", "rpi5"])
def test_loops_of_known_length(tmp_path: Path, target: str) -> None:
    pi = virtual_pi(tmp_path / "a, b", target)
    counts = counted(pi, program(tmp_path, LOOPS))
    assert counts == [
        MARK_INSTRUCTIONS,
        1 + 2 * 1000 + MARK_INSTRUCTIONS,
        1 + 10 * (1 + 2 * 7 + 2) + MARK_INSTRUCTIONS,
    ]
    assert counted(pi, tmp_path / "program") == counts


def test_instructions_of_all_threads(tmp_path: Path, pi: VirtualPi) -> None:
    """The other thread's are among them; how often the first one looked is not known."""
    (counts,) = counted(pi, program(tmp_path, THREADS))
    second = 2 + 2 * 100000 + 3
    first = 7 + 1 + 1 + MARK_INSTRUCTIONS
    looks, rest = divmod(counts - first - second, 4)
    assert rest == 0
    assert looks >= 1


def test_python_counts_the_same_twice(pi: VirtualPi) -> None:
    command = [str(pi.folder / "bin" / "python3"), "-I", "-S", "-c", PYTHON]
    environment = {**pi.environment, "PYTHONHASHSEED": "0"}
    nothing, ten, twenty = count(command, environment)
    assert nothing < ten < twenty
    assert 10 <= (twenty - ten) / 10000 <= 500  # instructions for one turn of an empty loop
    again = count(command, environment)
    assert [abs(a - b) <= 200 for a, b in zip((nothing, ten, twenty), again, strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mark 0\nmark 2\nleave 0", r"the marks are \[0, 2\]"),
        ("leave 0", "one process must set all marks, these are of 0"),
        ("mark 0\nleave 3", "ended with status 3"),
        ("1: b 1b", "did not end in 1 s"),
    ],
)
def test_a_count_that_cannot_be_right_is_refused(
    tmp_path: Path, pi: VirtualPi, text: str, words: str
) -> None:
    command = [pi.environment["EDGEPRUNE_EXEC"], str(program(tmp_path, text + "\n"))]
    with pytest.raises(ToolError, match=words):
        count(command, pi.environment, timeout_s=1)


def test_a_qemu_without_plugins_is_refused(
    tmp_path: Path, pi: VirtualPi, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "qemu-aarch64-static").write_text("#!/bin/sh\n")
    (tmp_path / "qemu-aarch64-static").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFoundError, match=re.escape("qemu-aarch64-static takes no plugins")):
        counted(pi, "program")


def test_the_native_runner_sets_these_marks() -> None:
    header = resources.files("edgeprune.runner") / "native" / "ep_trial.h"
    found = re.search(r"#define EP_TRIAL_MARK (\w+)", header.read_text())
    assert found and int(found[1], 16) == MARK


@pytest.mark.slow
def test_litert_needs_fewer_instructions_with_sdot(tmp_path: Path, shared_data: Path) -> None:
    """8 products and sums an instruction on the A72, 16 on the A76; kws does 2.66 million."""
    model = shared_data / MLPERF["kws"]
    counts = {}
    for target in ("rpi4", "rpi5"):
        virtual_pi(tmp_path / target, target)  # skips where it cannot be made
        first, second = count_litert(model, find_target(target), tmp_path / target, 2)
        assert abs(first - second) < 10_000  # Python's own
        counts[target] = second
    macs = 2_656_768
    assert macs / 16 < counts["rpi5"] < counts["rpi4"] / 2
    assert macs / 8 < counts["rpi4"] < macs
