"""Keep native libraries from writing to the terminal."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress

_log = logging.getLogger(__name__)


@contextmanager
def captured(lines: list[str]) -> Iterator[None]:
    """Send stdout and stderr, Python's and those that C++ writes to, into `lines` and the debug log.

    Holds for the whole process, so what other threads print meanwhile is captured too.
    """
    streams = [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
    with tempfile.TemporaryFile() as file:
        _flush(streams)
        saved = [os.dup(1), os.dup(2)]
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            with (
                os.fdopen(os.dup(file.fileno()), "w", encoding="utf-8", errors="replace") as text,
                redirect_stdout(text),
                redirect_stderr(text),
            ):
                yield
        finally:
            _flush(streams)
            for descriptor, target in zip(saved, (1, 2), strict=True):
                os.dup2(descriptor, target)
                os.close(descriptor)
            file.seek(0)
            lines.extend(file.read().decode(errors="replace").splitlines())
            for line in lines:
                _log.debug("converter: %s", line)


def _flush(streams: list[object]) -> None:
    for stream in streams:
        with suppress(ValueError, OSError):  # closed by whoever owns it
            stream.flush()  # type: ignore[attr-defined]
