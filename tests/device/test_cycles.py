"""The cycle models: each against the table or the rules it names; registers against a disassembler."""

import random
import re

import pytest
from support.tools import require_module

from edgeprune.device.cores import CORES
from edgeprune.device.emulator.cycles import Block, CycleModel, read_block
from edgeprune.device.emulator.cycles_m0plus import CORTEX_M0PLUS, CORTEX_M0PLUS_SMALL
from edgeprune.device.emulator.cycles_m4 import CORTEX_M4
from edgeprune.device.emulator.cycles_m7 import CORTEX_M7
from edgeprune.device.emulator.cycles_m33 import CORTEX_M33
from edgeprune.device.emulator.registers import registers
from edgeprune.device.emulator.thumb import Kind, decode

MODELS = [core.cycles for core in CORES if core.cycles is not None]


def block(code: str, model: CycleModel, wait_states: int = 0) -> Block:
    return read_block(bytes.fromhex(code), model, wait_states)


# mnemonic, code, cycles, what more when it branches: DDI 0484C, table 3.1
@pytest.mark.parametrize(
    ("code", "cycles", "refill"),
    [
        ("00bf", 1, 0),  # nop
        ("4843", 1, 0),  # muls r0, r1, r0
        ("0868", 2, 0),  # ldr r0, [r1]
        ("0878", 2, 0),  # ldrb r0, [r1]
        ("0860", 2, 0),  # str r0, [r1]
        ("8850", 2, 0),  # str r0, [r1, r2]
        ("08680a68", 4, 0),  # loads do not pipeline
        ("0fc9", 5, 0),  # ldm r1!, {r0-r3}
        ("0fc1", 5, 0),  # stm r1!, {r0-r3}
        ("70b5", 5, 0),  # push {r4, r5, r6, lr}
        ("70bc", 4, 0),  # pop {r4, r5, r6}
        ("70bd", 5, 2),  # pop {r4, r5, r6, pc}
        ("fed1", 1, 1),  # bne
        ("fee7", 1, 1),  # b
        ("7047", 1, 1),  # bx lr
        ("00f000f8", 1, 2),  # bl
        ("bff34f8f", 3, 0),  # dsb
        ("eff30880", 3, 0),  # mrs r0, msp
    ],
)
def test_the_m0plus_takes_what_its_manual_says(code: str, cycles: int, refill: int) -> None:
    assert block(code, CORTEX_M0PLUS) == Block(block(code, CORTEX_M0PLUS).instructions, cycles, refill)


def test_the_small_multiplier_takes_32_cycles() -> None:
    assert block("4843", CORTEX_M0PLUS_SMALL).cycles == 32
    assert block("0868", CORTEX_M0PLUS_SMALL) == block("0868", CORTEX_M0PLUS)


@pytest.mark.parametrize(
    ("code", "m33", "m7"),
    [
        ("0130", 1, 1),  # adds r0, #1
        ("01300131", 1, 1),  # adds r0, #1; adds r1, #1
        ("01300130", 2, 2),  # the second needs the first
        ("013001310132", 2, 2),
        ("00f1010001f10101", 2, 1),  # the same in 32 bits: the M33 pairs 16-bit instructions only
        ("08681368", 2, 1),  # ldr r0, [r1]; ldr r3, [r2]
        ("08680360", 3, 3),  # ldr r0, [r1]; str r3, [r0]: waits for the address
        ("08680130", 3, 2),  # ldr r0, [r1]; adds r0, #1: a cycle between on the M33
        ("08780130", 3, 3),  # ldrb instead: a cycle between on the M7, too
        ("48435143", 2, 2),  # muls r0, r1; muls r1, r2: one multiply a cycle
        ("20fb013021fb0230", 2, 2),  # smlad r0, r0, r1, r3; smlad r0, r1, r2, r3
        ("20fb0130013000bf", 3, 3),  # smlad r0, ...; adds r0, #1; nop
        ("20fb0130c4fb0056", 3, 3),  # smlad r0, ...; smlal r5, r6, r4, r0: a product of the sum waits
        ("20fb013024fb0500", 2, 2),  # smlad r0, ...; smlad r0, r4, r5, r0: a sum of the sum does not
        ("2ffa81f02ffa82f3", 2, 2),  # sxtb16 r0, r1; sxtb16 r3, r2: one unit on the M7
        ("0fc9", 4, 2),  # ldm r1!, {r0-r3}
        ("d1e90023", 2, 1),  # ldrd r2, r3, [r1]
        ("90fbf1f0", 11, 7),  # sdiv
        ("0138fdd1", 1, 1),  # subs r0, #1; bne
    ],
)
def test_pairs_issue_together_where_the_rules_allow(code: str, m33: int, m7: int) -> None:
    assert (block(code, CORTEX_M33).cycles, block(code, CORTEX_M7).cycles) == (m33, m7)


