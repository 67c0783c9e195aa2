"""A Session returns what is right or raises BoardError: over clean, noisy, silent and dead lines."""

import random
import zlib
from pathlib import Path

import pytest
from support.firmware import AGE, HASH, tiny_firmware, tiny_inputs, tiny_output

from edgeprune.device import wire
from edgeprune.device.emulator.unicorn_board import UnicornBoard
from edgeprune.device.link import Damaged, Injection, Recorded, Replayed, read_log
from edgeprune.device.session import Counts, RunResult, Session
from edgeprune.device.target import find_target
from edgeprune.errors import BoardError, UsageError

ID = 0x12345678


def virtual_board(protocol: int = wire.PROTOCOL) -> UnicornBoard:
    return UnicornBoard(find_target("virtual-m4"), tiny_firmware("virtual-m4", protocol=protocol).image)


@pytest.fixture(scope="module")
def clean() -> RunResult:
    """A measured run of inputs 0 on a clean line."""
    return Session(virtual_board(), ID).run(tiny_inputs(0), measure=True)


def test_the_board_introduces_itself() -> None:
    device = Session(virtual_board(), ID).device
    assert (device.target, device.model_hash, device.clock_hz) == ("virtual-m4", HASH, 120_000_000)
    assert (device.input_bytes, device.output_bytes, device.layers) == ((300, 4, 8), (300,), 3)
    assert device.has_instructions
    assert device.has_cycles


def test_runs_give_the_networks_outputs(clean: RunResult) -> None:
    assert clean.outputs == (tiny_output(*tiny_inputs(0)),)
    session = Session(virtual_board(), ID)
    for seed in range(3):  # the input is overwritten by each run, so each is loaded anew
        assert session.run(tiny_inputs(seed)).outputs == (tiny_output(*tiny_inputs(seed)),)


def test_a_run_that_is_not_measured_has_no_counts() -> None:
    result = Session(virtual_board(), ID).run(tiny_inputs(0))
    assert result.total == Counts(None, None)
    assert result.layers == ()


def test_counts_repeat_exactly(clean: RunResult) -> None:
    session = Session(virtual_board(), ID)
    assert session.run(tiny_inputs(0), measure=True) == clean
    assert session.run(tiny_inputs(0), measure=True) == clean


@pytest.mark.parametrize("seed", range(4))
def test_one_percent_of_noise_changes_nothing(clean: RunResult, seed: int) -> None:
    session = Session(Damaged(virtual_board(), Injection(noise=0.01, seed=seed)), ID)
    assert session.run(tiny_inputs(0), measure=True) == clean


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("noise", [0.03, 0.1, 0.5])
def test_heavy_noise_gives_the_right_result_or_an_error(clean: RunResult, noise: float, seed: int) -> None:
    try:
        session = Session(Damaged(virtual_board(), Injection(noise=noise, seed=seed)), ID)
        assert session.run(tiny_inputs(0), measure=True) == clean
    except BoardError as error:
        assert "asked" in error.message
    assert Session(virtual_board(), ID).run(tiny_inputs(0), measure=True) == clean


@pytest.mark.parametrize("heard_bytes", [0, 1, 50, 300, 700])
def test_silence_is_an_error_that_says_what_was_asked(heard_bytes: int) -> None:
    with pytest.raises(BoardError) as raised:
        session = Session(Damaged(virtual_board(), Injection(silence_after=heard_bytes)), ID)
        session.run(tiny_inputs(0))
    assert "the board was silent" in raised.value.message
    assert "asked" in raised.value.message
    assert "last heard" in raised.value.message
    assert raised.value.hint


def test_garbage_in_both_directions_is_passed_over() -> None:
    board = virtual_board()
    draw = random.Random(1)
    board.write(b">0001 load input=0 off")  # a session that died in the middle of a line
    session = Session(board, ID)
    for _ in range(20):
        board.write(draw.randbytes(draw.randrange(1, 700)))
        result = session.run(tiny_inputs(0))
        assert result.outputs == (tiny_output(*tiny_inputs(0)),)


def test_a_stale_reply_is_not_taken_for_the_answer() -> None:
    board = virtual_board()
    first = Session(board, ID)
    first.run(tiny_inputs(1))
    stale = wire.request(ID & 0xFFFF, "read", token=ID + 1, output=0, offset=0, length=100)
    board.write(stale + stale)
    second = Session(board, ID)  # even with the same numbers
    assert second.run(tiny_inputs(2)).outputs == (tiny_output(*tiny_inputs(2)),)


def test_a_repeated_run_request_is_answered_but_not_run_again() -> None:
    board = virtual_board()
    session = Session(board, ID)
    session.run(tiny_inputs(0))
    crc = zlib.crc32(b"".join(tiny_inputs(0)))
    board.write(wire.request(0xF000, "run", token=(ID + 1) & 0xFFFFFFFF, crc=crc, measure=0))
    reply = wire.parse(board.read(5).rstrip(b"\n"))
    assert (reply.mark, reply.number("crc")) == ("<", zlib.crc32(tiny_output(*tiny_inputs(0))))
    board.write(wire.request(0xF001, "run", token=99, crc=crc, measure=0))
    assert wire.parse(board.read(5).rstrip(b"\n")).word("code") == "bad_input"  # the run overwrote it


