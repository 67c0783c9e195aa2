"""Boards: flash that stays, one command at a time, boards that stay open."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.firmware import tiny_bundle, tiny_firmware, tiny_inputs, tiny_output
from support.tools import require_tool

from edgeprune.artifact import Bundle
from edgeprune.device import board as boards
from edgeprune.device.board import (
    Board,
    find_board,
    hold,
    known_boards,
    lock_file,
    open_session,
    start_server,
    stop_server,
    virtual_board,
)
from edgeprune.device.flash import flash
from edgeprune.device.link import Injection
from edgeprune.device.target import find_target, target_names
from edgeprune.errors import BoardError, NotFoundError, UsageError


def default_board(target: str = "virtual-m4") -> Board:
    return virtual_board(find_target(target))


@pytest.fixture
def running(state_folder: Path) -> Iterator[Board]:
    """A virtual-m4 with the tiny firmware that stays open."""
    board = virtual_board(find_target("virtual-m4"), "desk")
    board.folder.mkdir(parents=True)
    board.program(tiny_firmware("virtual-m4").image)
    start_server(board)
    yield board
    if board.server() is not None:
        stop_server(board)


def all_targets() -> list[Any]:
    """The names of all targets that run firmware, those that need QEMU marked."""
    boards = {name: find_target(name).board for name in target_names() if find_target(name).linux is None}
    marks = {name: [pytest.mark.qemu] if board == "qemu" else [] for name, board in boards.items()}
    return [pytest.param(name, marks=marks[name]) for name in boards]


@pytest.mark.parametrize("target", all_targets())
def test_what_is_flashed_runs_and_every_target_gives_the_same(target: str, tmp_path: Path) -> None:
    if find_target(target).board == "qemu":
        require_tool("qemu-system-arm")
    bundle = Bundle.open(tiny_bundle(tmp_path / "bundle", target))
    result = flash(bundle, default_board(target))
    assert (result.verified, result.target, result.board) == (True, target, target)
    assert result.flash_bytes == len(tiny_firmware(target).image)
    with hold(default_board(target)), open_session(default_board(target)) as session:
        for seed in range(2):
            assert session.run(tiny_inputs(seed)).outputs == (tiny_output(*tiny_inputs(seed)),)
        session.reset()
        assert session.run(tiny_inputs(7)).outputs == (tiny_output(*tiny_inputs(7)),)


def test_flash_that_changed_by_one_bit_is_noticed(tmp_path: Path) -> None:
    bundle = Bundle.open(tiny_bundle(tmp_path / "bundle", "virtual-m4"))
    board = default_board()
    flash(bundle, board)
    image = bytearray(board.image.read_bytes())
    image[-1] ^= 1  # in .data's start values
    board.image.write_bytes(image)
    from edgeprune.device.flash import check_content

    with open_session(board) as session, pytest.raises(BoardError, match="the board holds"):
        check_content(session, bundle, board)
    assert flash(bundle, board).verified


def test_a_board_with_nothing_on_it_says_so() -> None:
    with pytest.raises(NotFoundError) as raised:
        default_board().open_link()
    assert "nothing was flashed" in raised.value.message
    assert raised.value.hint == "edgeprune flash BUNDLE puts it there"


def test_two_commands_do_not_share_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "LOCK_WAIT_S", 0.1)
    board = default_board()
    with hold(board):
        with pytest.raises(NotFoundError) as raised, lock_file(board.folder / "lock", "board x", 0.1):
            pass
        assert f"in use by process {os.getpid()}" in raised.value.message
    with hold(board):
        pass  # given back


def test_a_lock_dies_with_its_process(state_folder: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from edgeprune.device.board import lock_file\n"
        "with lock_file(Path(sys.argv[1]), 'x'): os._exit(1)"
    )
    lock = state_folder / "lock"
    subprocess.run([sys.executable, "-c", code, str(lock)], check=False, cwd=Path(__file__).parents[2])
    assert lock.exists()
    with lock_file(lock, "x", 0):
        pass


def test_boards_are_found_by_id_and_misspelt_ones_named() -> None:
    board = virtual_board(find_target("virtual-m4"), "desk")
    boards.register(board)
    assert find_board(None, "desk") == board
    assert [known.id for known in known_boards()] == ["desk"]
    with pytest.raises(NotFoundError) as raised:
        find_board(None, "desc")
    assert "desk" in (raised.value.hint or "")
    with pytest.raises(UsageError, match="desk is a virtual-m4, not a host"):
        find_board(find_target("host"), "desk")
    with pytest.raises(UsageError, match="two boards"):
        find_board(None, "desk", "/dev/ttyX")
    with pytest.raises(UsageError, match="not a board id"):
        virtual_board(find_target("host"), "../up")


def test_a_port_that_is_not_there() -> None:
    board = find_board(find_target("virtual-m4"), None, "/dev/no-such-port")
    with pytest.raises(NotFoundError, match="cannot open /dev/no-such-port"):
        board.open_link()
    with pytest.raises(UsageError, match="cannot be flashed over its serial line"):
        board.program(b"")


def test_an_open_board_answers_on_pty_and_socket(running: Board) -> None:
    server = running.server()
    assert server is not None
    for port in (server["pty"], server["socket"]):
        foreign = find_board(find_target("virtual-m4"), None, port)
        boards.register(foreign)
        with hold(foreign), open_session(foreign) as session:
            assert session.run(tiny_inputs(1)).outputs == (tiny_output(*tiny_inputs(1)),)
            session.reset()
            assert session.device.target == "virtual-m4"


def test_an_open_board_can_be_flashed_again_and_stopped(running: Board, tmp_path: Path) -> None:
    bundle = Bundle.open(tiny_bundle(tmp_path / "bundle", "virtual-m4"))
    running.program(tiny_firmware("virtual-m4", protocol=7).image)
    with pytest.raises(BoardError, match="protocol 7"), open_session(running):
        pass
    assert flash(bundle, running).verified
    assert start_server(running) == running.server()  # it is the same one
    stop_server(running)
    assert running.server() is None
    with pytest.raises(NotFoundError, match="not running"):
        stop_server(running)
    with open_session(running) as session:  # the flash stays
        assert session.device.layers == 3


def test_an_open_board_that_crashed_is_reset_by_the_next_command(running: Board) -> None:
    from support.firmware import USE_STACK

    with open_session(running) as session, pytest.raises(BoardError, match="crashed at address 0x0800"):
        session.run(tiny_inputs(0, USE_STACK, 3000))
    with open_session(running) as session:
        assert session.run(tiny_inputs(0)).outputs == (tiny_output(*tiny_inputs(0)),)


def test_noise_and_silence_on_an_open_board(running: Board) -> None:
    noise = Injection(noise=0.005, seed=1)
    with open_session(running, injection=noise) as session:
        assert session.run(tiny_inputs(0)).outputs == (tiny_output(*tiny_inputs(0)),)
    started = time.monotonic()
    with (
        pytest.raises(BoardError, match="the board was silent"),
        open_session(running, injection=Injection(silence_after=20)),
    ):
        pass
    assert time.monotonic() - started < 15
    with open_session(running) as session:
        assert session.run(tiny_inputs(0)).outputs == (tiny_output(*tiny_inputs(0)),)


def test_a_killed_server_leaves_a_board_that_can_be_started_again(running: Board) -> None:
    server = running.server()
    assert server is not None
    os.kill(server["pid"], 9)
    deadline = time.monotonic() + 5
    while running.server() is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.server() is None
    assert start_server(running)["pid"] != server["pid"]
