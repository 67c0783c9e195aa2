"""The options of every command that talks to a board."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from edgeprune.artifact import Bundle
from edgeprune.device.board import Access, Board, find_board
from edgeprune.device.link import Injection
from edgeprune.device.target import find_target

FILE = click.Path(dir_okay=False, path_type=Path)


def board_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a board, --record and the hidden --inject.

    The command gets `board_id`, `port`, `access`, `record` and `injection`.
    """

    @place_options
    @click.option(
        "--record", type=click.Path(dir_okay=False, path_type=Path), help="Record the serial session here."
    )
    @click.option("--inject", hidden=True, envvar="EDGEPRUNE_INJECT", help="noise=0.01,seed=1")
    @functools.wraps(function)
    def wrapped(*args: Any, inject: str | None, **kwargs: Any) -> Any:
        injection = Injection.parse(inject) if inject else None
        return function(*args, injection=injection, **kwargs)

    return wrapped


def board_of(bundle: Bundle, board_id: str | None, port: str | None, access: Access) -> Board:
    """The board that a command on `bundle` means."""
    return find_board(find_target(str(bundle.manifest["target"])), board_id, port, access)


def place_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a board and how it is reached: `board_id`, `port` and `access`."""

    @click.option("--board", "board_id", metavar="ID", help="A board of `edgeprune boards list`.")
    @click.option("--port", metavar="PORT", help="A serial port, a pty, or socket://HOST:PORT.")
    @click.option("--host", metavar="USER@HOST", help="A Linux device, by SSH.")
    @click.option("--identity", type=FILE, help="The private key for --host.  [default: SSH's own]")
    @click.option("--accept-new-host-key", is_flag=True, help="Trust a --host that was never seen before.")
    @click.option("--user", metavar="NAME", help="Whom to log in as on a serial console.  [default: pi]")
    @click.option("--key-file", type=FILE, help="The shared key of a runner at socket://HOST:PORT.")
    @functools.wraps(function)
    def wrapped(
        *args: Any,
        host: str | None,
        identity: Path | None,
        accept_new_host_key: bool,
        user: str | None,
        key_file: Path | None,
        **kwargs: Any,
    ) -> Any:
        return function(*args, access=Access(host, user, identity, accept_new_host_key, key_file), **kwargs)

    return wrapped


bundle_argument = click.argument("bundle_path", metavar="BUNDLE", type=click.Path(path_type=Path))
