"""The options of every command that talks to a board."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from edgeprune.artifact import Bundle
from edgeprune.device.board import Board, find_board
from edgeprune.device.link import Injection
from edgeprune.device.target import find_target


def board_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --board, --port, --record and the hidden --inject; the command gets `board_id`, `port`,
    `record` and `injection`."""

    @click.option("--board", "board_id", metavar="ID", help="A board of `edgeprune boards list`.")
    @click.option("--port", metavar="PORT", help="A serial port, a pty, or socket://HOST:PORT.")
    @click.option(
        "--record", type=click.Path(dir_okay=False, path_type=Path), help="Record the serial session here."
    )
    @click.option("--inject", hidden=True, envvar="EDGEPRUNE_INJECT", help="noise=0.01,seed=1")
    @functools.wraps(function)
    def wrapped(*args: Any, inject: str | None, **kwargs: Any) -> Any:
        injection = Injection.parse(inject) if inject else None
        return function(*args, injection=injection, **kwargs)

    return wrapped


def board_of(bundle: Bundle, board_id: str | None, port: str | None) -> Board:
    """The board that a command on `bundle` means."""
    return find_board(find_target(str(bundle.manifest["target"])), board_id, port)


bundle_argument = click.argument("bundle_path", metavar="BUNDLE", type=click.Path(path_type=Path))
