"""Puts a Bundle's firmware on a board, and asks the board whether it is there."""

import logging
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeprune.artifact import Bundle
from edgeprune.device.board import Board, hold, open_session
from edgeprune.device.link import Injection
from edgeprune.device.session import Session
from edgeprune.errors import BoardError, ModelError

log = logging.getLogger("edgeprune")


@dataclass(frozen=True)
class FlashResult:
    """What is on the board now."""

    bundle: str
    target: str
    board: str
    model_hash: str
    flash_bytes: int
    crc32: str
    verified: bool

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


def flash(
    bundle: Bundle, board: Board, *, injection: Injection | None = None, record: Path | None = None
) -> FlashResult:
    """Program the Bundle's firmware, start it, and check identity and contents over the serial line."""
    image = read_image(bundle)
    with hold(board):
        board.program(image)
        log.info("%s: %d bytes programmed", board.id, len(image))
        with open_session(board, injection=injection, record=record) as session:
            check_identity(session, bundle)
            return check_content(session, bundle, board)


def read_image(bundle: Bundle) -> bytes:
    """The bytes to program; ModelError where the Bundle has none."""
    path = bundle.path / "firmware.bin"
    if not path.is_file():
        raise ModelError(f"{bundle.path} has no firmware.bin", hint="build it again for a board")
    return path.read_bytes()


def check_identity(session: Session, bundle: Bundle) -> None:
    """BoardError where the board runs another target's or another network's firmware."""
    device, manifest = session.device, bundle.manifest
    if device.target != manifest["target"]:
        raise BoardError(
            f"the board runs firmware for {device.target}, the Bundle is for {manifest['target']}",
            hint="choose the board with --board or --port",
        )
    if device.model_hash != manifest["model_hash"]:
        raise BoardError(
            f"the board runs network {device.model_hash}, the Bundle holds {manifest['model_hash']}",
            hint=f"edgeprune flash {bundle.path}",
        )


def check_content(session: Session, bundle: Bundle, board: Board) -> FlashResult:
    """Compare the flash with the Bundle's image by length and CRC-32; BoardError where they differ."""
    image = read_image(bundle)
    length, crc = session.flash_content()
    if (length, crc) != (len(image), zlib.crc32(image)):
        raise BoardError(
            f"the board holds {length} bytes with CRC-32 {crc:08x}, "
            f"the Bundle {len(image)} with {zlib.crc32(image):08x}",
            hint=f"edgeprune flash {bundle.path}",
        )
    return FlashResult(
        bundle=str(bundle.path),
        target=session.device.target,
        board=board.id,
        model_hash=session.device.model_hash,
        flash_bytes=length,
        crc32=f"{crc:08x}",
        verified=True,
    )
