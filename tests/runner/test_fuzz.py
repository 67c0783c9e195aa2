"""The fuzzer of the runner's lines for a few cases: it finds nothing, and would find a runner that dies."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from runner.releases import ROOT

from edgeprune.device.emulator.process import ChildBoard
from edgeprune.errors import BoardError
from tools.fuzz import linux_runner


def fuzz(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the fuzzer."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.fuzz.linux_runner", "--save", str(tmp_path), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def test_garbage_is_survived(tmp_path: Path) -> None:
    status, report = fuzz(tmp_path, "--bursts", "60", "--seed", "4")
    assert (status, report["finding_count"]) == (0, 0), report["findings"]
    assert report["counts"] == {"bursts survived": 60}


FRAGILE = """
import sys
from edgeprune.device import wire
for line in sys.stdin.buffer:
    if len(line) > 3000:
        sys.exit(3)
    try:
        asked = wire.parse(line.rstrip(b"\\n"))
    except wire.WireError:
        continue
    values = {"nonce": asked.number("nonce"), "protocol": 3, "runner": "x", "build": "x", "target": "x"}
    sys.stdout.buffer.write(wire.encode(wire.Message("<", asked.sequence, "identify", values)))
    sys.stdout.buffer.flush()
"""


def test_a_runner_that_dies_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fragile(ChildBoard):
        """Answers identify, and dies of a long line."""

        def __init__(self, _release: Path) -> None:
            super().__init__([sys.executable, "-c", FRAGILE])

        @property
        def pid(self) -> int:
            return self._child.pid

    monkeypatch.setattr(linux_runner, "Runner", Fragile)
    bursts = linux_runner.Bursts(tmp_path)
    try:
        assert bursts.run(b"nothing much\n") == "bursts survived"
        with pytest.raises(BoardError, match="status 3"):
            bursts.run(b"x" * 5000 + b"\n")
    finally:
        bursts.close()


def test_bursts_reach_runs_jobs_and_documents() -> None:
    """The generator draws what goes deep, not only what is refused at the door."""
    text = b"".join(linux_runner.burst(1, number) for number in range(200))
    for wanted in (
        b" start token=",
        b" fetch title=",
        b" crc=%x " % linux_runner.ZEROS_CRC,
        b" reset *",
        b" forget ",
    ):
        assert wanted in text
