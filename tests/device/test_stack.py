"""The stack bound against frames written by hand, and against what firmware really used."""

from pathlib import Path

import pytest
from support.tools import require_module

from edgeprune.device.elf import read_elf
from edgeprune.device.stack import stack_bound
from edgeprune.device.toolchain import ZIG
from edgeprune.errors import ToolError

CORES = ["cortex-m0plus", "cortex-m4"]

HEAD = """
.syntax unified
.text
.macro function name
.global \\name
.type \\name, %function
.thumb_func
\\name:
.endm
"""

START = """
.size {name}, . - {name}
"""


def elf_of(tmp_path: Path, core: str, **functions: str):
    """An ELF file of functions written in assembly; the first is where it starts."""
    require_module("ziglang")
    text = HEAD
    for name, body in functions.items():
        text += f"function {name}\n{body}\n" + START.format(name=name)
    (tmp_path / "code.s").write_text(text)
    first = next(iter(functions))
    flags = [flag for flag in ZIG.flags(core) if not flag.startswith(("-W", "-std", "-f"))]
    ZIG.run(
        (*flags, "code.s", "-nostdlib", f"-Wl,-e,{first}", "-Wl,--no-gc-sections", "-o", "code.elf"), tmp_path
    )
    return read_elf(tmp_path / "code.elf")


@pytest.mark.parametrize("core", CORES)
def test_frames_and_calls_add_up_to_the_deepest_path(core, tmp_path):
    elf = elf_of(
        tmp_path,
        core,
        start="push {r4, lr}\n bl shallow\n bl deep\n pop {r4, pc}",
        shallow="push {r4-r7, lr}\n sub sp, #64\n add sp, #64\n pop {r4-r7, pc}",
        deep="push {r7, lr}\n sub sp, #32\n bl shallow\n add sp, #32\n pop {r7, pc}",
    )
    bound = stack_bound(elf, "start")
    assert bound.bytes == 136  # 8 + (8 + 32) + (20 + 64), rounded up to 8
    assert bound.path == ("start", "deep", "shallow")


@pytest.mark.parametrize("core", CORES)
def test_a_call_made_after_the_frame_is_gone_does_not_stand_on_it(core, tmp_path):
    elf = elf_of(
        tmp_path,
        core,
        start="push {r4, lr}\n sub sp, #96\n add sp, #96\n bl leaf\n pop {r4, pc}",
        leaf="push {r4-r7}\n pop {r4-r7}\n bx lr",
    )
    assert stack_bound(elf, "start").bytes == 104


@pytest.mark.parametrize("core", CORES)
def test_code_behind_a_return_has_the_depth_of_who_branches_there(core, tmp_path):
    elf = elf_of(
        tmp_path,
        core,
        start="push {r4, lr}\n cmp r0, #0\n beq 1f\n sub sp, #40\n add sp, #40\n pop {r4, pc}\n"
        "1: bl leaf\n pop {r4, pc}",
        leaf="push {r4-r7}\n pop {r4-r7}\n bx lr",
    )
    assert stack_bound(elf, "start").bytes == 48  # leaf stands on 8, not on 48


def test_wide_instructions_count(tmp_path):
    elf = elf_of(
        tmp_path,
        "cortex-m4",
        start="push.w {r4-r11, lr}\n vpush {d8-d9}\n sub.w sp, sp, #1024\n str r0, [sp, #-8]!\n"
        "bl.w start2\n addw sp, sp, #8\n add.w sp, sp, #1024\n vpop {d8-d9}\n pop.w {r4-r11, pc}",
        start2="strd r0, r1, [sp, #-16]!\n ldrd r0, r1, [sp], #16\n bx lr",
    )
    assert stack_bound(elf, "start").bytes == 1104  # 36 + 16 + 1024 + 8 + 16, rounded up


def test_a_frame_too_large_for_an_immediate_counts(tmp_path):
    body = "push {r4, lr}\n ldr r3, 1f\n add sp, r3\n bl leaf\n b .\n .align 2\n1: .word -2000"
    elf = elf_of(tmp_path, "cortex-m0plus", start=body, leaf="bx lr")
    assert stack_bound(elf, "start").bytes == 2008


@pytest.mark.parametrize("core", CORES)
def test_recursion_has_no_bound(core, tmp_path):
    elf = elf_of(
        tmp_path, core, start="push {lr}\n bl other\n pop {pc}", other="push {lr}\n bl start\n pop {pc}"
    )
    with pytest.raises(ToolError, match="start calls itself"):
        stack_bound(elf, "start")


def test_a_stack_of_unknown_size_has_no_bound(tmp_path):
    elf = elf_of(tmp_path, "cortex-m4", start="sub.w sp, sp, r0\n bx lr")
    with pytest.raises(ToolError, match="unknown size in start"):
        stack_bound(elf, "start")


def test_a_call_through_a_pointer_may_reach_any_function_whose_address_is_there(tmp_path):
    elf = elf_of(
        tmp_path,
        "cortex-m4",
        start="push {r4, lr}\n ldr r3, =one\n blx r3\n pop {r4, pc}\n .ltorg\n .skip 64",
        one="push {r4-r7, lr}\n pop {r4-r7, pc}",
        never="sub sp, #200\n add sp, #200\n bx lr",
        table=".align 2\n .skip 64\n .word one",
    )
    assert stack_bound(elf, "start").bytes == 32


def test_low_overhead_loops_are_no_calls(tmp_path):
    body = (
        "push {r4, lr}\n wls lr, r0, 2f\n1: bl leaf\n le lr, 1b\n2: dls lr, r1\n3: le lr, 3b\n pop {r4, pc}"
    )
    elf = elf_of(tmp_path, "cortex-m55", start=body, leaf="push {r4-r7}\n pop {r4-r7}\n bx lr")
    assert stack_bound(elf, "start").bytes == 24
