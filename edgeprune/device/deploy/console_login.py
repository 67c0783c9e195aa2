"""From a serial line to a login shell: what is there, is told by what it says to an empty line."""

import re
import time

from edgeprune.device.deploy.console_agent import QUIT
from edgeprune.device.deploy.passwords import Ask, find_password
from edgeprune.device.link import Link
from edgeprune.errors import BoardError, NotFoundError, UsageError

QUIET_S = 0.7
LISTEN_S = 4.0
LOGIN_S = 30.0
"""Logging in on a busy Pi takes its time, and after a wrong password it waits on purpose."""
KNOCKS = 6
LOGIN_TRIES = 2
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>()][0-9A-Za-z]?|\][^\x07]*\x07)")
_LOGIN = re.compile(r"login: *$", re.IGNORECASE)
_PASSWORD = re.compile(r"password[^\n]*: *$", re.IGNORECASE)
_SHELL = re.compile(r"[$#%>] *$")
_RUNNER = re.compile(r"!\d{4} nak ")
_AGENT = re.compile(r"@ep \d+ \d+ ")
_REFUSED = re.compile(r"incorrect|authentication failure|permission denied", re.IGNORECASE)


class ConsoleLogin:
    """Finds a shell on `link`, logging in where that is needed."""

    def __init__(self, link: Link, name: str, user: str, ask: Ask | None) -> None:
        self._link = link
        self._name = name
        self._user = user
        self._ask = ask
        self.has_logged_in = False  # now, or by a session of ours that was cut

    def reach_shell(self) -> None:
        """Be at a shell's prompt.

        Raises BoardError for a silent line, NotFoundError for one that is no console, UsageError where we
        are not let in.
        """
        has_quit = False
        heard = ""
        for _ in range(KNOCKS):
            heard = self._knock("\r\n")
            self.has_logged_in = self.has_logged_in or _AGENT.search(heard) is not None
            if not heard or _RUNNER.search(heard) or _AGENT.search(heard):
                if has_quit and _RUNNER.search(heard):
                    raise self._no_console()
                # What an interrupted session of ours left there ends by this; others take it for a word.
                heard = self._knock(QUIT.decode())
                self.has_logged_in = self.has_logged_in or _AGENT.search(heard) is not None
                has_quit = True
            elif _SHELL.search(heard):
                return
            elif _LOGIN.search(heard):
                self._log_in()
                return
        raise BoardError(
            f"nothing that is a console answers on {self._name}; last heard: {heard[-80:]!r}",
            hint="is it on, enable_uart=1 in its config.txt, and are RX and TX crossed?",
        )

    def _no_console(self) -> NotFoundError:
        return NotFoundError(
            f"{self._name} is the line of the runner, not a login",
            hint="profile works there; to flash, use SSH, or free the line: take serial: out of LISTEN",
        )

    def _log_in(self) -> None:
        password: str | None = None
        for _ in range(LOGIN_TRIES):  # a damaged letter looks like a wrong one
            heard = self._type(f"{self._user}\r", (_PASSWORD, _SHELL, _LOGIN))
            if _PASSWORD.search(heard):
                if password is None:
                    password = find_password(f"password of {self._user} on {self._name}", self._ask)
                if password is None:
                    self._link.write(b"\r")
                    raise UsageError(
                        f"{self._name} asks for {self._user}'s password, and none was given",
                        hint="put it into a file that EDGEPRUNE_SSH_PASSWORD_FILE names",
                    )
                heard = self._type(f"{password}\r", (_SHELL, _LOGIN))
            if _SHELL.search(heard) and not _REFUSED.search(heard):
                self.has_logged_in = True
                return
        raise UsageError(
            f"{self._name} does not let {self._user} in: {heard.strip()[-80:]!r}",
            hint="look at user and password",
        )

    def _type(self, text: str, ends: tuple[re.Pattern[str], ...]) -> str:
        """What is said after `text`, until one of `ends` is the end of it and nothing follows."""
        self._link.write(text.encode())
        heard = ""
        deadline = time.monotonic() + LOGIN_S
        while time.monotonic() < deadline:
            data = self._link.read(QUIET_S)
            heard = _plain(heard + data.decode("utf-8", "replace"))
            if not data and any(end.search(heard) for end in ends):
                break
        return heard

    def _knock(self, text: str) -> str:
        """What is said to `text`, until it is quiet."""
        self._link.write(text.encode())
        heard = ""
        deadline = time.monotonic() + LISTEN_S
        while time.monotonic() < deadline:
            data = self._link.read(QUIET_S)
            if not data and heard:
                break
            heard = _plain(heard + data.decode("utf-8", "replace"))
        return heard


def _plain(text: str) -> str:
    """Without what colours and moves things on a terminal."""
    return _ESCAPES.sub("", text)
