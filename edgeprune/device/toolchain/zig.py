"""zig cc: clang, lld and a C runtime for every core in one Python package, ziglang; the default.

The first build for a core compiles the runtime (compiler_rt: memcpy, 64-bit division, ...), which
takes about half a minute; it is kept in ZIG_GLOBAL_CACHE_DIR.
"""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from edgeprune.artifact import default_store
from edgeprune.device.toolchain.base import FIRMWARE_LINK_FLAGS, Toolchain
from edgeprune.errors import NotFoundError


def find_zig() -> tuple[str, ...]:
    """The zig program of the package ziglang."""
    spec = importlib.util.find_spec("ziglang")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for name in ("zig", "zig.exe"):
            program = Path(folder) / name
            if program.is_file():
                return (str(program), "cc")
    raise NotFoundError(
        "the C compiler is missing: no Python package ziglang",
        hint="pip install 'edgeprune[compile]'",
    )


def zig_environment() -> Mapping[str, str]:
    """Where zig keeps what it compiled: ZIG_GLOBAL_CACHE_DIR if set, else beside the finished stages."""
    chosen = os.environ.get("ZIG_GLOBAL_CACHE_DIR") or str(default_store().absolute() / "zig")
    return {"ZIG_GLOBAL_CACHE_DIR": chosen, "ZIG_LOCAL_CACHE_DIR": chosen}


def _linux(target: str, cpu: str) -> tuple[str, ...]:
    """Static programs for any 64-bit Linux: the C library is musl, nothing on the device is needed."""
    return ("-target", f"{target}-linux-musl", f"-mcpu={cpu}", *_LINUX_FLAGS)


_LINUX_FLAGS = ("-fomit-frame-pointer", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables")


ZIG = Toolchain(
    name="zig",
    find=find_zig,
    make_command="$(PYTHON) -m ziglang cc",
    core_flags={
        # Plain names of cores would have no FPU, DSP or MVE; -mfpu and -mfloat-abi are ignored by zig.
        "cortex-m0plus": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"),
        "cortex-m3": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3"),
        "cortex-m4": ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"),
        # Single precision: also right for an M7 with the smaller FPU.
        "cortex-m7": ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m7+fp_armv8d16sp"),
        "cortex-m33": ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m33+dsp+fp_armv8d16sp"),
        "cortex-m55": ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m55+mve_fp+fp_armv8d16"),
        # Scheduled for a Cortex-A53, kernels for NEON spill: a third more instructions for MLPerf Tiny's ic.
        "cortex-a53": _linux("aarch64", "generic"),
        "cortex-a72": _linux("aarch64", "cortex_a72"),
        "cortex-a76": _linux("aarch64", "cortex_a76"),
        "aarch64": _linux("aarch64", "generic"),
        "x86-64": _linux("x86_64", "x86_64"),
        "host": (),
    },
    # -nostdlib would drop compiler_rt as well: a freestanding target has no other library anyway.
    link_flags=(*FIRMWARE_LINK_FLAGS, "-Wl,-z,max-page-size=4096"),
    environment=zig_environment,
)
