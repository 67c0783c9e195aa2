"""Compiles a folder of C for a target: firmware.elf, firmware.bin, and what they take.

Compilers run inside the folder with relative names and nothing keeps debug information, so that the
firmware does not depend on where it was built.

What does not fit is linked a second time with longer regions, only to be measured: the message has to
say how much would be needed, and linkers stop at the first region that overflows.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgeprune.device.elf import Elf, read_elf
from edgeprune.device.stack import stack_bound
from edgeprune.device.target import Target
from edgeprune.device.toolchain.base import Toolchain
from edgeprune.device.toolchain.linker import SCRIPT_NAME, linker_script
from edgeprune.errors import BudgetError, InternalError, ToolError, UsageError
from edgeprune.ops.cores import Optimize

ARENA_SYMBOL = "ep_arena"
ELF_NAME = "firmware.elf"
BIN_NAME = "firmware.bin"

_MEASURING_EXTRA_BYTES = 0x0800_0000
EXCEPTION_FRAME_BYTES = 112
"""What the core pushes for a fault or the SysTick: 26 words with an FPU's, and one or two to align."""


@dataclass(frozen=True)
class FirmwareSizes:
    """What a firmware takes.

    flash_bytes  all that is programmed: vectors, code, constants, start values of .data
    stack_bytes  reserved: the bound and an exception's frame
    stack_bound_bytes  the deepest path of calls (device/stack.py); None where that has no bound
    ram_bytes    stack reserved, .data, .bss, arena, and the padding between them
    """

    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    stack_bound_bytes: int | None
    data_bytes: int
    bss_bytes: int
    arena_bytes: int


@dataclass(frozen=True)
class Firmware:
    """A firmware on disk; `sizes` is None for a host, whose operating system places it."""

    elf: Path
    binary: Path
    toolchain: str
    sizes: FirmwareSizes | None


def compile_firmware(
    sources: Path, target: Target, out: Path, toolchain: Toolchain, optimize: Optimize = "balanced"
) -> Firmware:
    """Compile every .c file of `sources` for `target` into `out`.

    The stack is what the code can need (device/stack.py) and room to report a fault; where that has no
    bound, the target's `stack_bytes`.

    Raises BudgetError when it does not fit the target's memory, ToolError when a file does not
    compile, NotFoundError when the toolchain is not installed.
    """
    toolchain.find()
    names = sorted(path.name for path in sources.glob("*.c"))
    if not names:
        raise UsageError(f"{sources} has no .c files")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as temporary:
        work = Path(temporary)
        flags = toolchain.flags(target.core, optimize)
        objects = _compile_all(sources, names, flags, work, toolchain)
        if target.kind == "host":
            toolchain.run((*toolchain.flags(target.core), *objects, "-lm", "-o", ELF_NAME), work)
            sizes = None
            shutil.copy(work / ELF_NAME, out / BIN_NAME)
        else:
            sizes = _link(objects, target, work, toolchain)
            elf = read_elf(work / ELF_NAME)
            (out / BIN_NAME).write_bytes(_checked_image(elf, target))
        shutil.copy(work / ELF_NAME, out / ELF_NAME)
    return Firmware(out / ELF_NAME, out / BIN_NAME, toolchain.name, sizes)


def compile_sources(
    sources: Path,
    core: str,
    program: Path,
    toolchain: Toolchain,
    optimize: Optimize,
    link_flags: Sequence[str],
) -> Path:
    """Compile every .c file of `sources` to `program`, which the system of `core` loads."""
    toolchain.find()
    names = sorted(path.name for path in sources.glob("*.c"))
    if not names:
        raise UsageError(f"{sources} has no .c files")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as temporary:
        work = Path(temporary)
        objects = _compile_all(sources, names, toolchain.flags(core, optimize), work, toolchain)
        toolchain.run((*toolchain.flags(core), *objects, *link_flags, "-o", program.name), work)
        shutil.copy(work / program.name, program)
    return program


def _compile_all(
    sources: Path, names: list[str], flags: Sequence[str], work: Path, toolchain: Toolchain
) -> tuple[str, ...]:
    """Compile each file to an object in `work`; return the objects' names."""

    def compile_one(name: str) -> str:
        produced = f"{name.removesuffix('.c')}.o"
        toolchain.run((*flags, "-I.", "-c", name, "-o", str(work / produced)), sources.resolve())
        return produced

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return tuple(pool.map(compile_one, names))


