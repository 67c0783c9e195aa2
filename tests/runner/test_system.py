"""The document "system", on computers that are made of files."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edgeprune.runner.linux import cpus
from edgeprune.runner.linux.cpus import fast_ones
from edgeprune.runner.linux.engine import Runtime
from edgeprune.runner.linux.system import Places, System, decode_throttled

PI_CPU = """\
processor\t: {0}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""
FILES = {
    "proc/cpuinfo": "".join(PI_CPU.format(n) for n in range(4))
    + "Revision\t: c03114\nModel\t\t: Raspberry Pi 4\n",
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/self/status": "Name:\tpython3\nVmHWM:\t   61234 kB\nVmRSS:\t   60000 kB\nThreads:\t5\n",
    "proc/uptime": "12345.67 45000.00\n",
    "proc/loadavg": "0.42 0.30 0.20 1/200 999\n",
    "proc/sys/kernel/arch": f"{os.uname().machine}\n",
    "etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
    "sys/class/thermal/thermal_zone0/type": "acpitz\n",
    "sys/class/thermal/thermal_zone0/temp": "11000\n",
    "sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone1/temp": "48686\n",
    **{f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_governor": "ondemand\n" for n in range(4)},
    **{f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_cur_freq": f"{600000 + n}\n" for n in range(4)},
    **{f"sys/devices/system/cpu/cpu{n}/cpufreq/cpuinfo_max_freq": "1800000\n" for n in range(4)},
}


class FakeEngine:
    runtime = Runtime("litert", "2.3.0", 4, "xnnpack")
    load_ms = 12.34567


def computer(folder: Path, files: Mapping[str, str | None]) -> Places:
    """The computer that `files` describes; None: a file that is not there."""
    for name, text in files.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    return Places(folder / "proc", folder / "sys", folder / "etc")


def document(
    folder: Path, files: Mapping[str, str | None], pinned: tuple[int, ...] | None = (0, 1, 2, 3)
) -> Any:
    system = System(FakeEngine(), pinned, computer(folder, files))  # type: ignore[arg-type]
    return json.loads(json.dumps(system.document(), allow_nan=False))


@pytest.fixture
def vcgencmd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a vcgencmd on the path that answers what it is given."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def put(script: str) -> None:
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / "vcgencmd").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / "vcgencmd").chmod(0o755)

    return put


