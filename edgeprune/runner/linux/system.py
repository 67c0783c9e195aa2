"""The document "system": what the device is, and the state that it is in now.

Everything is read from /proc, /sys, /etc and, on a Raspberry Pi, from the firmware's `vcgencmd`. What the
device does not tell is null; nothing is guessed.
"""

import contextlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeprune.runner.linux.cpus import read_khz
from edgeprune.runner.linux.engine import Engine

VCGENCMD_LIMIT_S = 2.0
# Bits of `vcgencmd get_throttled`: what holds now; the same 16 bits higher, what has held since the start.
THROTTLING = ("under-voltage", "frequency-capped", "throttled", "soft-temperature-limit")
SINCE_BOOT_SHIFT = 16
# "CPU implementer" and "CPU part" of /proc/cpuinfo, from Arm's manuals (MIDR_EL1).
ARM_CORES = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD04): "Cortex-A35",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD09): "Cortex-A73",
    (0x41, 0xD0A): "Cortex-A75",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD0D): "Cortex-A77",
}
# Types of thermal zones that are the CPU's, whatever the maker: cpu-thermal, cpu0-thermal, x86_pkg_temp.
_CPU_ZONE = re.compile(r"cpu|soc|x86_pkg_temp", re.IGNORECASE)
EMULATED = "EDGEPRUNE_EMULATED"
"""The virtual Pi sets it, so that no time of an emulator is taken for a device's."""


@dataclass(frozen=True)
class Places:
    """Where the kernel shows what it knows; tests give folders of their own."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    etc: Path = Path("/etc")


class System:
    """Looks at the device that `engine` runs on, on the CPUs `pinned`."""

    def __init__(self, engine: Engine, pinned: Sequence[int] | None, places: Places | None = None) -> None:
        self._engine = engine
        self._pinned = pinned
        self._at = places or Places()

    def document(self) -> dict[str, Any]:
        """The document as it is to be sent."""
        info = self._cpuinfo()
        cpus = self._pinned if self._pinned is not None else range(len(info) or 1)
        status = self._status()
        return {
            "machine": os.uname().machine,
            "os": self._os_name(),
            "kernel": os.uname().release,
            "libc": _libc(),
            "python": platform.python_version(),
            "emulated": self._is_emulated(),
            "cpu": {"model": _cpu_model(info), "cores": len(info) or None},
            "board": self._board(),
            "runtime": asdict(self._engine.runtime),
            "model_load_ms": round(self._engine.load_ms, 3),
            "pinned": None if self._pinned is None else list(self._pinned),
            "governor": self._governors(cpus),
            "frequency_hz": self._frequencies(cpus, "scaling_cur_freq"),
            "frequency_max_hz": self._frequencies(cpus, "cpuinfo_max_freq"),
            "throttled": self._throttled(),
            "temperature_c": self._temperature(),
            "rss_bytes": status.get("VmRSS"),
            "rss_peak_bytes": status.get("VmHWM"),
            "uptime_s": self._first_number("uptime"),
            "load_1min": self._first_number("loadavg"),
        }

    def peak_bytes(self) -> int | None:
        """The most memory that this process has had resident."""
        return self._status().get("VmHWM")

    def _cpuinfo(self) -> list[Mapping[str, str]]:
        """/proc/cpuinfo, one mapping for each processor."""
        found: list[Mapping[str, str]] = []
        for block in (_text(self._at.proc / "cpuinfo") or "").split("\n\n"):
            pairs = (line.partition(":") for line in block.splitlines())
            values = {key.strip(): value.strip() for key, _, value in pairs}
            if "processor" in values:
                found.append(values)
        return found

    def _status(self) -> dict[str, int]:
        """Sizes in /proc/self/status, in bytes."""
        lines = (_text(self._at.proc / "self" / "status") or "").splitlines()
        found = (re.fullmatch(r"(Vm\w+):\s*(\d+) kB", line) for line in lines)
        return {match[1]: 1024 * int(match[2]) for match in found if match}

    def _os_name(self) -> str | None:
        text = _text(self._at.etc / "os-release") or ""
        match = re.search(r'^PRETTY_NAME=(["\']?)(.*)\1$', text, re.MULTILINE)
        return match[2] if match else None

    def _board(self) -> str | None:
        text = _text(self._at.proc / "device-tree" / "model")
        return text.strip("\0\n ") or None if text else None

    def _is_emulated(self) -> bool:
        """Whether another machine plays this one: told by who started us, or by a kernel of another kind."""
        kernel = (_text(self._at.proc / "sys" / "kernel" / "arch") or "").strip()
        is_foreign = bool(kernel) and (kernel == "x86_64") != (os.uname().machine == "x86_64")
        return is_foreign or os.environ.get(EMULATED) == "1"

    def _governors(self, cpus: Sequence[int]) -> list[str] | None:
        names = [
            _text(self._at.sys / f"devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor") for cpu in cpus
        ]
        return [(name or "").strip() for name in names] if all(names) else None

    def _frequencies(self, cpus: Sequence[int], name: str) -> list[int] | None:
        known = [clock for cpu in cpus if (clock := read_khz(self._at.sys, cpu, name)) is not None]
        return [1000 * clock for clock in known] if known and len(known) == len(cpus) else None

    def _throttled(self) -> dict[str, Any] | None:
        match = re.fullmatch(r"throttled=0x([0-9a-f]{1,8})", _vcgencmd("get_throttled") or "")
        return decode_throttled(int(match[1], 16)) if match else None

    def _temperature(self) -> float | None:
        for zone in sorted((self._at.sys / "class" / "thermal").glob("thermal_zone*")):
            if _CPU_ZONE.search(_text(zone / "type") or ""):
                with contextlib.suppress(TypeError, ValueError):
                    return int(_text(zone / "temp") or "") / 1000
        match = re.fullmatch(r"temp=([0-9.]+)'C", _vcgencmd("measure_temp") or "")
        return float(match[1]) if match else None

    def _first_number(self, name: str) -> float | None:
        with contextlib.suppress(IndexError, ValueError):
            return float((_text(self._at.proc / name) or "").split()[0])
        return None


def decode_throttled(raw: int) -> dict[str, Any]:
    """The bits of `vcgencmd get_throttled` as words."""
    return {
        "raw": raw,
        "now": [word for bit, word in enumerate(THROTTLING) if raw >> bit & 1],
        "since_boot": [word for bit, word in enumerate(THROTTLING) if raw >> (bit + SINCE_BOOT_SHIFT) & 1],
    }


def _cpu_model(info: Sequence[Mapping[str, str]]) -> str | None:
    if not info:
        return None
    first = info[0]
    if "model name" in first:
        return first["model name"]
    with contextlib.suppress(KeyError, ValueError):
        return ARM_CORES.get((int(first["CPU implementer"], 16), int(first["CPU part"], 16)))
    return None


def _libc() -> str | None:
    """As getconf says it: `glibc 2.36`."""
    with contextlib.suppress(OSError, ValueError):
        return os.confstr("CS_GNU_LIBC_VERSION")
    return None


def _vcgencmd(question: str) -> str | None:
    """An answer of the Pi's firmware; None where there is none, or this user may not ask."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [program, question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=VCGENCMD_LIMIT_S,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else None
    return None


def _text(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", errors="replace")
    return None
