"""Tells systemd that the runner is ready, and that it is alive (sd_notify(3)), without its library."""

import contextlib
import math
import os
import socket
import time


class Notifier:
    """Sends to $NOTIFY_SOCKET; does nothing where nobody listens."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        interval = os.environ.get("WATCHDOG_USEC", "")
        watched = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        is_used = bool(self._address) and interval.isdecimal() and int(interval) > 0 and watched
        self._interval_s = int(interval) / 2e6 if is_used else math.inf
        self._next = time.monotonic() + self._interval_s

    def ready(self) -> None:
        """The runner serves."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The runner ends."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """To be called from the main loop at least every `wait_s`."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._interval_s
            self._send("WATCHDOG=1")

    @property
    def wait_s(self) -> float:
        """How long until `alive` is due."""
        return max(0.0, self._next - time.monotonic())

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(1.0)
            out.sendto(text.encode(), self._address)
