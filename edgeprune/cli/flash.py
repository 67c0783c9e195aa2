"""`flash`: put a Bundle on the board and check that it is there."""

from pathlib import Path

import click

from edgeprune.artifact import Bundle
from edgeprune.cli.board_options import board_of, board_options, bundle_argument
from edgeprune.cli.output import Output, common_options
from edgeprune.device.flash import flash
from edgeprune.device.link import Injection


@click.command()
@bundle_argument
@board_options
@common_options
def command(
    bundle_path: Path,
    board_id: str | None,
    port: str | None,
    record: Path | None,
    injection: Injection | None,
    out: Output,
    seed: int,
) -> None:
    """Put BUNDLE on the board, start it, and check identity and contents over the serial line."""
    bundle = Bundle.open(bundle_path)
    result = flash(bundle, board_of(bundle, board_id, port), injection=injection, record=record)
    text = f"{result.board}: {result.flash_bytes:,} bytes, CRC-32 {result.crc32}, read back and right"
    out.emit(result.to_json(), text)
