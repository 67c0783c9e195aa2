"""Exact counts of the instructions that a program of a virtual Pi executes, between marks that it sets.

A mark is the system call getpriority(MARK, n) with n = 0, 1, 2, …: in Python
`os.getpriority(MARK, n)`, which raises OSError, in C `syscall(SYS_getpriority, MARK, n)`. A plugin of
QEMU's, aarch64/count.c, sees it. Counts are of all threads, and the later mark's system call belongs to
them; the same program with the same input counts the same, if it does not depend on addresses or time.
Instructions are not time: what a Cortex-A72 or A76 needs for them QEMU does not know.
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from edgeprune.artifact import Store, code_hash, default_store
from edgeprune.device.emulator.pi import INSTALL, QEMU_NAMES, find_qemu_user
from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import WARNING_FLAGS
from edgeprune.errors import NotFoundError, ToolError

MARK = 0x45500001
"""What the programs that are counted give getpriority as its first argument."""

_SOURCE = Path(__file__).parent / "aarch64" / "count.c"
_LAST_WORDS = 2000  # characters of a failed program, in the message


def count(
    command: Sequence[str], environment: Mapping[str, str], *, stdin: bytes = b"", timeout_s: float = 600
) -> list[int]:
    """Run `command` in a virtual Pi, and return the instructions between each mark and the next.

    `command` begins with the path of a script of pi.environment, or of what such a script starts: a
    program for arm64 behind `run-aarch64`, or the bin/python of a virtual environment. Raises ToolError
    where it fails, is not done in time or sets marks out of order, NotFoundError where QEMU takes no plugins.
    """
    if find_qemu_user().name != QEMU_NAMES[0]:
        raise NotFoundError(f"{find_qemu_user().name} takes no plugins", hint=INSTALL)
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as temporary:
        marks = Path(temporary) / "marks"
        plugin = f"file={_escaped(_plugin())},out={_escaped(marks)}"
        _run(command, {**environment, "QEMU_PLUGIN": plugin}, stdin, timeout_s)
        lines = marks.read_text(encoding="ascii").splitlines() if marks.exists() else []
    return _differences(lines)


def _differences(lines: Sequence[str]) -> list[int]:
    """Of the plugin's lines: process, n, instructions so far."""
    marks = [tuple(map(int, line.split())) for line in lines]
    if len({process for process, _, _ in marks}) != 1:
        raise ToolError(f"one process must set all marks, these are of {len({m[0] for m in marks})}")
    numbers = [number for _, number, _ in marks]
    if numbers != list(range(len(marks))):
        raise ToolError(f"the marks are {numbers[:20]}, not 0, 1, 2, …")
    return [after - before for (_, _, before), (_, _, after) in pairwise(marks)]


def _run(command: Sequence[str], environment: Mapping[str, str], stdin: bytes, timeout_s: float) -> None:
    try:
        done = subprocess.run(
            command, env=environment, input=stdin, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{command[0]} did not end in {timeout_s:g} s") from error
    if done.returncode:
        words = (done.stderr or done.stdout).decode(errors="replace").strip()[-_LAST_WORDS:]
        raise ToolError(f"{' '.join(command[:4])} ended with status {done.returncode}:\n{words}")


def _plugin() -> Path:
    """The compiled plugin, made where the store has none yet."""

    def make(result: Path, _work: Path) -> None:
        flags = ("-std=c11", "-O2", "-shared", "-fPIC", *WARNING_FLAGS, f"-DEP_MARK={MARK:#x}u")
        ZIG.run((*flags, str(_SOURCE), "-o", "count.so"), result)

    inputs = {"code": code_hash("device/emulator/aarch64", "device/emulator/pi_count.py")}
    return Store(default_store().absolute()).stage("pi-count", inputs, make).folder / "count.so"


def _escaped(path: Path) -> str:
    """As a value in QEMU's lists of options."""
    return os.fspath(path).replace(",", ",,")
