"""`flash`: put a Bundle on the board and check that it is there."""

import sys
from pathlib import Path
from typing import Any

import click

from edgeprune.artifact import Bundle
from edgeprune.cli.board_options import board_of, board_options, bundle_argument
from edgeprune.cli.output import Output, common_options
from edgeprune.device.board import Access, Board
from edgeprune.device.flash import flash
from edgeprune.device.link import Injection
from edgeprune.device.target import find_target
from edgeprune.errors import UsageError


@click.command()
@bundle_argument
@click.option(
    "--listen",
    metavar="ADDRESSES",
    help='Where the runner of a Linux device listens: "tcp:127.0.0.1:7311 serial:/dev/serial0".',
)
@click.option(
    "--mount",
    type=click.Path(file_okay=False, path_type=Path),
    help="Put it on a mounted SD card (its root file system); it installs itself at the first start.",
)
@board_options
@common_options
def command(
    bundle_path: Path,
    listen: str | None,
    mount: Path | None,
    board_id: str | None,
    port: str | None,
    access: Access,
    record: Path | None,
    injection: Injection | None,
    out: Output,
    seed: int,
) -> None:
    """Put BUNDLE on the board, start it, and check identity and contents over the serial line.

    A Linux device gets a release: what ran before goes on until the new one has answered.
    """
    bundle = Bundle.open(bundle_path)
    is_linux = find_target(str(bundle.manifest["target"])).linux is not None
    if not is_linux and (listen is not None or mount is not None):
        raise UsageError("--listen and --mount are for Linux devices", hint="leave them out")
    if mount is not None:
        _mount(bundle, mount, listen, out)
        return
    board = board_of(bundle, board_id, port, access)
    if is_linux:
        _linux(bundle, board, listen, record, injection, out)
        return
    result = flash(bundle, board, injection=injection, record=record)
    text = f"{result.board}: {result.flash_bytes:,} bytes, CRC-32 {result.crc32}, read back and right"
    out.emit(result.to_json(), text)


def _linux(
    bundle: Bundle,
    board: Board,
    listen: str | None,
    record: Path | None,
    injection: Injection | None,
    out: Output,
) -> None:
    from edgeprune.device.linux_board import flash_linux

    result = flash_linux(
        bundle,
        board,
        listen=listen,
        ask_password=_ask if sys.stdin is not None and sys.stdin.isatty() else None,
        progress=_Progress(out),
        injection=injection,
        record=record,
    )
    text = (
        f"{result.board}: release {result.release}, {result.flash_bytes:,} bytes, CRC-32 {result.crc32}, "
        f"read back and right ({result.sent_bytes:,} bytes sent, {result.skipped_bytes:,} were there)"
    )
    out.emit(result.to_json(), text)


def _mount(bundle: Bundle, mount: Path, listen: str | None, out: Output) -> None:
    from edgeprune.device.deploy.card import put_on_card

    done = put_on_card(bundle, mount, listen=listen, progress=_Progress(out))
    result: dict[str, Any] = {"bundle": str(bundle.path), "mount": str(mount), **vars(done)}
    out.emit(result, f"{mount}: release {done.release}; it installs itself when the card is started from")


def _ask(question: str) -> str:
    import getpass

    return getpass.getpass(f"{question}: ", stream=sys.stderr)


class _Progress:
    """Tells every tenth of an upload."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._told = 0

    def __call__(self, done: int, total: int) -> None:
        tenth = 10 * done // max(1, total)
        if tenth > self._told:
            self._told = tenth
            self._out.note(f"{done:,} of {total:,} bytes")
