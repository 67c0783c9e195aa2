"""A device that has nothing but a serial console: a getty on a terminal, and a cable that may be bad.

Run as a program it is the getty: `serial_console.py HOME SHELL`.
"""

import contextlib
import os
import pty
import random
import select
import signal
import subprocess
import sys
import termios
import threading
import time
import tty
from dataclasses import dataclass, field
from pathlib import Path

USER, PASSWORD = "pi", "raspberry"


@dataclass
class Cable:
    """What a cable does to bytes: shares that it loses and damages, and after how many it is pulled."""

    lost: float = 0.0
    damaged: float = 0.0
    pulled_after: int | None = None
    seed: int = 1
    to_device: int = 0
    is_pulled: bool = False
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def carry(self, data: bytes, *, to_device: bool) -> bytes:
        """What arrives of `data`."""
        if to_device:
            self.to_device += len(data)
        if self.pulled_after is not None and self.to_device > self.pulled_after:
            self.is_pulled = True
        if self.is_pulled:
            return b""
        draw = self._random
        kept = bytes(b for b in data if not self.lost or draw.random() >= self.lost)
        return bytes(
            b ^ 1 << draw.randrange(8) if self.damaged and draw.random() < self.damaged else b for b in kept
        )


class SerialConsole:
    """The device, and `port`, the near end of the cable to it; another `plug` is another cable."""

    def __init__(self, home: Path, *, shell: str = "sh", environment: dict[str, str] | None = None) -> None:
        self._device, slave = pty.openpty()
        words = [sys.executable, __file__, str(home), shell]
        self._getty = subprocess.Popen(
            words,
            stdin=slave,
            stdout=slave,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        os.close(slave)
        self._near = -1
        self._keep = -1
        self._is_over = False
        self._lock = threading.Lock()
        self.cable = Cable()
        self.port = ""
        self.plug(Cable())
        threading.Thread(target=self._relay, daemon=True).start()

    def plug(self, cable: Cable) -> None:
        """Connect by `cable`."""
        with self._lock:
            for handle in (self._near, self._keep):
                if handle >= 0:
                    os.close(handle)
            self._near, self._keep = pty.openpty()
            tty.setraw(self._keep)
            self.port = os.ttyname(self._keep)
            self.cable = cable

    def close(self) -> None:
        """Switch the device off."""
        self._is_over = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._getty.pid, signal.SIGKILL)
        self._getty.wait()

    def _relay(self) -> None:
        while not self._is_over:
            with self._lock:
                near, cable = self._near, self.cable
            try:
                ready, _, _ = select.select([near, self._device], [], [], 0.05)
                for source in ready:
                    data = os.read(source, 1024)
                    with self._lock:
                        near, cable = self._near, self.cable  # it may have been replugged meanwhile
                    sink = self._device if source == near else near
                    os.write(sink, cable.carry(data, to_device=sink == self._device))
            except OSError:
                time.sleep(0.05)  # replugged, or between two logins


# --- the getty


def say(text: str) -> None:
    os.write(1, text.encode())


def read_line(*, echo: bool) -> str:
    settings = termios.tcgetattr(0)
    settings[0] |= termios.ICRNL
    settings[1] |= termios.OPOST | termios.ONLCR
    settings[3] |= termios.ICANON | termios.ISIG
    settings[3] = settings[3] | termios.ECHO if echo else settings[3] & ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, settings)
    return os.read(0, 4096).decode("latin-1").strip()


def getty(home: str, shell: str) -> None:
    """Ask who is there, for ever, as agetty and login do."""
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    while True:
        say("\r\nRaspbian GNU/Linux 12 raspberrypi ttyAMA0\r\n\r\nraspberrypi login: ")
        name = read_line(echo=True)
        if not name:
            continue
        say("Password: ")
        password = read_line(echo=False)
        if (name, password) != (USER, PASSWORD):
            time.sleep(0.3)
            say("\r\nLogin incorrect\r\n")
            continue
        say("\r\nLinux raspberrypi 6.6\r\n\x1b[1mWelcome\x1b[0m\r\n")
        read_settings = termios.tcgetattr(0)
        read_settings[3] |= termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, read_settings)
        environment = {
            **os.environ,
            "HOME": home,
            "PS1": "\x1b[32mpi@raspberrypi\x1b[0m:~ $ ",
            "TERM": "vt220",
        }
        words = shell.split()
        log_in(words, environment, home)


def log_in(words: list[str], environment: dict[str, str], home: str) -> None:
    """Run the login shell to its end."""
    child = os.fork()
    if child == 0:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(1, 2)
        os.chdir(home)
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvpe(words[0], words, environment)
    os.waitpid(child, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())


if __name__ == "__main__":
    getty(*sys.argv[1:])
