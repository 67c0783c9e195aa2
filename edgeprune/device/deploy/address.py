"""Where a device is logged in to, and where its runner listens."""

import re
from dataclasses import dataclass

from edgeprune.errors import UsageError

_HOST = r"\[(?P<bracketed>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<plain>[\w.-]+)"
_ADDRESS = re.compile(rf"(?:(?P<user>[^@:\s/]+)@)?(?:{_HOST})(?::(?P<port>\d+))?")
_BARE_IPV6 = re.compile(
    r"(?:(?P<user>[^@:\s/]+)@)?(?P<host>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*(?:%[\w.-]+)?)"
)
_LISTEN = re.compile(r"tcp:[\w.:\[\]-]+:\d+|serial:/dev/[\w./@-]+(?::\d+)?")
EXAMPLE = "pi@raspberrypi.local, pi@10.0.0.7:2222 or pi@[fe80::1%eth0]:22"


@dataclass(frozen=True)
class Address:
    """A host, and where they were given the user and the port; else SSH's own settings have them."""

    host: str
    user: str | None = None
    port: int | None = None

    @staticmethod
    def parse(text: str) -> "Address":
        """Read `[user@]host[:port]`; UsageError names what is wrong with it."""
        if re.match(r"[^@]*:[^@]*@", text):
            raise UsageError(
                "an address holds no password: others on this machine could read it",
                hint="it is asked for, or read from the file that EDGEPRUNE_SSH_PASSWORD_FILE names",
            )
        bare = _BARE_IPV6.fullmatch(text)
        if bare:
            return Address(bare["host"], bare["user"])
        match = _ADDRESS.fullmatch(text)
        host = (match["bracketed"] or match["plain"]) if match else ""
        if match is None or host.startswith("-"):
            raise UsageError(f"{text!r} is no address of a device", hint=EXAMPLE)
        port = int(match["port"]) if match["port"] else None
        if port is not None and not 0 < port < 1 << 16:
            raise UsageError(f"{text!r}: {port} is no port", hint="from 1 to 65535; SSH's is 22")
        return Address(host, match["user"], port)

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host and self.port else self.host
        return user + host + (f":{self.port}" if self.port else "")


def check_addresses(listen: str) -> None:
    """UsageError where one of the words is nothing that a runner can listen on."""
    wrong = [word for word in listen.split() if not _LISTEN.fullmatch(word)]
    if wrong or not listen.split():
        raise UsageError(
            f"{' '.join(wrong) or listen!r} is no address to listen on",
            hint="tcp:HOST:PORT or serial:/dev/NAME[:BAUD], several with spaces between them",
        )
