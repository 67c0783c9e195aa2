"""The fuzzer of the runner's lines for a few cases: it finds nothing, and would find a runner that dies."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.releases import ROOT


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


def test_a_runner_that_dies_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_release: Path
) -> None:
    from edgeprune.device.emulator.process import ChildBoard
    from edgeprune.errors import BoardError
    from tools.fuzz import linux_runner

    class Fragile(ChildBoard):
        """Answers once, then dies of a long line."""

        def __init__(self, release: Path) -> None:
            serve = "python -m edgeprune.runner.linux serve --stdio --release"
            script = f"awk 'length($0) > 3000 {{ exit 3 }} {{ print; fflush() }}' | {serve} {release}"
            super().__init__(["sh", "-c", f"PATH={Path(sys.executable).parent}:$PATH; {script}; exit 3"])

        @property
        def pid(self) -> int:
            return os.getpid()

    monkeypatch.setattr(linux_runner, "Runner", Fragile)
    monkeypatch.setattr(linux_runner, "ANSWER_S", 5.0)
    bursts = linux_runner.Bursts(tiny_release)
    try:
        assert bursts.run(b"nothing much\n") == "bursts survived"
        with pytest.raises((BoardError, linux_runner.Finding)):
            bursts.run(b"x" * 5000 + b"\n")
    finally:
        bursts.close()


def test_bursts_reach_runs_jobs_and_documents() -> None:
    """The generator draws what goes deep, not only what is refused at the door."""
    from tools.fuzz.linux_runner import ZEROS_CRC, burst

    text = b"".join(burst(1, number) for number in range(200))
    for wanted in (b" start token=", b" fetch title=", b" crc=%x " % ZEROS_CRC, b" reset *", b" forget "):
        assert wanted in text
