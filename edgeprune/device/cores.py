"""The cores that boards have: how each is emulated, and by what model its cycles are counted.

What a core can compute (DSP, MVE, ...) is a matter of kernels, not of boards; it is not said here.
"""

from dataclasses import dataclass

from edgeprune.device.emulator.cycles import CycleModel
from edgeprune.device.emulator.cycles_m0plus import CORTEX_M0PLUS
from edgeprune.device.emulator.cycles_m4 import CORTEX_M4
from edgeprune.device.emulator.cycles_m7 import CORTEX_M7
from edgeprune.device.emulator.cycles_m33 import CORTEX_M33
from edgeprune.table import Table


@dataclass(frozen=True)
class Core:
    """A core by the name that targets use.

    unicorn  the constant in unicorn.arm_const that names its model; None: Unicorn has none
    cycles   its cycle model; None: its instructions can be counted, its cycles cannot
    """

    name: str
    unicorn: str | None
    cycles: CycleModel | None


CORES: Table[Core] = Table(
    "core",
    # Unicorn has no M0+ of its own: the M0 has the same instructions (Armv6-M), but for the optional
    # VTOR, MPU and unprivileged mode, which no firmware of ours needs.
    Core("cortex-m0plus", "UC_CPU_ARM_CORTEX_M0", CORTEX_M0PLUS),
    Core("cortex-m3", "UC_CPU_ARM_CORTEX_M3", None),
    Core("cortex-m4", "UC_CPU_ARM_CORTEX_M4", CORTEX_M4),
    Core("cortex-m7", "UC_CPU_ARM_CORTEX_M7", CORTEX_M7),
    Core("cortex-m33", "UC_CPU_ARM_CORTEX_M33", CORTEX_M33),
    Core("cortex-m55", None, None),
)
