"""What can go wrong, and the exit status that each kind ends in.

A message names the thing and both numbers; the hint is one act that the user can do. The library
raises these; only `cli` prints them and turns the class into an exit status.
"""

import errno
import os


class EdgepruneError(Exception):
    """A failure that the user can understand; `exit_status` is what the command ends with."""

    exit_status = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InternalError(EdgepruneError):
    """A fault in edgeprune itself; please report it."""

    exit_status = 1


class ToolError(EdgepruneError):
    """A tool that we called failed: the message holds its command, status and last lines."""

    exit_status = 1


class UsageError(EdgepruneError):
    """A wrong option or argument."""

    exit_status = 2


class ModelError(EdgepruneError):
    """A model that is unreadable or unsupported; the message names layer or operator."""

    exit_status = 2


class DataError(EdgepruneError):
    """A data set that is unreadable, or does not match the model."""

    exit_status = 2


class BudgetError(EdgepruneError):
    """The network does not fit the target or the budget; the message has both numbers."""

    exit_status = 3


class NotFoundError(EdgepruneError):
    """No such board, probe or tool on this machine."""

    exit_status = 5


class BoardError(EdgepruneError):
    """The board was silent, or its answers stayed damaged after the retries."""

    exit_status = 6


class ParityError(EdgepruneError):
    """Device and host computed different outputs."""

    exit_status = 7


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}


def refused_by_system(error: OSError, what: str | None = None) -> UsageError:
    """What the operating system refused, as the user's to put right; `what` was being done."""
    place = "" if error.filename is None else os.fspath(error.filename)
    if isinstance(place, bytes):
        place = os.fsdecode(place)
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        hint = "free some space there; EDGEPRUNE_CACHE_DIR and TMPDIR move what edgeprune keeps"
    elif error.errno in _FORBIDDEN:
        hint = "give yourself permission, or choose another folder (EDGEPRUNE_CACHE_DIR, EDGEPRUNE_STATE_DIR)"
    else:
        hint = "check that the path is right and its folder is there"
    return UsageError(f"{what or place or 'the operating system says'}: {reason}", hint=hint)
