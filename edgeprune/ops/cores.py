"""What the cores that kernels are written for can do, and what a build asks of them."""

from dataclasses import dataclass
from typing import Literal, get_args

from edgeprune.errors import UsageError
from edgeprune.table import did_you_mean

FEATURES: dict[str, frozenset[str]] = {
    "host": frozenset(),
    "cortex-m0plus": frozenset({"armv6m"}),
    "cortex-m3": frozenset(),
    "cortex-m4": frozenset({"dsp"}),
    "cortex-m7": frozenset({"dsp"}),
    "cortex-m33": frozenset({"dsp"}),
    "cortex-m55": frozenset({"dsp", "mve"}),
    "cortex-m85": frozenset({"dsp", "mve"}),
    "cortex-a53": frozenset({"neon"}),
    "cortex-a72": frozenset({"neon"}),
    "cortex-a76": frozenset({"neon", "dotprod"}),
    "aarch64": frozenset({"neon"}),
    "x86-64": frozenset(),
}
"""By core: armv6m (Thumb-1 only: no long multiply), dsp (SMLAD, SXTB16, ...), mve (Helium), neon (AArch64's),
dotprod (SDOT). "aarch64" is what all 64-bit Arm has."""

Optimize = Literal["speed", "balanced", "size"]


@dataclass(frozen=True)
class Goal:
    """The core that kernels run on, and what matters most there; `is_portable` leaves its features alone."""

    core: str = "host"
    optimize: Optimize = "balanced"
    is_portable: bool = False

    def __post_init__(self) -> None:
        if self.core not in FEATURES:
            raise UsageError(f"unknown core {self.core!r}", hint=did_you_mean(self.core, FEATURES))
        if self.optimize not in get_args(Optimize):
            known = get_args(Optimize)
            raise UsageError(
                f"cannot optimize for {self.optimize!r}", hint=did_you_mean(self.optimize, known)
            )

    @property
    def features(self) -> frozenset[str]:
        return frozenset() if self.is_portable else FEATURES[self.core]


PORTABLE = Goal()
"""C that runs everywhere."""