class ResetsOnce(Damaged):
    """Resets the board behind the session's back after some requests."""

    def __init__(self, link: UnicornBoard, after: int) -> None:
        super().__init__(link, Injection())
        self.after = after

    def write(self, data: bytes) -> None:
        self.after -= 1
        if self.after == 0:
            self.reset()
        super().write(data)


@pytest.mark.parametrize("after", range(9, 19))
def test_a_board_that_resets_on_the_way_still_gives_right_outputs(after: int) -> None:
    session = Session(ResetsOnce(virtual_board(), after), ID)
    assert session.run(tiny_inputs(5), measure=True).outputs == (tiny_output(*tiny_inputs(5)),)


def stateful_board() -> UnicornBoard:
    built = tiny_firmware("virtual-m4", state_bytes=4)
    return UnicornBoard(find_target("virtual-m4"), built.image)


def test_state_lasts_from_run_to_run_until_it_is_reset() -> None:
    session = Session(Damaged(stateful_board(), Injection(noise=0.01, seed=1)), ID)
    assert session.device.state_bytes == 4
    inputs = tiny_inputs(5, AGE)
    for age in (0, 1, 2):
        assert session.run(inputs).outputs == (tiny_output(*inputs, age=age),)
    session.reset_state()
    for age in (0, 1):
        assert session.run(inputs, measure=True).outputs == (tiny_output(*inputs, age=age),)


def test_the_state_outlives_the_session() -> None:
    board, inputs = stateful_board(), tiny_inputs(5, AGE)
    Session(board, ID).run(inputs)
    assert Session(board, ID + 100).run(inputs).outputs == (tiny_output(*inputs, age=1),)


@pytest.mark.parametrize("after", range(2, 9))
def test_a_lost_state_is_an_error(after: int) -> None:
    """The board resets before or in the second run, or in the third: never a wrong output."""
    link = ResetsOnce(stateful_board(), 1000)
    session = Session(link, ID)
    inputs = tiny_inputs(5, AGE)
    session.reset_state()
    session.run(inputs)
    link.after = after
    with pytest.raises(BoardError, match=r"lost the network's state|refused a run 1 times"):
        for age in (1, 2):
            assert session.run(inputs).outputs == (tiny_output(*inputs, age=age),)


def test_reset_by_firmware() -> None:
    session = Session(virtual_board(), ID)
    session.run(tiny_inputs(0))
    used = session.memory().stack_peak_bytes
    session.reset()
    assert session.memory().stack_peak_bytes < used
    assert session.run(tiny_inputs(0)).outputs == (tiny_output(*tiny_inputs(0)),)


def test_another_protocol_version_is_refused() -> None:
    with pytest.raises(BoardError) as raised:
        Session(virtual_board(protocol=7), ID)
    assert "protocol 7" in raised.value.message
    assert f"edgeprune {wire.PROTOCOL}" in raised.value.message
    assert raised.value.hint == "flash it again with this edgeprune"


def test_wrong_input_sizes_are_refused() -> None:
    with pytest.raises(BoardError, match=r"takes \(300, 4, 8\)"):
        Session(virtual_board(), ID).run([b"abc"])


def test_chunks_shrink_under_noise_and_recover() -> None:
    class Counted(Damaged):
        sizes: list[int] = []  # noqa: RUF012

        def write(self, data: bytes) -> None:
            if b" load " in data and b"input=0" in data:
                self.sizes.append(len(data.split(b"data=")[1].split(b" ")[0]) // 2)
            super().write(data)

    session = Session(Counted(virtual_board(), Injection(noise=0.01, seed=3)), ID)
    for seed in range(3):
        session.run(tiny_inputs(seed))
    assert Counted.sizes[0] == wire.CHUNK_BYTES
    assert min(Counted.sizes) <= wire.CHUNK_BYTES // 4
    smallest = Counted.sizes.index(min(Counted.sizes))
    assert max(Counted.sizes[smallest:]) > min(Counted.sizes)


def test_a_recorded_session_replays_without_the_board(tmp_path: Path, clean: RunResult) -> None:
    log = tmp_path / "session.log"
    link = Recorded(Damaged(virtual_board(), Injection(noise=0.005, seed=2)), log, ID)
    recorded = Session(link, ID).run(tiny_inputs(0), measure=True)
    link.close()
    assert log.read_text().isascii()
    session_id, events = read_log(log)
    replayed = Session(Replayed(events), session_id).run(tiny_inputs(0), measure=True)
    assert replayed == recorded == clean
    with pytest.raises(BoardError, match="departs from the record"):
        Session(Replayed(events), session_id).run(tiny_inputs(1), measure=True)


def test_a_file_that_is_no_session_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("hello\n")
    with pytest.raises(UsageError, match="not a recorded session"):
        read_log(tmp_path / "a.log")
    (tmp_path / "b.log").write_text("# edgeprune session 1, id 00000001\n0.1 > a\n0.2 nonsense\n")
    with pytest.raises(UsageError, match=r"b\.log:3"):
        read_log(tmp_path / "b.log")


@pytest.mark.parametrize("text", ["noise", "noise=x", "loud=1", "noise=0.1,,x=1"])
def test_injections_are_read_strictly(text: str) -> None:
    with pytest.raises(UsageError, match="cannot inject"):
        Injection.parse(text)
