"""The commands that talk to boards, as processes: their JSON, their exit statuses, their files."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.firmware import tiny_bundle, tiny_inputs, tiny_output

from edgeprune.device.board import virtual_board
from edgeprune.device.target import find_target, target_names

ROOT = Path(__file__).parents[2]
LIGHT = ("numpy", "pydantic", "ziglang", "tensorflow", "keras", "h5py", "PIL", "sklearn")
START = "import sys; from edgeprune.cli.main import main; main()"


def edgeprune(*words: object, status: int = 0, code: str = START) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == status, done.stderr
    return done


def asked(*words: object, status: int = 0) -> dict[str, Any]:
    """The one JSON object that a command prints."""
    answer: dict[str, Any] = json.loads(edgeprune(*words, "--json", status=status).stdout)
    return answer


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "bundle", "virtual-m4")


def test_flash_then_profile_in_separate_processes(bundle: Path, tmp_path: Path) -> None:
    assert asked("flash", bundle)["verified"] is True
    log, file = tmp_path / "session.log", tmp_path / "profile.json"
    profile = asked("profile", bundle, "--runs", 1, "--record", log, "--out", file)
    assert profile["parity"] == {"inputs": 4, "mismatches": 0}
    assert json.loads(file.read_text()) == profile
    assert asked("profile", bundle, "--runs", 1) == profile
    assert asked("replay", log, "--bundle", bundle, "--runs", 1) == profile
    lines = asked("replay", log)
    assert lines["whole"] == lines["lines"] > 20
    assert "parity" in edgeprune("profile", bundle, "--runs", 1).stdout


def test_profile_exits_with_what_went_wrong(bundle: Path) -> None:
    assert "nothing was flashed" in edgeprune("profile", bundle, status=5).stderr
    edgeprune("flash", bundle)
    clean = asked("profile", bundle, "--runs", 1)
    silent = edgeprune("profile", bundle, "--inject", "silence-after=300", status=6)
    assert "the board was silent" in silent.stderr
    assert "hint:" in silent.stderr
    assert asked("profile", bundle, "--runs", 1, "--inject", "noise=0.01,seed=5") == clean
    assert "cannot inject" in edgeprune("profile", bundle, "--inject", "nonsense", status=2).stderr
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "parity_outputs.bin").write_bytes(bytes(1200))
    del manifest["files"]["parity_outputs.bin"]
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    assert asked("profile", bundle, "--runs", 1, status=7)["parity"]["mismatches"] == 4


def test_run_puts_arrays_through_the_board(bundle: Path, tmp_path: Path) -> None:
    samples = [tiny_inputs(seed) for seed in range(3)]
    shapes = [(np.uint8, (300,)), (np.int8, (2, 2)), (np.int32, (2,))]
    names = []
    for index, (dtype, shape) in enumerate(shapes):
        array = np.stack([np.frombuffer(sample[index], dtype=dtype).reshape(shape) for sample in samples])
        names += ["--inputs", tmp_path / f"x{index}.npy"]
        np.save(tmp_path / f"x{index}.npy", array)
    edgeprune("flash", bundle)
    asked("run", bundle, *names, "--outputs", tmp_path / "y.npy")
    outputs = np.load(tmp_path / "y.npy")
    assert (outputs.shape, outputs.dtype) == ((3, 10, 30), np.uint8)
    assert [output.tobytes() for output in outputs] == [tiny_output(*sample) for sample in samples]

    np.save(tmp_path / "x0.npy", np.zeros((3, 300), np.float32))
    wrong = edgeprune("run", bundle, *names, "--outputs", tmp_path / "y.npy", status=2)
    assert "float32 of shape (3, 300), the network takes uint8 of shape (N, 300)" in wrong.stderr
    (tmp_path / "x0.npy").write_bytes(b"nonsense")
    assert "cannot read" in edgeprune("run", bundle, *names, "--outputs", "y.npy", status=2).stderr
    assert "3 inputs, got 1" in edgeprune("run", bundle, *names[:2], "--outputs", "y.npy", status=2).stderr


def test_boards_start_list_stop(bundle: Path) -> None:
    started = asked("boards", "start", "virtual-m4")
    try:
        assert started["running"] is True
        assert started["socket"].startswith("socket://127.0.0.1:")
        assert Path(started["pty"]).exists()
        asked("flash", bundle)  # finds the open board
        profile = asked("profile", bundle, "--runs", 1, "--port", started["socket"])
        assert profile["parity"]["mismatches"] == 0
        listed = {board["id"]: board for board in asked("boards", "list")["boards"]}
        assert listed["virtual-m4"]["running"] is True
        assert listed["host"]["running"] is False
    finally:
        asked("boards", "stop", "virtual-m4")
    assert virtual_board(find_target("virtual-m4")).server() is None
    assert "not running" in edgeprune("boards", "stop", "virtual-m4", status=5).stderr
    assert "did you mean 'virtual-m4'" in edgeprune("boards", "start", "virtul-m4", status=2).stderr


def test_targets_and_doctor() -> None:
    names = [target["name"] for target in asked("targets")["targets"]]
    assert names == target_names()
    assert {"host", "virtual-m0plus", "mps3-an547"} <= set(names)
    assert asked("targets", "virtual-m4")["status"] == "emulated"
    report = asked("doctor", "--target", "virtual-m4")
    assert report["targets"]["virtual-m4"] is True
    assert all(check["fix"] for check in report["checks"] if not check["ok"])


def test_doctor_fails_where_the_target_cannot_be_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    failed = edgeprune("doctor", "--target", "mps2-an386", status=5)
    assert "apt-get install qemu-system-arm" in failed.stderr
    assert "unknown target" in edgeprune("doctor", "--target", "nonsense", status=2).stderr


def test_board_commands_run_without_the_heavy_packages(bundle: Path) -> None:
    block = f"import sys; sys.modules.update(dict.fromkeys({LIGHT!r})); "
    edgeprune("flash", bundle, code=block + START)
    edgeprune("profile", bundle, "--runs", 1, code=block + START)
    for words in (["boards"], ["targets"], ["doctor"], ["monitor", "--help"], ["replay", "--help"]):
        edgeprune(*words, code=block + START)
    missing = edgeprune("run", bundle, "--inputs", "x", "--outputs", "y", code=block + START, status=5)
    assert "run needs numpy" in missing.stderr
