"""Firmware with the hand-made network of `tiny_model/`, built without the code generator."""

import hashlib
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from edgeprune.device.firmware import runner_files
from edgeprune.device.target import Target, find_target

TINY = Path(__file__).parent / "tiny_model"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")

# Stack at the bottom of RAM: an overflow leaves RAM, and faults.
LINKER_SCRIPT = """
ENTRY(ep_reset)
MEMORY
{{
    flash (rx) : ORIGIN = {flash_origin:#x}, LENGTH = {flash_bytes}
    ram (rwx) : ORIGIN = {ram_origin:#x}, LENGTH = {ram_bytes}
}}
SECTIONS
{{
    .text : {{
        ep_flash_start = .;
        KEEP(*(.vectors))
        *(.text*) *(.rodata*)
        . = ALIGN(4);
    }} > flash
    .stack (NOLOAD) : {{
        ep_stack_bottom = .;
        . = . + {stack_bytes};
        ep_stack_top = .;
    }} > ram
    .data : {{
        ep_data_start = .;
        *(.data*)
        . = ALIGN(4);
        ep_data_end = .;
    }} > ram AT > flash
    ep_data_load = LOADADDR(.data);
    ep_flash_end = LOADADDR(.data) + SIZEOF(.data);
    .bss (NOLOAD) : {{
        ep_bss_start = .;
        *(.bss*) *(COMMON)
        . = ALIGN(4);
        ep_bss_end = .;
    }} > ram
    /DISCARD/ : {{ *(.ARM.exidx*) *(.ARM.attributes) *(.comment) }}
}}
"""

CPU = ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp", "-ffreestanding")
GCC_CPU = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-ffreestanding")


def linker_script(target: Target) -> str:
    """A linker script with all the symbols that the start-up code wants."""
    flash, ram = target.region("flash"), target.region("ram")
    return LINKER_SCRIPT.format(
        flash_origin=flash.origin,
        flash_bytes=flash.length_bytes,
        ram_origin=ram.origin,
        ram_bytes=ram.length_bytes,
        stack_bytes=target.stack_bytes,
    )


def write_sources(folder: Path, target: Target, defines: dict[str, int]) -> None:
    """All C of the tiny firmware into `folder`."""
    files = runner_files(target)
    files |= {path.name: path.read_text(encoding="utf-8") for path in TINY.iterdir()}
    for key, value in defines.items():
        files["model.c"] = f"#define {key} {value}\n" + files["model.c"]
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def flat_image(elf: bytes) -> bytes:
    """The bytes to program: every loadable segment at its load address."""
    from elftools.elf.elffile import ELFFile  # type: ignore[import-untyped]

    with tempfile.TemporaryFile() as file:
        file.write(elf)
        segments = [s for s in ELFFile(file).iter_segments("PT_LOAD") if s["p_filesz"]]
        pieces = [(s["p_paddr"], s.data()) for s in segments]
    start = min(address for address, _ in pieces)
    image = bytearray(max(address + len(data) for address, data in pieces) - start)
    for address, data in pieces:
        image[address - start : address - start + len(data)] = data
    return bytes(image)


@cache
def tiny_firmware(target_name: str, **defines: int) -> bytes:
    """The image to program for `target_name`; built once, kept in the temporary folder."""
    target = find_target(target_name)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sources(folder, target, defines)
        sources = sorted(folder.glob("*"))
        key = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + LINKER_SCRIPT.encode())
        kept = Path(tempfile.gettempdir()) / f"edgeprune-tiny-{os.getuid()}-{key.hexdigest()[:24]}.bin"
        if not kept.exists():
            made = folder / "made.bin"
            made.write_bytes(_compile(folder, target))
            made.replace(kept)
        return kept.read_bytes()


def _compile(folder: Path, target: Target) -> bytes:
    command = [sys.executable, "-m", "ziglang", "cc", "-std=c11", "-O2", "-I.", *WARNINGS]
    if target.kind == "mcu":
        (folder / "link.ld").write_text(linker_script(target), encoding="utf-8")
        command += [*CPU, "-fomit-frame-pointer", "-T", "link.ld", "-Wl,--entry=ep_reset"]
    elf = folder / "firmware.elf"
    command += ["-o", str(elf), *sorted(path.name for path in folder.glob("*.c"))]
    subprocess.run(command, cwd=folder, check=True)
    return elf.read_bytes() if target.kind == "host" else flat_image(elf.read_bytes())
