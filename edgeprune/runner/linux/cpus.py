"""The CPUs that the runner keeps to: the fast ones, where there are slow ones too."""

import contextlib
import os
from pathlib import Path

FAST = 0.9
"""A CPU whose highest clock is at least this share of the highest of all counts as fast."""


def pin(sys: Path = Path("/sys")) -> tuple[int, ...] | None:
    """Keep this process on the fast CPUs of those it may use; they, or None where the system refuses."""
    try:
        allowed = sorted(os.sched_getaffinity(0))
        chosen = fast_ones(allowed, sys)
        os.sched_setaffinity(0, chosen)
    except OSError:
        return None
    return tuple(chosen)


def fast_ones(allowed: list[int], sys: Path) -> list[int]:
    """Those of `allowed` that can clock nearly as high as the best; all where that is not known."""
    clocks = {cpu: read_khz(sys, cpu, "cpuinfo_max_freq") for cpu in allowed}
    known = [clock for clock in clocks.values() if clock is not None]
    if len(known) != len(allowed):
        return allowed
    return [cpu for cpu in allowed if (clocks[cpu] or 0) >= FAST * max(known)]


def read_khz(sys: Path, cpu: int, name: str) -> int | None:
    """A frequency of one CPU; None where the kernel does not tell."""
    with contextlib.suppress(OSError, ValueError):
        return int((sys / f"devices/system/cpu/cpu{cpu}/cpufreq/{name}").read_text())
    return None
