"""Cross compilers: from a folder of C to firmware, and what it takes of the target's memory."""

from edgeprune.device.toolchain.base import Toolchain
from edgeprune.device.toolchain.build import Firmware, FirmwareSizes, compile_firmware
from edgeprune.device.toolchain.gcc_arm import GCC_ARM
from edgeprune.device.toolchain.makefile import build_files
from edgeprune.device.toolchain.zig import ZIG
from edgeprune.table import Table

TOOLCHAINS: Table[Toolchain] = Table("toolchain", ZIG, GCC_ARM)

__all__ = [
    "GCC_ARM",
    "TOOLCHAINS",
    "ZIG",
    "Firmware",
    "FirmwareSizes",
    "Toolchain",
    "build_files",
    "compile_firmware",
]
