"""Boards that are a child process with the serial line on its standard input and output."""

import contextlib
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path

from edgeprune.errors import BoardError, NotFoundError

STATUS_RESET = 75
"""What the host firmware ends with when it is to start again."""


class ChildBoard:
    """A Link to a child process; it is started again when it asks for a reset."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._start()

    def _start(self) -> None:
        # A file, not a pipe: nobody reads what the child complains of until it has ended.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said
            )
        except OSError as error:
            raise NotFoundError(f"cannot start {self._command[0]}: {error}") from error

    def write(self, data: bytes) -> None:
        """Bytes to the child."""
        self._restart_if_reset()
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(data)
            self._child.stdin.flush()
        except BrokenPipeError:
            self._restart_if_reset()

    def read(self, timeout_s: float) -> bytes:
        """What the child says."""
        deadline = time.monotonic() + timeout_s
        assert self._child.stdout is not None
        while True:
            ready, _, _ = select.select([self._child.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return b""
            data = os.read(self._child.stdout.fileno(), 65536)
            if data:
                return data
            self._restart_if_reset(ended=True)

    def reset(self) -> None:
        """Kill the child and start it again."""
        self.close()
        self._start()

    def close(self) -> None:
        """Kill the child."""
        self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout, self._said):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        self._child.wait()

    def fileno(self) -> int | None:
        """The file to wait for."""
        assert self._child.stdout is not None
        return self._child.stdout.fileno()

    @property
    def is_idle(self) -> bool:
        """Always: the child runs by itself."""
        return True

    def _restart_if_reset(self, *, ended: bool = False) -> None:
        status = self._child.wait() if ended else self._child.poll()
        if status is None:
            return
        if status == STATUS_RESET:
            self.reset()
            return
        self._said.seek(0)
        words = self._said.read().decode(errors="replace").strip()[-300:]
        raise BoardError(
            f"{Path(self._command[0]).name} ended with status {status}: {words or 'it said nothing'}",
            hint="flash the board again",
        )


def start_host(image: Path) -> ChildBoard:
    """Run the native program `image` as a board."""
    return ChildBoard([str(image)])
