"""Toolchains: firmware that fits, firmware that does not, the same bytes everywhere."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.tools import missing, require_module, require_tool

from edgeprune.device.elf import Elf, Segment, read_elf
from edgeprune.device.stack import stack_bound
from edgeprune.device.target import Region, Target, find_target
from edgeprune.device.toolchain import TOOLCHAINS, ZIG, build_files, compile_firmware
from edgeprune.device.toolchain.build import EXCEPTION_FRAME_BYTES
from edgeprune.device.toolchain.linker import linker_script
from edgeprune.errors import BudgetError, NotFoundError, ToolError, UsageError

MAIN_C = """\
#include "arena.h"

#include <stddef.h>

extern uint8_t ep_stack_top[], ep_data_load[], ep_data_start[], ep_data_end[], ep_bss_start[], ep_bss_end[];
void ep_reset(void);

volatile uint32_t counter = 7u;
volatile uint64_t wide = 5u;
volatile float real = 1.5f;
static uint32_t zeroed[3];

void ep_reset(void)
{
    __builtin_memcpy(ep_data_start, ep_data_load, (size_t)(ep_data_end - ep_data_start));
    __builtin_memset(ep_bss_start, 0, (size_t)(ep_bss_end - ep_bss_start));
    for (;;) {
        counter += zeroed[counter % 3u]++;
        wide = wide / counter;
        real = real * 1.5f + 2.0f;
        ep_arena[counter % EP_ARENA_BYTES] = table[counter % TABLE_BYTES];
    }
}

__attribute__((section(".vectors"), used)) void *const ep_vectors[2] = {ep_stack_top, (void *)ep_reset};
"""

ARENA_H = """\
#include <stdint.h>

#define EP_ARENA_BYTES {arena_bytes}
#define TABLE_BYTES {table_bytes}
extern uint8_t ep_arena[EP_ARENA_BYTES];
extern const uint8_t table[TABLE_BYTES];
"""

ARENA_C = """\
#include "arena.h"

