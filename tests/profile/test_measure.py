"""A Profile: exactly the promised fields, right numbers, null where the board cannot tell."""

import json
from pathlib import Path

import pytest
from support.firmware import tiny_bundle, tiny_firmware
from support.tools import require_tool

from edgeprune.artifact import Bundle, sha256_file
from edgeprune.device.board import virtual_board
from edgeprune.device.flash import flash
from edgeprune.device.link import Injection
from edgeprune.device.session import Counts, RunResult
from edgeprune.device.target import find_target
from edgeprune.errors import BoardError, ModelError
from edgeprune.profile.measure import Latency, Profile, latency, median_run, profile

FIELDS = {
    "target": None,
    "board": None,
    "evidence": None,
    "clock_hz": None,
    "runs": None,
    "latency_us": {"min", "median", "p95", "max"},
    "instructions": None,
    "cycles": None,
    "layers": {"index", "name", "op", "macs", "instructions", "cycles", "latency_us"},
    "memory": {"arena_bytes", "stack_peak_bytes", "ram_peak_bytes", "flash_bytes"},
    "parity": {"inputs", "mismatches"},
    "output_crc32": None,
}


def measured(tmp_path: Path, target: str, runs: int = 2) -> Profile:
    bundle = Bundle.open(tiny_bundle(tmp_path / "bundle", target))
    board = virtual_board(find_target(target))
    flash(bundle, board)
    return profile(bundle, board, runs)


def rewrite(folder: Path, name: str, data: bytes) -> Bundle:
    """The Bundle with one file replaced, its manifest in order."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = sha256_file(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Bundle.open(folder)


def test_profile_of_the_virtual_board(tmp_path: Path) -> None:
    result = measured(tmp_path, "virtual-m4")
    record = result.to_json()
    assert list(record) == list(FIELDS)
    for name, keys in FIELDS.items():
        if keys is not None:
            rows = record[name] if name == "layers" else [record[name]]
            assert all(set(row) == keys for row in rows)
    assert json.loads(json.dumps(record)) == json.loads(json.dumps(result.to_json()))
    assert (result.evidence, result.clock_hz, result.runs) == ("modelled", 120_000_000, 2)
    assert (result.parity.inputs, result.parity.mismatches) == (4, 0)
    assert result.cycles is not None and result.instructions is not None
    assert result.latency_us.median == pytest.approx(result.cycles / 120)
    assert sum(layer.instructions or 0 for layer in result.layers) <= result.instructions
    assert [layer.name for layer in result.layers] == ["multiply", "spin", "add"]
    memory = result.memory
    assert memory.flash_bytes == len(tiny_firmware("virtual-m4").image)
    assert memory.stack_peak_bytes is not None and memory.ram_peak_bytes is not None
    assert 0 < memory.stack_peak_bytes < 2048
    assert memory.ram_peak_bytes > memory.arena_bytes + memory.stack_peak_bytes


@pytest.mark.parametrize("target", ["host", pytest.param("mps2-an386", marks=pytest.mark.qemu)])
def test_what_boards_cannot_count_is_null_and_outputs_are_the_same(tmp_path: Path, target: str) -> None:
    if target == "mps2-an386":
        require_tool("qemu-system-arm")
    result = measured(tmp_path, target)
    assert result.evidence == "emulated"
    assert (result.cycles, result.latency_us) == (None, Latency(None, None, None, None))
    assert (result.instructions is None) == (target == "host")
    assert all(layer.cycles is None and layer.latency_us is None for layer in result.layers)
    assert (result.parity.inputs, result.parity.mismatches) == (4, 0)
    reference = measured(tmp_path / "other", "virtual-m4")
    assert result.output_crc32 == reference.output_crc32
    assert (result.memory.stack_peak_bytes is None) == (target == "host")


def test_one_wrong_reference_byte_is_one_mismatch(tmp_path: Path) -> None:
    folder = tiny_bundle(tmp_path / "bundle", "virtual-m4")
    outputs = bytearray((folder / "parity_outputs.bin").read_bytes())
    outputs[301] ^= 1
    bundle = rewrite(folder, "parity_outputs.bin", bytes(outputs))
    board = virtual_board(find_target("virtual-m4"))
    flash(bundle, board)
    assert profile(bundle, board, 1).parity.mismatches == 1


def test_reference_files_of_another_size_are_refused(tmp_path: Path) -> None:
    bundle = rewrite(tiny_bundle(tmp_path / "bundle", "virtual-m4"), "parity_inputs.bin", bytes(10))
    board = virtual_board(find_target("virtual-m4"))
    flash(bundle, board)
    with pytest.raises(ModelError, match=r"parity_inputs\.bin has 10 bytes, 4 samples"):
        profile(bundle, board, 1)


def test_another_network_on_the_board_is_refused(tmp_path: Path) -> None:
    folder = tiny_bundle(tmp_path / "bundle", "virtual-m4")
    board = virtual_board(find_target("virtual-m4"))
    flash(Bundle.open(folder), board)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model_hash"] = "f" * 16
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BoardError, match="the board runs network 0123456789abcdef"):
        profile(Bundle.open(folder), board, 1)


def test_noise_gives_the_same_profile(tmp_path: Path) -> None:
    clean = measured(tmp_path, "virtual-m4", runs=1)
    bundle = Bundle.open(tmp_path / "bundle")
    board = virtual_board(find_target("virtual-m4"))
    assert profile(bundle, board, 1, injection=Injection(noise=0.01, seed=4)) == clean


def test_latency_of_known_cycles() -> None:
    twenty = [int(1000 * n) for n in range(1, 21)]
    assert latency(twenty, 1_000_000) == Latency(1000.0, 10_500.0, 19_000.0, 20_000.0)
    assert latency([120], 120_000_000) == Latency(1.0, 1.0, 1.0, 1.0)
    assert latency([None], 120_000_000) == Latency(None, None, None, None)


def test_the_median_run_is_one_of_the_runs() -> None:
    runs = [RunResult((), Counts(None, cycles), ()) for cycles in (5, 1, 9, 3)]
    assert median_run(runs).total.cycles == 3