def test_wait_states_of_the_flash_are_added_at_branches_and_literals() -> None:
    literal_and_branch = "0148fed1"  # ldr r0, [pc, #4]; bne
    without, slow = (block(literal_and_branch, CORTEX_M4, states) for states in (0, 5))
    assert slow == Block(2, without.cycles + 5, without.refill + 5)
    assert block("08680130", CORTEX_M4, 5) == block("08680130", CORTEX_M4)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_any_code_has_cycles(model: CycleModel) -> None:
    """And no less than half a cycle an instruction: no core here issues more than two."""
    draw = random.Random(0)
    for _ in range(2000):
        code = draw.randbytes(2 * draw.randrange(1, 20))
        found = read_block(code, model)
        assert found.cycles * 2 >= found.instructions >= 1
        assert 0 <= found.refill <= 2


def test_without_a_model_instructions_are_counted_all_the_same() -> None:
    assert read_block(bytes.fromhex("0868fed1"), None) == Block(2, 0, 0)


def test_instructions_of_armv8m_are_known() -> None:
    assert decode(0xFE80, 0x0A20).kind is Kind.FLOAT  # vmaxnm.f32 s0, s0, s1: no division
    assert decode(0xFE00, 0x0A20).kind is Kind.FLOAT  # vseleq.f32
    assert decode(0xE8D1, 0x0FAF).kind is Kind.LOAD  # lda r0, [r1]
    assert decode(0xE8C1, 0x0FAF).kind is Kind.STORE  # stl r0, [r1]
    assert decode(0xE841, 0xF000).kind is Kind.ALU  # tt r0, r1


# Capstone 5 leaves out operands of these, or calls SVC and HLT users of registers.
CAPSTONE_ERRS = re.compile(
    r"(pkh|[su]sat|[su]xta|[su]mlal|smlsl|umaal|ldrh?b?t|strh?b?t|strex|stmdb|svc|hlt|pl[di]|clz).*"
)
OTHERS = re.compile(r"(v|sha|b|cb|tb|ms|mr|mc|cd|ld[ac]|stc|stl|tt|isb|d[ms]b|sg|f).*")


def test_registers_are_those_that_capstone_names() -> None:
    capstone = require_module("capstone")
    disassembler = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    disassembler.detail = True
    number = {f"r{i}": i for i in range(13)} | {"sb": 9, "sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14}
    draw = random.Random(0)
    firsts = [*range(0, 0xE800, 5), *(draw.randrange(0xE800, 0x10000) for _ in range(30_000))]
    compared = 0
    for first in firsts:
        second = draw.randrange(0x10000)
        code = first.to_bytes(2, "little") + second.to_bytes(2, "little")
        for instruction in disassembler.disasm(code, 0x1000, 1):
            name = instruction.mnemonic
            takes_bfs = name.startswith(("bic", "bfi", "bfc"))
            if CAPSTONE_ERRS.fullmatch(name) or (OTHERS.fullmatch(name) and not takes_bfs):
                continue
            if instruction.op_str.startswith("pc,"):
                continue
            compared += 1
            named = [
                {number[text] for text in map(instruction.reg_name, found) if text in number}
                for found in instruction.regs_access()
            ]
            used = registers(decode(first, second))
            reads = (used.reads | used.addresses | used.added) - {15}
            assert [reads, used.writes] == named, f"{code.hex()} {name} {instruction.op_str}"
    assert compared > 15_000
