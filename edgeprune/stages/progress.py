"""How far a training is, on a terminal."""

import logging
import sys
from collections.abc import Callable
from typing import Any

log = logging.getLogger("edgeprune")

BAR = 30


def progress_bar(name: str) -> Callable[[Any], None] | None:
    """A line on a terminal that shows how far an epoch is; None where nobody would see it move."""
    if not sys.stderr.isatty() or not log.isEnabledFor(logging.INFO):
        return None

    def show(progress: Any) -> None:
        filled = BAR * progress.step // progress.steps
        bar = "#" * filled + "-" * (BAR - filled)
        end = "\r" if progress.step < progress.steps else "\r\x1b[K"
        text = f"{name} epoch {progress.epoch}/{progress.epochs} [{bar}] {progress.step}/{progress.steps}"
        sys.stderr.write(text + end)
        sys.stderr.flush()

    return show
