"""arm-none-eabi-gcc from the PATH; newlib gives memcpy and its kin, libgcc the arithmetic."""

import shutil

from edgeprune.device.toolchain.base import FIRMWARE_LINK_FLAGS, Toolchain
from edgeprune.errors import NotFoundError


def find_gcc_arm() -> tuple[str, ...]:
    """The compiler on the PATH."""
    program = shutil.which("arm-none-eabi-gcc")
    if program is None:
        raise NotFoundError(
            "the C compiler arm-none-eabi-gcc is not on the PATH",
            hint="apt install gcc-arm-none-eabi libnewlib-arm-none-eabi, or use the toolchain zig",
        )
    return (program,)


GCC_ARM = Toolchain(
    name="gcc-arm",
    find=find_gcc_arm,
    make_command="arm-none-eabi-gcc",
    core_flags={
        # Without the last, inline assembly for Armv6-M would be read in a syntax that nobody else has.
        "cortex-m0plus": ("-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft", "-masm-syntax-unified"),
        "cortex-m3": ("-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"),
        "cortex-m4": ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
        "cortex-m7": ("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
        "cortex-m33": ("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
        "cortex-m55": ("-mcpu=cortex-m55", "-mthumb", "-mfpu=auto", "-mfloat-abi=hard"),
    },
    link_flags=(
        *FIRMWARE_LINK_FLAGS,
        "-nostartfiles",
        "-Wl,--no-warn-rwx-segments",
        "-Wl,--fatal-warnings",
    ),
)
