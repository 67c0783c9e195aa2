"""Networks as programs for a Raspberry Pi under QEMU: the references' bytes, static, small, 16 KiB pages."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from native.conftest import HASH, expected, inputs_of, network, raw
from support.tools import require_tool

from edgeprune.artifact import write_atomic
from edgeprune.device.emulator import pi_count
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.native import Native, build_native
from edgeprune.device.session import Session
from edgeprune.device.target import find_target
from edgeprune.errors import UsageError
from edgeprune.ops.fold import fold
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.read import read

MODELS = {
    "ic": "mlperf_tiny/ic/pretrainedResnet_quant.tflite",
    "kws": "mlperf_tiny/kws/kws_ref_model.tflite",
    "vww": "mlperf_tiny/vww/vww_96_int8.tflite",
}
TARGETS = ("rpi3", "rpi4", "rpi5", "android-arm64")
CPUS = {"android-arm64": "cortex-a53"}
COUNTS = Path(__file__).parent / "counts.json"
LITERT = {
    ("ic", "rpi3"): 5_014_407,
    ("ic", "rpi4"): 4_324_820,
    ("ic", "rpi5"): 1_502_416,
    ("kws", "rpi3"): 1_340_357,
    ("kws", "rpi4"): 1_943_439,
    ("kws", "rpi5"): 715_318,
    ("vww", "rpi3"): 4_018_220,
    ("vww", "rpi4"): 3_619_011,
    ("vww", "rpi5"): 1_930_550,
}
"""Instructions of an inference of LiteRT 2.3.0 by XNNPACK, one thread: see tools/bench/aarch64.py."""


def command(target: str) -> list[str]:
    system = find_target(target).linux
    assert system is not None
    return [require_tool("qemu-aarch64"), "-cpu", system.qemu_cpu or CPUS[target]]


def build(graph: QuantGraph, target: str, folder: Path, sha256: str = HASH) -> Native:
    return build_native(graph, find_target(target), folder, model_sha256=sha256)


def check(made: Native, graph: QuantGraph, target: str) -> None:
    """Three runs give the references' bytes, on random inputs and at both ends."""
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    runs = [inputs_of(graph, 1)] + [[np.full(s, v, np.int8) for s in shapes] for v in (-128, 127)]
    child = ChildBoard([*command(target), str(made.elf), "serve", "--stdio"])
    try:
        session = Session(child, 3)
        assert session.device.target == target
        for inputs in runs:
            result = session.run(raw(inputs), measure=True)
            assert result.outputs == expected(graph, inputs)
        assert (result.total.nanoseconds or 0) > 0
        assert len(result.layers) == len(made.layers)
        assert session.document("system")["emulated"] is True
    finally:
        child.close()


@pytest.mark.parametrize("target", TARGETS)
def test_a_small_network(target: str, tmp_path: Path) -> None:
    command(target)
    made = build(network(), target, tmp_path)
    check(made, network(), target)
    elf = made.elf.read_bytes()
    assert elf[:5] == b"\x7fELF\x02" and int.from_bytes(elf[18:20], "little") == 183  # AArch64
    loads = [segment for segment in segments(elf) if segment[0] == 1]
    assert loads and all(align >= 1 << 14 for _, align in loads)
    assert 3 not in {kind for kind, _ in segments(elf)}  # no interpreter: static
    assert made.size_bytes < 160_000


def segments(elf: bytes) -> list[tuple[int, int]]:
    """Type and alignment of each program header of a 64-bit ELF."""
    start, size, count = (int.from_bytes(elf[a:b], "little") for a, b in ((32, 40), (54, 56), (56, 58)))
    headers = [elf[start + i * size : start + (i + 1) * size] for i in range(count)]
    return [(int.from_bytes(h[:4], "little"), int.from_bytes(h[48:56], "little")) for h in headers]


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest) -> Iterator[dict[str, dict[str, int]]]:
    """The figures on record; new ones are written at the end where that was asked for."""
    found: dict[str, dict[str, int]] = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    yield found
    if request.config.getoption("--update-golden"):
        write_atomic(COUNTS, json.dumps(found, indent=1, sort_keys=True) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("target", ["rpi3", "rpi4", "rpi5"])
@pytest.mark.parametrize("name", MODELS)
def test_models_and_their_counts(
    name: str,
    target: str,
    tmp_path: Path,
    shared_data: Path,
    recorded: dict[str, dict[str, int]],
    request: pytest.FixtureRequest,
) -> None:
    """Byte-equal, and no figure rises or falls by more than 1 % unnoticed."""
    emulator = command(target)
    data = (shared_data / MODELS[name]).read_bytes()
    graph = fold(read(data))
    made = build(graph, target, tmp_path, hashlib.sha256(data).hexdigest())
    check(made, graph, target)
    counts = pi_count.count([*emulator, str(made.elf), "bench", "2"], os.environ)[::2]
    assert counts[0] == counts[1]
    found = {
        "instructions": counts[0],
        "program_bytes": made.size_bytes,
        "arena_bytes": made.plan.arena_bytes,
    }
    if request.config.getoption("--update-golden"):
        recorded[f"{name} {target}"] = found
    for figure, value in found.items():
        known = recorded[f"{name} {target}"][figure]
        assert abs(value - known) <= 0.01 * known, f"{figure} was {known:,}, is {value:,}"
    assert counts[0] < LITERT[name, target]


def test_what_a_raspberry_pi_tells_of_itself(tmp_path: Path) -> None:
    """Files that only a Pi has, by QEMU's -L, which looks there first."""
    emulator = command("rpi4")
    root = tmp_path / "root"
    told = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
        "proc/cpuinfo": "".join(f"processor\t: {i}\nCPU part\t: 0xd08\n\n" for i in range(4)),
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50001\n",
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        **{f"sys/devices/system/cpu/cpu{i}/cpufreq/scaling_governor": "ondemand\n" for i in range(4)},
        **{f"sys/devices/system/cpu/cpu{i}/cpufreq/scaling_cur_freq": "600000\n" for i in range(4)},
        **{f"sys/devices/system/cpu/cpu{i}/cpufreq/cpuinfo_max_freq": "1800000\n" for i in range(3)},
    }
    for name, text in told.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    made = build(network(), "rpi4", tmp_path / "made")
    child = ChildBoard([*emulator, "-L", str(root), str(made.elf), "serve", "--stdio"])
    try:
        system = Session(child, 3).document("system")
    finally:
        child.close()
    assert system["board"] == "Raspberry Pi 4 Model B Rev 1.5"
    assert system["cpu"] == {"model": "Cortex-A72", "cores": 4}
    assert system["throttled"] == {
        "raw": 0x50001,
        "now": ["under-voltage"],
        "since_boot": ["under-voltage", "throttled"],
    }
    assert system["temperature_c"] == 48.312
    assert (system["governor"], system["frequency_hz"]) == (["ondemand"] * 4, [600_000_000] * 4)
    assert system["frequency_max_hz"] is None  # one CPU does not tell
    assert json.dumps(system)


def test_a_microcontroller_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Linux target"):
        build(network(), "virtual-m4", tmp_path)


def test_the_same_network_gives_the_same_program(tmp_path: Path) -> None:
    first, second = (build(network(), "linux", tmp_path / name) for name in ("a", "b"))
    assert first.elf.read_bytes() == second.elf.read_bytes()
    assert str(tmp_path).encode() not in first.elf.read_bytes()
    done = subprocess.run([str(first.elf), "check"], capture_output=True, timeout=20)
    assert done.returncode == 0