def test_a_raspberry_pi(tmp_path: Path, vcgencmd: Any) -> None:
    vcgencmd('[ "$1" = get_throttled ] && echo throttled=0x50005')
    found = document(tmp_path / "pi", FILES)
    assert found["board"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert found["cpu"] == {"model": "Cortex-A72", "cores": 4}
    assert found["os"] == "Debian GNU/Linux 12 (bookworm)"
    assert found["governor"] == ["ondemand"] * 4
    assert found["frequency_hz"] == [600_000_000, 600_001_000, 600_002_000, 600_003_000]
    assert found["frequency_max_hz"] == [1_800_000_000] * 4
    assert found["temperature_c"] == 48.686
    assert (found["rss_bytes"], found["rss_peak_bytes"]) == (60000 * 1024, 61234 * 1024)
    assert (found["uptime_s"], found["load_1min"]) == (12345.67, 0.42)
    assert found["runtime"] == {"name": "litert", "version": "2.3.0", "threads": 4, "delegate": "xnnpack"}
    assert (found["model_load_ms"], found["pinned"]) == (12.346, [0, 1, 2, 3])
    assert (found["machine"], found["kernel"]) == (os.uname().machine, os.uname().release)
    assert found["emulated"] is False
    assert found["throttled"] == {
        "raw": 0x50005,
        "now": ["under-voltage", "throttled"],
        "since_boot": ["under-voltage", "throttled"],
    }


def test_what_is_not_there_is_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = document(tmp_path / "nothing", {}, None)
    known = {"machine", "kernel", "libc", "python", "emulated", "cpu", "runtime", "model_load_ms"}
    assert {name for name, value in found.items() if value is not None} <= known
    assert found["cpu"] == {"model": None, "cores": None}
    assert found["pinned"] is None


@pytest.mark.parametrize(
    ("name", "text", "field"),
    [
        ("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", None, "governor"),
        ("sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", None, "frequency_hz"),
        ("sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", "<unknown>\n", "frequency_hz"),
        ("sys/class/thermal/thermal_zone1/temp", "hot\n", "temperature_c"),
        ("sys/class/thermal/thermal_zone1/type", "acpitz\n", "temperature_c"),
        ("proc/uptime", "", "uptime_s"),
        ("proc/loadavg", "many\n", "load_1min"),
        ("proc/device-tree/model", "\0", "board"),
        ("etc/os-release", "NAME=x\n", "os"),
        ("proc/self/status", "VmHWM: much\n", "rss_peak_bytes"),
    ],
)
def test_what_makes_no_sense_is_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str | None, field: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert document(tmp_path / "whole", FILES)[field] is not None
    assert document(tmp_path / "broken", {**FILES, name: text})[field] is None


def test_only_the_pinned_cpus_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = document(tmp_path / "pi", FILES, (1, 3))
    assert found["frequency_hz"] == [600_001_000, 600_003_000]
    assert found["cpu"]["cores"] == 4


def test_an_x86_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    files = {
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n\nprocessor\t: 1\nmodel name\t: B\n"
    }
    assert document(tmp_path / "pc", files)["cpu"] == {"model": "Some CPU @ 3 GHz", "cores": 2}


def test_an_unknown_arm_core_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    files = {"proc/cpuinfo": PI_CPU.format(0).replace("0xd08", "0xfff")}
    assert document(tmp_path / "new", files)["cpu"] == {"model": None, "cores": 1}


@pytest.mark.parametrize(
    "script",
    [
        "exit 1",
        "echo throttled=0xzz",
        "echo VCHI initialization failed",
        "echo 'throttled=0x50005'; exit 255",
    ],
)
def test_firmware_that_does_not_answer_is_null(tmp_path: Path, vcgencmd: Any, script: str) -> None:
    vcgencmd(script)
    assert document(tmp_path / "pi", FILES)["throttled"] is None


def test_firmware_that_hangs_is_null(tmp_path: Path, vcgencmd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    vcgencmd("exec /bin/sleep 60")
    monkeypatch.setattr("edgeprune.runner.linux.system.VCGENCMD_LIMIT_S", 0.2)
    started = time.monotonic()
    assert document(tmp_path / "pi", FILES)["throttled"] is None
    assert time.monotonic() - started < 30


def test_the_firmware_tells_the_temperature_where_the_kernel_does_not(tmp_path: Path, vcgencmd: Any) -> None:
    vcgencmd('[ "$1" = measure_temp ] && echo "temp=51.1\'C"')
    files = {name: text for name, text in FILES.items() if "thermal" not in name}
    assert document(tmp_path / "pi", files)["temperature_c"] == 51.1


@pytest.mark.parametrize(
    ("raw", "now", "since_boot"),
    [
        (0, [], []),
        (0x1, ["under-voltage"], []),
        (0x2, ["frequency-capped"], []),
        (0x4, ["throttled"], []),
        (0x8, ["soft-temperature-limit"], []),
        (0xE0000, [], ["frequency-capped", "throttled", "soft-temperature-limit"]),
        (0x80008, ["soft-temperature-limit"], ["soft-temperature-limit"]),
    ],
)
def test_throttling_in_words(raw: int, now: list[str], since_boot: list[str]) -> None:
    assert decode_throttled(raw) == {"raw": raw, "now": now, "since_boot": since_boot}


@pytest.mark.parametrize(
    ("arch", "variable", "is_emulated"),
    [
        (os.uname().machine, None, False),
        (None, None, False),
        (os.uname().machine, "1", True),
        ("aarch64" if os.uname().machine == "x86_64" else "x86_64", None, True),
    ],
)
def test_an_emulator_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arch: str | None, variable: str | None, is_emulated: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if variable is not None:
        monkeypatch.setenv("EDGEPRUNE_EMULATED", variable)
    files = {**FILES, "proc/sys/kernel/arch": arch}
    assert document(tmp_path / "pi", files)["emulated"] is is_emulated


# --- CPUs


def with_clocks(folder: Path, khz: list[int | None]) -> Path:
    files = {
        f"sys/devices/system/cpu/cpu{n}/cpufreq/cpuinfo_max_freq": None if clock is None else str(clock)
        for n, clock in enumerate(khz)
    }
    return computer(folder, files).sys


@pytest.mark.parametrize(
    ("khz", "allowed", "chosen"),
    [
        ([1800, 1800, 1800, 1800], [0, 1, 2, 3], [0, 1, 2, 3]),
        ([1800, 1800, 2400, 2400], [0, 1, 2, 3], [2, 3]),
        ([1800, 1800, 2400, 2400], [0, 1], [0, 1]),
        ([2400, 2350], [0, 1], [0, 1]),
        ([1800, None, 2400], [0, 1, 2], [0, 1, 2]),
    ],
)
def test_the_fast_cpus_are_chosen(
    tmp_path: Path, khz: list[int | None], allowed: list[int], chosen: list[int]
) -> None:
    assert fast_ones(allowed, with_clocks(tmp_path, khz)) == chosen


def test_a_system_that_does_not_let_us_pin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_arguments: object) -> None:
        raise PermissionError("seccomp")

    monkeypatch.setattr(cpus.os, "sched_setaffinity", forbidden)
    assert cpus.pin() is None
