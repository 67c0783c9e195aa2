"""The virtual boards: memory, faults, and counts that are exact."""

import gc
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.firmware import LOOPS, USE_STACK, WRITE, Built, tiny_firmware, tiny_inputs, tiny_output
from support.tools import require_module, require_tool

from edgeprune.device.elf import read_elf
from edgeprune.device.emulator import unicorn_board
from edgeprune.device.emulator.cycles import read_block
from edgeprune.device.emulator.cycles_m4 import CORTEX_M4, landing
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.emulator.qemu import start_qemu
from edgeprune.device.emulator.thumb import Kind, decode, decode_block, size_bytes
from edgeprune.device.emulator.unicorn_board import UnicornBoard
from edgeprune.device.session import Session
from edgeprune.device.target import find_target
from edgeprune.errors import BoardError, NotFoundError

ID = 1


def open_board(toolchain: str = "zig") -> Session:
    return Session(UnicornBoard(find_target("virtual-m4"), tiny_firmware("virtual-m4", toolchain).image), ID)


# --- counts


def test_a_loop_of_known_length_is_counted_exactly() -> None:
    session = open_board()
    short = session.run(tiny_inputs(0, LOOPS, 1000), measure=True)
    long = session.run(tiny_inputs(0, LOOPS, 51_000), measure=True)
    spin, longer = short.layers[1], long.layers[1]
    assert spin.instructions is not None and longer.instructions is not None
    assert spin.cycles is not None and longer.cycles is not None
    assert 0 < spin.instructions - 3 * 1000 < 40  # the call, and reading how often
    assert longer.instructions - spin.instructions == 3 * 50_000
    assert longer.cycles - spin.cycles == 4 * 50_000  # nop, subs, bne taken with one cycle of refill
    assert short.layers[0] == long.layers[0]