uint8_t ep_arena[EP_ARENA_BYTES] __attribute__((aligned(16)));
const uint8_t table[TABLE_BYTES] = {1, 2, 3};
"""


@pytest.fixture(params=TOOLCHAINS, ids=lambda toolchain: toolchain.name)
def toolchain(request):
    try:
        request.param.find()
    except NotFoundError as error:
        missing(error.message)
    return request.param


def small_target(**changes) -> Target:
    """A Cortex-M4 with 16 KiB of flash and 8 KiB of RAM, 1 KiB of it stack."""
    regions = (Region("flash", "flash", 0x0800_0000, 16384), Region("ram", "ram", 0x2000_0000, 8192))
    return replace(find_target("virtual-m4"), name="small", regions=regions, stack_bytes=1024, **changes)


def write_sources(folder: Path, arena_bytes: int = 1000, table_bytes: int = 100) -> Path:
    folder.mkdir(parents=True)
    (folder / "main.c").write_text(MAIN_C)
    (folder / "arena.c").write_text(ARENA_C)
    (folder / "arena.h").write_text(ARENA_H.format(arena_bytes=arena_bytes, table_bytes=table_bytes))
    return folder


def test_sizes_are_those_of_the_elf_file(toolchain, tmp_path):
    elffile = require_module("elftools.elf.elffile")
    firmware = compile_firmware(write_sources(tmp_path / "src"), small_target(), tmp_path / "out", toolchain)
    with firmware.elf.open("rb") as file:
        elf = elffile.ELFFile(file)
        sizes = {section.name: section["sh_size"] for section in elf.iter_sections()}
        symbols = {s.name: s["st_value"] for s in elf.get_section_by_name(".symtab").iter_symbols()}
        programmed = sum(s["p_filesz"] for s in elf.iter_segments() if s["p_type"] == "PT_LOAD")
    found = firmware.sizes
    assert found.arena_bytes == 1000
    assert found.stack_bytes == sizes[".stack"]
    assert found.stack_bytes == stack_bound(read_elf(firmware.elf)).bytes + EXCEPTION_FRAME_BYTES
    assert found.data_bytes == sizes[".data"] >= 16
    assert found.bss_bytes == sizes[".bss"] - 1000 >= 12
    assert found.flash_bytes == firmware.binary.stat().st_size
    assert programmed <= found.flash_bytes < programmed + 16
    assert found.ram_bytes == symbols["ep_bss_end"] - 0x2000_0000
    assert found.ram_bytes >= found.stack_bytes + found.data_bytes + found.bss_bytes + 1000


def test_memory_is_laid_out_as_promised(toolchain, tmp_path):
    firmware = compile_firmware(write_sources(tmp_path / "src"), small_target(), tmp_path / "out", toolchain)
    elf = read_elf(firmware.elf)
    binary = firmware.binary.read_bytes()
    assert elf.address("ep_vectors") == elf.address("ep_flash_start") == 0x0800_0000
    assert elf.entry & ~1 == elf.address("ep_reset") & ~1
    assert elf.address("ep_stack_bottom") == 0x2000_0000
    top = 0x2000_0000 + firmware.sizes.stack_bytes
    assert elf.address("ep_stack_top") == top <= elf.address("ep_data_start")
    assert elf.address("ep_data_end") <= elf.address("ep_bss_start") <= elf.address("ep_arena")
    assert elf.address("ep_arena") + 1000 <= elf.address("ep_bss_end")
    assert elf.address("ep_arena") % 16 == 0
    # The reset vector and the start value of a variable, read out of the image as the core would.
    assert int.from_bytes(binary[:4], "little") == top
    assert int.from_bytes(binary[4:8], "little") == elf.address("ep_reset") | 1
    at = elf.address("ep_data_load") + elf.address("counter") - elf.address("ep_data_start") - 0x0800_0000
    assert int.from_bytes(binary[at : at + 4], "little") == 7
    assert elf.address("ep_flash_end") - elf.address("ep_flash_start") == len(binary)


def test_the_same_bytes_whatever_the_folder_is_called(toolchain, tmp_path):
    first = compile_firmware(write_sources(tmp_path / "a"), small_target(), tmp_path / "1", toolchain)
    other = write_sources(tmp_path / "somewhere" / "else entirely")
    second = compile_firmware(other, small_target(), tmp_path / "2", toolchain)
    assert first.elf.read_bytes() == second.elf.read_bytes()
    assert first.binary.read_bytes() == second.binary.read_bytes()
    assert str(tmp_path).encode() not in first.elf.read_bytes()


def test_make_in_the_folder_gives_the_same_bytes(toolchain, tmp_path):
    make = require_tool("make")
    sources = write_sources(tmp_path / "src")
    target = small_target()
    firmware = compile_firmware(sources, target, tmp_path / "out", toolchain)
    ordered = sorted(TOOLCHAINS, key=lambda other: other is not toolchain)
    for name, text in build_files(target, ordered, firmware.sizes.stack_bytes).items():
        (sources / name).write_text(text)
    arguments = [f"TOOLCHAIN={toolchain.name}", f"PYTHON={sys.executable}"]
    subprocess.run([make, *arguments], cwd=sources, check=True, capture_output=True)
    assert (sources / "firmware.elf").read_bytes() == firmware.elf.read_bytes()


def test_what_fits_exactly_fits_and_one_byte_more_does_not(toolchain, tmp_path):
    target = small_target()
    fixed = compile_firmware(write_sources(tmp_path / "a"), target, tmp_path / "1", toolchain).sizes
    most = 8192 - (fixed.ram_bytes - 1000)
    full = compile_firmware(write_sources(tmp_path / "b", most), target, tmp_path / "2", toolchain)
    assert full.sizes.ram_bytes == 8192
    with pytest.raises(BudgetError, match=r"does not fit small: RAM: \d+ bytes needed .* 8192 available"):
        compile_firmware(write_sources(tmp_path / "c", most + 4), target, tmp_path / "3", toolchain)


def test_both_memories_are_named_with_both_numbers(toolchain, tmp_path):
    sources = write_sources(tmp_path / "src", arena_bytes=100_000, table_bytes=50_000)
    with pytest.raises(BudgetError) as caught:
        compile_firmware(sources, small_target(), tmp_path / "out", toolchain)
    message = caught.value.message
    assert re.search(r"\(arena 100000, stack \d+, other \d+\), 8192 available", message)
    assert "; flash: 5" in message and "16384 available" in message
    assert caught.value.exit_status == 3 and caught.value.hint
    assert not (tmp_path / "out" / "firmware.elf").exists()


@pytest.mark.parametrize(
    "line", ["int8_t narrow(int32_t x);\nint8_t narrow(int32_t x)\n{\n    return x;\n}\n", "#error stop\n"]
)
def test_a_file_that_does_not_compile_is_a_tool_error_with_its_lines(toolchain, line, tmp_path):
    sources = write_sources(tmp_path / "src")
    (sources / "zz.c").write_text(f"#include <stdint.h>\n{line}")
    with pytest.raises(ToolError, match=r"zz\.c:\d+") as caught:
        compile_firmware(sources, small_target(), tmp_path / "out", toolchain)
    assert "-Wconversion" in caught.value.message and "status 1" in caught.value.message


def test_a_missing_function_is_a_tool_error_not_a_budget_error(toolchain, tmp_path):
    sources = write_sources(tmp_path / "src")
    text = (sources / "main.c").read_text().replace("    for (;;) {", "    absent();\n    for (;;) {")
    (sources / "main.c").write_text("void absent(void);\n" + text)
    with pytest.raises(ToolError, match="absent"):
        compile_firmware(sources, small_target(), tmp_path / "out", toolchain)


def test_a_folder_without_c_and_an_unknown_core_are_usage_errors(toolchain, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"has no \.c files"):
        compile_firmware(tmp_path / "empty", small_target(), tmp_path / "out", toolchain)
    with pytest.raises(UsageError, match="cortex-m99"):
        compile_firmware(write_sources(tmp_path / "s"), small_target(core="cortex-m99"), tmp_path, toolchain)


def test_a_missing_toolchain_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFoundError) as caught:
        TOOLCHAINS["gcc-arm"].find()
    assert "apt install gcc-arm-none-eabi" in caught.value.hint and caught.value.exit_status == 5
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotFoundError) as caught:
        TOOLCHAINS["zig"].find()
    assert caught.value.hint == "pip install 'edgeprune[compile]'"


def test_a_host_target_is_a_native_program(tmp_path):
    require_module("ziglang")
    sources = tmp_path / "src"
    sources.mkdir()
    (sources / "main.c").write_text('#include <stdio.h>\nint main(void)\n{\n    puts("here");\n}\n')
    firmware = compile_firmware(sources, find_target("host"), tmp_path / "out", ZIG)
    assert firmware.sizes is None
    assert subprocess.run([firmware.elf], capture_output=True, check=True).stdout == b"here\n"
    assert firmware.binary.read_bytes() == firmware.elf.read_bytes()
    assert "firmware.ld" not in build_files(find_target("host"), TOOLCHAINS, 0)


def test_the_linker_script_comes_from_the_regions():
    script = linker_script(small_target(), 512)
    assert "flash (rx) : ORIGIN = 0x08000000, LENGTH = 0x4000" in script
    assert "ram (rw) : ORIGIN = 0x20000000, LENGTH = 0x2000" in script


def test_gaps_in_the_image_read_as_erased_flash():
    elf = Elf(0, (Segment(8, 108, 2, b"cd"), Segment(0, 100, 4, b"ab"), Segment(50, 50, 9, b"")), (), {})
    assert elf.image() == (100, b"ab" + b"\xff" * 6 + b"cd")
    with pytest.raises(ToolError, match="two segments"):
        Elf(0, (Segment(0, 100, 4, b"abcd"), Segment(0, 102, 1, b"x")), (), {}).image()
    with pytest.raises(ToolError, match="nothing to program"):
        Elf(0, (), (), {}).image()


def test_files_that_are_no_firmware_are_refused(tmp_path):
    path = tmp_path / "x.elf"
    for content in (
        b"",
        b"\x7fELF",
        b"MZ" * 100,
        b"\x7fELF\x02\x01" + bytes(100),
        b"\x7fELF\x01\x01" + b"\xff" * 200,
    ):
        path.write_bytes(content)
        with pytest.raises(ToolError, match=r"x\.elf is not a readable 32-bit ELF"):
            read_elf(path)


def test_every_truncation_of_a_firmware_is_refused_or_read(toolchain, tmp_path):
    firmware = compile_firmware(write_sources(tmp_path / "src"), small_target(), tmp_path / "out", toolchain)
    content = firmware.elf.read_bytes()
    path = shutil.copy(firmware.elf, tmp_path / "cut.elf")
    refused = 0
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        try:
            read_elf(path)
        except ToolError:
            refused += 1
    assert refused > len(content) // 97 // 2
