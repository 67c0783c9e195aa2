"""`attach`: a terminal's standard input and output become a line to the runner that is serving already.

For a device that has a console and nothing else: whoever is logged in there starts `attach`, and speaks the
protocol through the terminal, which passes every byte from now on. Ctrl-] (1d) ends it, and gives the shell
back; no line of the protocol has that byte.
"""

import os
import socket
from pathlib import Path

from edgeprune.errors import NotFoundError
from edgeprune.runner.linux.transports import READ_BYTES, raw, short_path, wait_for

END = b"\x1d"
SOCKET = "attach.sock"


def attach(state: Path) -> None:
    """Carry bytes until one side ends; NotFoundError where no runner serves."""
    line = socket.socket(socket.AF_UNIX)
    try:
        with short_path(state / SOCKET) as short:
            line.connect(short)
    except OSError as error:
        raise NotFoundError(
            f"no runner serves in {state}: {error.strerror}", hint="start it: start.sh serve, or install.sh"
        ) from error
    with line, raw(0):
        while _carry(line):
            pass


def _carry(line: socket.socket) -> bool:
    """Pass on what arrives next, from either side; False once one has ended."""
    for file in wait_for([0, line.fileno()]):
        try:
            data = os.read(file, READ_BYTES)
        except OSError:
            return False
        if not data:
            return False
        if file == 0:
            typed, end, _ = data.partition(END)
            line.sendall(typed)
            if end:
                return False
        else:
            _write_all(data)
    return True


def _write_all(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]