def test_a_board_that_is_stopped_in_between_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `boards start` does, which looks at its lines while the board computes."""
    inputs = tiny_inputs(0, LOOPS, 20_000)
    undisturbed = open_board().run(inputs, measure=True)
    monkeypatch.setattr(unicorn_board, "BLOCKS_PER_LOOK", 50)
    stops = []

    class Hasty(UnicornBoard):
        def read(self, timeout_s: float) -> bytes:
            deadline = time.monotonic() + timeout_s
            while not (said := super().read(1e-6)) and not self.is_idle and time.monotonic() < deadline:
                stops.append(self._pc)
            return said

    image = tiny_firmware("virtual-m4").image
    hasty = Session(Hasty(find_target("virtual-m4"), image), ID)
    assert hasty.run(inputs, measure=True) == undisturbed
    assert len(stops) > 100


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without finalisers that run anywhere: Python itself drops an interrupt that rises in one of them."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_an_interrupt_is_never_lost() -> None:
    """Wherever it comes: an exception that rises on the way from C into Python is dropped by ctypes."""
    draw = random.Random(0)
    inputs = tiny_inputs(0, LOOPS, 2000)
    for _ in range(40):
        session = open_board()
        timer = threading.Timer(draw.uniform(0.001, 0.02), signal.raise_signal, [signal.SIGINT])
        deadline = time.monotonic() + 5
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            while time.monotonic() < deadline:
                session.run(inputs, measure=True)
    assert open_board().run(inputs).outputs == (tiny_output(*inputs),)


@pytest.mark.parametrize("toolchain", ["zig", "gcc-arm"])
def test_layers_add_up_to_the_whole(toolchain: str) -> None:
    if toolchain == "gcc-arm":
        require_tool("arm-none-eabi-gcc")
    result = open_board(toolchain).run(tiny_inputs(0), measure=True)
    layers = [layer.instructions or 0 for layer in result.layers]
    assert min(layers) > 300 * 2
    around = (result.total.instructions or 0) - sum(layers)
    assert 0 <= around <= 8  # what ep_model_run itself does: save and restore registers
    assert result.outputs == (tiny_output(*tiny_inputs(0)),)


def functions(built: Built, tmp_path: Path) -> list[tuple[str, int, int]]:
    """Name, start and end of every function but those that wait for the UART."""
    path = tmp_path / "firmware.elf"
    path.write_bytes(built.elf)
    symbols = read_elf(path).symbols
    return [
        (name, symbol.address & ~1, (symbol.address & ~1) + symbol.size_bytes)
        for name, symbol in symbols.items()
        if symbol.size_bytes and symbol.address & 1 and not name.startswith(("ep_hal_read", "ep_hal_write"))
    ]


@pytest.mark.qemu
def test_counts_equal_qemus_single_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("qemu-system-arm")
    monkeypatch.setattr("edgeprune.device.session.WAITS_S", (60.0,))  # a request sent twice is counted twice
    target = find_target("mps2-an386")
    built = tiny_firmware("mps2-an386")
    ranges = functions(built, tmp_path)
    assert {"ep_crc32", "ep_line_receive", "ep_model_run"} <= {name for name, _, _ in ranges}

    image, log = tmp_path / "flash.bin", tmp_path / "trace"
    image.write_bytes(built.image)
    filters = ",".join(f"{start:#x}+{end - start:#x}" for _, start, end in ranges)
    command = start_qemu(target, image)
    command.close()
    # with -icount, QEMU traces the first access to each device twice
    plain = [word for word in command._command if word not in ("-icount", "shift=0")]
    traced = [*plain, "-singlestep", "-d", "exec,nochain", "-D", str(log), "-dfilter", filters]
    child = ChildBoard(traced)
    expected = Session(child, ID).run(tiny_inputs(0))
    time.sleep(0.5)  # until it waits for input again, as the other board does
    child._child.terminate()  # and writes all of its trace
    child._child.wait()
    child.close()
    stepped: dict[int, int] = {}
    for line in log.read_text().splitlines():
        found = re.match(r"Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/", line)
        if found:
            pc = int(found[1], 16)
            stepped[pc] = stepped.get(pc, 0) + 1

    board = UnicornBoard(target, built.image)
    board._wants_counting = True
    board._switch_counting()
    assert Session(board, ID).run(tiny_inputs(0)) == expected
    counted: dict[int, int] = {}
    for (_, block), times in board._counter.edges.items():
        at = block
        for instruction in decode_block(board._counter._fetch(block, board._counter._ends[block] - block)):
            if any(start <= at < end for _, start, end in ranges):
                counted[at] = counted.get(at, 0) + times
            at += instruction.size_bytes
    assert counted == stepped  # each instruction of each function, condition-failed ones included
    assert sum(counted.values()) > 100_000


# --- the decoder and the cycle model


@pytest.mark.parametrize(
    ("code", "kind", "cycles"),
    [
        ("00bf", Kind.ALU, 1),  # nop
        ("4843", Kind.MULTIPLY, 1),  # muls r0, r1, r0
        ("20fb0130", Kind.MULTIPLY, 1),  # smlad r0, r0, r1, r3
        ("0868", Kind.LOAD, 2),  # ldr r0, [r1]
        ("08680a68", Kind.LOAD, 3),  # two loads pipeline
        ("09680868", Kind.LOAD, 4),  # the second load's address comes from the first
        ("086048600860", Kind.STORE, 3),  # str with an immediate offset
        ("8850", Kind.STORE, 2),  # str r0, [r1, r2]
        ("0fc9", Kind.LOAD_MULTIPLE, 5),  # ldm r1!, {r0-r3}
        ("d1e90023", Kind.LOAD_MULTIPLE, 3),  # ldrd r2, r3, [r1]
        ("70b5", Kind.STORE_MULTIPLE, 5),  # push {r4, r5, r6, lr}
        ("90fbf1f0", Kind.DIVIDE, 12),  # sdiv r0, r0, r1
        ("b0fbf1f0", Kind.DIVIDE, 12),  # udiv r0, r0, r1
        ("effd00f7", Kind.ALU, 1),  # not an instruction of this core
        ("20ee200a", Kind.FLOAT, 1),  # vmul.f32 s0, s0, s1
        ("00ee200a", Kind.FLOAT_MULTIPLY_ADD, 3),  # vmla.f32 s0, s0, s1
        ("80ee200a", Kind.FLOAT_DIVIDE, 14),  # vdiv.f32 s0, s0, s1
        ("b1eec00a", Kind.FLOAT_DIVIDE, 14),  # vsqrt.f32 s0, s0
        ("d1ed000a", Kind.LOAD, 2),  # vldr s1, [r1]
        ("2ded048a", Kind.STORE_MULTIPLE, 5),  # vpush {s16-s19}
        ("eff30880", Kind.SYSTEM, 2),  # mrs r0, msp
    ],
)
def test_cycles_of_the_manuals_table(code: str, kind: Kind, cycles: int) -> None:
    raw = bytes.fromhex(code)
    first, second = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[2:4], "little")
    assert decode(first, second).kind is kind
    assert read_block(raw, CORTEX_M4).cycles == cycles


def test_taken_branches_refill_the_pipeline() -> None:
    assert read_block(bytes.fromhex("fed1"), CORTEX_M4).refill == 1  # bne to a fixed address
    assert read_block(bytes.fromhex("7047"), CORTEX_M4).refill == 2  # bx lr
    assert read_block(bytes.fromhex("70bd"), CORTEX_M4).refill == 2  # pop {r4, r5, r6, pc}
    assert read_block(bytes.fromhex("0868"), CORTEX_M4).refill == 0
    assert landing(0x1002, 0xF000) == 1
    assert landing(0x1000, 0xF000) == 0
    assert landing(0x1002, 0x2000) == 0


# mnemonics by class, as capstone names them; what is not here takes one cycle
NAMES = {
    Kind.LOAD: "ldr ldrb ldrh ldrsb ldrsh ldrt ldrbt ldrht ldrsbt ldrsht ldrex ldrexb ldrexh",
    Kind.STORE: "str strb strh strt strbt strht strex strexb strexh",
    Kind.LOAD_MULTIPLE: "ldm ldmdb pop ldrd vpop vldmia vldmdb",
    Kind.STORE_MULTIPLE: "stm stmdb push strd vpush vstmia vstmdb",
    Kind.BRANCH: "b bl cbz cbnz beq bne bhs blo bmi bpl bvs bvc bhi bls bge blt bgt ble",
    Kind.BRANCH_REGISTER: "bx blx",
    Kind.TABLE_BRANCH: "tbb tbh",
    Kind.DIVIDE: "sdiv udiv",
    Kind.SYSTEM: "mrs msr",
    Kind.BARRIER: "dmb dsb isb",
    Kind.MULTIPLY: "mul muls mla mls usad8 usada8",
}
MULTIPLIES = re.compile(r"(sm[lmu]|um[la]|umu).+")
BY_NAME = {name: kind for kind, names in NAMES.items() for name in names.split()}
OTHERS = re.compile(r"(stl|lda|tt|stc|ldc|cdp|mcr|mrc|fld|fst|v).*|(msr|mrs).+|blxns|bxns|sg")


def test_the_decoder_agrees_with_capstone_on_integer_code() -> None:
    capstone = require_module("capstone")
    disassembler = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    draw = random.Random(0)
    firsts = [*range(0, 0xE800, 3), *(draw.randrange(0xE800, 0x10000) for _ in range(30_000))]
    compared = 0
    for first in firsts:
        second = draw.randrange(0x10000)
        code = first.to_bytes(2, "little") + second.to_bytes(2, "little")
        for instruction in disassembler.disasm(code, 0x1000, 1):
            name = instruction.mnemonic.split(".")[0]
            assert instruction.size == size_bytes(first)
            if OTHERS.fullmatch(name) or instruction.op_str.startswith("pc,"):
                continue
            compared += 1
            kind = decode(first, second).kind
            otherwise = Kind.MULTIPLY if MULTIPLIES.fullmatch(name) else Kind.ALU
            expected = BY_NAME.get(name, otherwise)
            assert kind is expected, f"{code.hex()} {name} {instruction.op_str}"
    assert compared > 25_000


# --- memory and faults


def test_the_stacks_peak_is_measured() -> None:
    session = open_board()
    session.run(tiny_inputs(0))
    peaks = [session.memory().stack_peak_bytes]
    for more in (160, 200):
        session.run(tiny_inputs(0, USE_STACK, more))
        peaks.append(session.memory().stack_peak_bytes)
    assert 160 <= peaks[1] <= peaks[0] + 160
    assert peaks[2] - peaks[1] == 40
    session.run(tiny_inputs(0))
    assert session.memory().stack_peak_bytes == peaks[2], "a peak stays"
    assert peaks[2] <= session.memory().stack_bytes <= 2048


def test_a_stack_that_overflows_stops_the_board_with_pc_and_address() -> None:
    session = open_board()
    with pytest.raises(BoardError) as raised:
        session.run(tiny_inputs(0, USE_STACK, 3000))
    assert re.search(r"crashed at pc 0x0800[0-9a-f]{4}, address 0x1fff[0-9a-f]{4}", raised.value.message)


def test_flash_cannot_be_written_by_the_firmware() -> None:
    with pytest.raises(BoardError, match="address 0x08000010"):
        open_board().run(tiny_inputs(0, WRITE, 0x0800_0010))


def test_ram_ends_where_it_ends() -> None:
    session = open_board()
    assert session.run(tiny_inputs(0, WRITE, 0x2009_FFFF)).outputs == (tiny_output(*tiny_inputs(0)),)
    with pytest.raises(BoardError, match="address 0x200a0000"):
        session.run(tiny_inputs(0, WRITE, 0x200A_0000))


def test_a_crashed_board_works_again_after_a_reset() -> None:
    board = UnicornBoard(find_target("virtual-m4"), tiny_firmware("virtual-m4").image)
    with pytest.raises(BoardError, match="crashed"):
        Session(board, ID).run(tiny_inputs(0, USE_STACK, 3000))
    with pytest.raises(BoardError, match="crashed"):
        Session(board, ID)
    board.reset()
    assert Session(board, ID).run(tiny_inputs(0)).outputs == (tiny_output(*tiny_inputs(0)),)


@pytest.mark.qemu
def test_on_qemu_the_firmware_itself_reports_its_crash(tmp_path: Path) -> None:
    require_tool("qemu-system-arm")
    image = tmp_path / "flash.bin"
    image.write_bytes(tiny_firmware("mps2-an386").image)
    board = start_qemu(find_target("mps2-an386"), image)
    try:
        session = Session(board, ID)
        with pytest.raises(BoardError, match="crashed at address 0x0000"):
            session.run(tiny_inputs(0, WRITE, 0xA000_0000))
        with pytest.raises(BoardError, match="crashed at address 0x0000"):
            session.memory()
        session.reset()
        assert session.memory().arena_bytes == 512
    finally:
        board.close()


def test_an_image_that_is_no_firmware_is_refused() -> None:
    target = find_target("virtual-m4")
    with pytest.raises(BoardError, match="too short"):
        UnicornBoard(target, b"1234")
    with pytest.raises(BoardError, match="image has 2097153 bytes"):
        UnicornBoard(target, bytes(2 * 1024 * 1024 + 1))
    with pytest.raises(BoardError, match="crashed"):
        Session(UnicornBoard(target, random.Random(0).randbytes(1000)), ID)


def test_missing_qemu_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFoundError) as raised:
        start_qemu(find_target("mps2-an386"), tmp_path / "flash.bin")
    assert "apt-get install qemu-system-arm" in (raised.value.hint or "")
