"""Starts the virtual board of a target, whichever emulator it takes."""

from pathlib import Path
from typing import Protocol

from edgeprune.device.link import Link
from edgeprune.device.target import Target
from edgeprune.errors import NotFoundError


class VirtualBoard(Link, Protocol):
    """A Link to a board that lives in this process or below it."""

    @property
    def is_idle(self) -> bool:
        """Whether it does nothing until it is written to."""

    def fileno(self) -> int | None:
        """A file to wait for, if there is one."""


def start_board(target: Target, image: Path) -> VirtualBoard:
    """Start `target` with the flash contents in `image`."""
    if target.linux is not None:
        from edgeprune.device.linux_board import start_linux

        return start_linux(target, image)
    if target.board == "unicorn":
        try:
            import unicorn  # noqa: F401
        except ImportError as error:
            raise NotFoundError(
                "the Python package unicorn is missing", hint="pip install unicorn"
            ) from error
        from edgeprune.device.emulator.unicorn_board import UnicornBoard

        return UnicornBoard(target, image.read_bytes())
    if target.board == "qemu":
        from edgeprune.device.emulator.qemu import start_qemu

        return start_qemu(target, image)
    from edgeprune.device.emulator.process import start_host

    return start_host(image)