def _link(objects: tuple[str, ...], target: Target, work: Path, toolchain: Toolchain) -> FirmwareSizes:
    """Link `objects` in `work`, twice, for the stack; BudgetError if a region overflows."""

    def link(extra_bytes: int, stack_bytes: int) -> FirmwareSizes:
        script = linker_script(target, stack_bytes, extra_bytes=extra_bytes)
        (work / SCRIPT_NAME).write_text(script, encoding="utf-8")
        flags = (*toolchain.flags(target.core), *toolchain.link_flags)
        toolchain.run((*flags, *objects, f"-Wl,-T,{SCRIPT_NAME}", "-o", ELF_NAME), work)
        return _sizes(read_elf(work / ELF_NAME), target, bound)

    bound: int | None = None
    link(_MEASURING_EXTRA_BYTES, target.stack_bytes)
    with contextlib.suppress(ToolError):  # recursion, say: then the target's own number is reserved
        bound = stack_bound(read_elf(work / ELF_NAME)).bytes
    stack_bytes = target.stack_bytes if bound is None else bound + EXCEPTION_FRAME_BYTES
    try:
        return link(0, stack_bytes)
    except ToolError:  # perhaps the memory
        _check_fits(link(_MEASURING_EXTRA_BYTES, stack_bytes), target)
        raise


def _check_fits(sizes: FirmwareSizes, target: Target) -> None:
    """Raise BudgetError if `sizes` are more than the target has."""
    ram, flash = target.region("ram").length_bytes, target.region("flash").length_bytes
    problems = []
    if sizes.ram_bytes > ram:
        problems.append(
            f"RAM: {sizes.ram_bytes} bytes needed (arena {sizes.arena_bytes}, stack {sizes.stack_bytes}, "
            f"other {sizes.ram_bytes - sizes.arena_bytes - sizes.stack_bytes}), {ram} available"
        )
    if sizes.flash_bytes > flash:
        problems.append(f"flash: {sizes.flash_bytes} bytes needed, {flash} available")
    if problems:
        raise BudgetError(
            f"the network does not fit {target.name}: " + "; ".join(problems),
            hint="prune further, or choose a target with more memory",
        )


def _sizes(elf: Elf, target: Target, stack_bound_bytes: int | None) -> FirmwareSizes:
    arena = elf.symbols.get(ARENA_SYMBOL)
    arena_bytes = arena.size_bytes if arena else 0
    used_end = max(elf.address("ep_bss_end"), elf.address("ep_data_end"), elf.address("ep_stack_top"))
    return FirmwareSizes(
        flash_bytes=elf.address("ep_flash_end") - target.region("flash").origin,
        ram_bytes=used_end - target.region("ram").origin,
        stack_bytes=elf.address("ep_stack_top") - elf.address("ep_stack_bottom"),
        stack_bound_bytes=stack_bound_bytes,
        data_bytes=elf.address("ep_data_end") - elf.address("ep_data_start"),
        bss_bytes=elf.address("ep_bss_end") - elf.address("ep_bss_start") - arena_bytes,
        arena_bytes=arena_bytes,
    )


def _checked_image(elf: Elf, target: Target) -> bytes:
    """The bytes to program, after checking the link against the target's memory map."""
    flash, ram = target.region("flash"), target.region("ram")
    for segment in elf.segments:
        home = flash if flash.origin <= segment.address < flash.end else ram
        stop = segment.address + segment.memory_bytes
        if not home.origin <= segment.address < stop <= home.end:
            raise InternalError(f"a segment at {segment.address:#x} to {stop:#x} leaves {home.name}")
        if segment.data and not flash.origin <= segment.load_address <= flash.end - len(segment.data):
            raise InternalError(f"a segment is loaded to {segment.load_address:#x}, outside {flash.name}")
    start, image = elf.image()
    stated = elf.address("ep_flash_start"), elf.address("ep_flash_end")
    if (flash.origin, flash.origin) != (start, stated[0]) or start + len(image) != stated[1]:
        raise InternalError(
            f"the image is {start:#x} to {start + len(image):#x}, the linker script says "
            f"{stated[0]:#x} to {stated[1]:#x}: a section is missing in the script"
        )
    if elf.address("ep_stack_bottom") != ram.origin:
        raise InternalError(f"the stack is not at the bottom of {ram.name}")
    return image
