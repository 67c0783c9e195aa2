"""Every core's board: the firmware runs, its instructions are counted exactly, and two emulators agree."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.firmware import LOOPS, USE_STACK, tiny_firmware, tiny_inputs, tiny_output, tiny_sources
from support.tools import require_tool

from edgeprune.device.cores import CORES
from edgeprune.device.emulator.start import start_board
from edgeprune.device.emulator.unicorn_board import UnicornBoard
from edgeprune.device.session import RunResult, Session
from edgeprune.device.target import Target, find_target, target_names
from edgeprune.device.toolchain import TOOLCHAINS, compile_firmware
from edgeprune.device.wire import PROTOCOL
from edgeprune.errors import BoardError
from edgeprune.ops.cores import FEATURES

ID = 1
TARGETS = [target for name in target_names() if (target := find_target(name)).linux is None]
UNICORN = [target.name for target in TARGETS if target.board == "unicorn"]
QEMU = [target.name for target in TARGETS if target.board == "qemu"]
ALL = [*UNICORN, *(pytest.param(name, marks=pytest.mark.qemu) for name in QEMU)]
WRAP_INSTRUCTIONS = (1 << 24) * 40
"""The SysTick of a board with 25 MHz wraps after so many."""


@contextmanager
def running(name: str, tmp_path: Path, toolchain: str = "zig") -> Iterator[Session]:
    """A session with a new board that holds the tiny network."""
    target = find_target(name)
    if target.board == "qemu":
        require_tool("qemu-system-arm")
    image = tmp_path / f"{name}.bin"
    image.write_bytes(tiny_firmware(name, toolchain).image)
    board = start_board(target, image)
    try:
        yield Session(board, ID)
    finally:
        board.close()


def instructions(result: RunResult) -> list[int]:
    """Of the whole and of each layer."""
    counts = [result.total, *result.layers]
    assert all(count.instructions is not None for count in counts)
    return [count.instructions or 0 for count in counts]


def spun(session: Session, loops: int) -> list[int]:
    """What a run takes whose layer 1 loops so often, three instructions each time."""
    return instructions(session.run(tiny_inputs(0, LOOPS, loops), measure=True))


@pytest.mark.parametrize("toolchain", ["zig", "gcc-arm"])
@pytest.mark.parametrize("name", ALL)
def test_the_tiny_network_runs_and_loops_are_counted_exactly(
    name: str, toolchain: str, tmp_path: Path
) -> None:
    if toolchain == "gcc-arm":
        require_tool("arm-none-eabi-gcc")
    with running(name, tmp_path, toolchain) as session:
        for seed in range(2):
            assert session.run(tiny_inputs(seed)).outputs == (tiny_output(*tiny_inputs(seed)),)
        shortest = spun(session, 1000)
        assert 0 < shortest[2] - 3 * 1000 < 40
        for more in (1, 2, 7, 13, 50_000):  # whatever the phase of a timer: to the very instruction
            longer = spun(session, 1000 + more)
            extra = 3 * more
            assert longer == [shortest[0] + extra, shortest[1], shortest[2] + extra, shortest[3]]
        around = shortest[0] - sum(shortest[1:])
        assert 0 <= around <= 8  # what ep_model_run itself does


@pytest.mark.parametrize("name", ALL)
def test_cycles_are_told_where_a_model_counts_them(name: str, tmp_path: Path) -> None:
    with running(name, tmp_path) as session:
        result = session.run(tiny_inputs(0, LOOPS, 10_000), measure=True)
    cycles = [count.cycles for count in (result.total, *result.layers)]
    if CORES[find_target(name).core].cycles is None or name in QEMU:
        assert cycles == [None] * 4
        return
    per_loop = (cycles[2] or 0) / 10_000
    assert 2 <= per_loop <= 4.01  # nop, subs, bne


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("qemu", "unicorn"),
    [("mps2-an386", "virtual-m4"), ("mps2-an500", "virtual-m7"), ("mps2-an505", "virtual-m33")],
)
@pytest.mark.parametrize("toolchain", ["zig", "gcc-arm"])
def test_two_emulators_count_the_same(qemu: str, unicorn: str, toolchain: str, tmp_path: Path) -> None:
    if toolchain == "gcc-arm":
        require_tool("arm-none-eabi-gcc")
    with running(qemu, tmp_path, toolchain) as session:
        measured = session.run(tiny_inputs(3), measure=True)
    with running(unicorn, tmp_path, toolchain) as session:
        expected = session.run(tiny_inputs(3), measure=True)
    assert instructions(measured) == instructions(expected)
    assert measured.outputs == expected.outputs


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["mps2-an386", "mps3-an547"])
def test_counts_stay_exact_when_the_timer_wraps(name: str, tmp_path: Path) -> None:
    with running(name, tmp_path) as session:
        short = spun(session, 1000)
        for wraps in (1, 2):
            loops = WRAP_INSTRUCTIONS * wraps // 3 + 12_345
            long = spun(session, loops)
            assert long[2] - short[2] == long[0] - short[0] == 3 * (loops - 1000)
            assert (long[1], long[3]) == (short[1], short[3])


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["mps2-an386", "mps3-an547"])
def test_counts_stay_exact_when_the_timer_wraps_during_a_reading(name: str, tmp_path: Path) -> None:
    """A timer of fewer bits wraps often: here at every place of a reading."""
    require_tool("qemu-system-arm")
    target = find_target(name)
    files = tiny_sources(target, PROTOCOL)
    counters = files["counters_icount.c"].replace("#define VALUE_BITS 24u", "#define VALUE_BITS 8u")
    assert counters != files["counters_icount.c"]
    sources = tmp_path / "src"
    sources.mkdir()
    for file, text in {**files, "counters_icount.c": counters}.items():
        (sources / file).write_text(text, encoding="utf-8")
    firmware = compile_firmware(sources, target, tmp_path / "out", TOOLCHAINS["zig"])
    wrap_instructions = (1 << 8) * 1_000_000_000 // target.clock_hz
    board = start_board(target, firmware.binary)
    try:
        session = Session(board, ID)
        first = spun(session, 1000)
        for more in range(0, wrap_instructions // 3, 97):
            found = spun(session, 1000 + more)
            assert found == [first[0] + 3 * more, first[1], first[2] + 3 * more, first[3]], more
    finally:
        board.close()


@pytest.mark.qemu
def test_the_m55_computes_with_helium(tmp_path: Path) -> None:
    with running("mps3-an547", tmp_path) as session:
        vectors = instructions(session.run(tiny_inputs(0), measure=True))
    with running("mps2-an505", tmp_path) as session:
        scalars = instructions(session.run(tiny_inputs(0), measure=True))
    assert vectors[1] < scalars[1] / 4  # 300 products of bytes, 16 at once


@pytest.mark.parametrize("name", UNICORN)
def test_a_stack_that_leaves_ram_stops_the_board(name: str, tmp_path: Path) -> None:
    ram = find_target(name).region("ram")
    with running(name, tmp_path) as session, pytest.raises(BoardError) as raised:
        session.run(tiny_inputs(0, USE_STACK, 3000))
    assert f"address {(ram.origin - 1) >> 12:#07x}" in raised.value.message


def test_a_core_refuses_the_instructions_of_a_larger_one() -> None:
    """The M0+ is no M4 by another name."""
    small, large = find_target("virtual-m0plus"), find_target("virtual-m4")
    assert small.region("flash").origin == large.region("flash").origin
    with pytest.raises(BoardError, match="crashed"):
        Session(UnicornBoard(small, tiny_firmware("virtual-m4").image), ID)
    foreign = UnicornBoard(large, tiny_firmware("virtual-m0plus").image)
    inputs = tiny_inputs(0)
    assert Session(foreign, ID).run(inputs).outputs == (tiny_output(*inputs),)


def test_every_core_of_a_target_is_known_to_all() -> None:
    targets: list[Target] = [target for target in TARGETS if target.kind == "mcu"]
    for target in targets:
        assert target.core in CORES
        assert target.core in FEATURES
        assert all(target.core in toolchain.core_flags for toolchain in TOOLCHAINS)
        if target.board == "unicorn":
            assert CORES[target.core].unicorn is not None
            assert CORES[target.core].cycles is not None
        assert ("cycles" in target.counters) == (target.board == "unicorn")
        assert target.status == "emulated"
    assert {target.core for target in targets} == set(CORES.names)
