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
    """Put the Bundle's firmware or release on the board, start it, and check both over its line."""
    if board.target.linux is not None:
        from edgeprune.device.linux_board import flash_linux

        return flash_linux(bundle, board, injection=injection, record=record)
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


def content(bundle: Bundle, board: Board) -> tuple[int, int]:
    """Length and CRC-32 of what the Bundle puts on the board: its image, or the files of its release."""
    if board.target.linux is None:
        image = read_image(bundle)
        return len(image), zlib.crc32(image)
    from edgeprune.runner.linux.release import content_of

    found = content_of(bundle.path)
    return found.length_bytes, found.crc32


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
    """Compare what is on the board with the Bundle by length and CRC-32; BoardError where they differ."""
    wanted_length, wanted_crc = content(bundle, board)
    length, crc = session.flash_content()
    if (length, crc) != (wanted_length, wanted_crc):
        raise BoardError(
            f"the board holds {length} bytes with CRC-32 {crc:08x}, "
            f"the Bundle {wanted_length} with {wanted_crc:08x}",
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
