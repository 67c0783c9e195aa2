"""From an address to a connection that is logged in: settings, network, the host's key, ours, a password.

`~/.ssh/config` is followed for HostName, User, Port, IdentityFile, IdentitiesOnly, HostKeyAlias and
ProxyJump; what else would change where we go (ProxyCommand) is refused. Paramiko is imported when somebody
logs in: the light installation is without it.
"""

import contextlib
import getpass
import importlib
import logging
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.device.deploy.address import Address
from edgeprune.device.deploy.known_hosts import HostKey, KnownHosts, host_name
from edgeprune.device.deploy.passwords import Ask, find_password
from edgeprune.errors import NotFoundError, UsageError

log = logging.getLogger("edgeprune")

CONNECT_TIMEOUT_S = 10.0
LOGIN_TIMEOUT_S = 30.0
KEEPALIVE_S = 15
DEAD_AFTER_S = 30.0
"""What we sent has not been acknowledged for so long: the connection is given up."""
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
INCLUDE_DEPTH = 8


@dataclass(frozen=True)
class Login:
    """How to log in, apart from where: a private key file, and whether new hosts are accepted."""

    identity: Path | None = None
    accepts_new_host: bool = False
    ask: Ask | None = None


def load_paramiko() -> Any:
    """The package; NotFoundError says how to get it."""
    try:
        paramiko = importlib.import_module("paramiko")
    except ImportError as error:
        raise NotFoundError("SSH needs the package paramiko", hint="pip install 'edgeprune[pi]'") from error
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # what it would say is in our errors
    return paramiko


@dataclass(frozen=True)
class Destination:
    """An address with what `~/.ssh/config` adds."""

    host: str
    port: int
    user: str
    known_as: str
    identities: tuple[Path, ...]
    uses_other_keys: bool
    jumps: tuple[Address, ...]

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" + ("" if self.port == 22 else f":{self.port}")


def find_destination(paramiko: Any, address: Address, identity: Path | None) -> Destination:
    """Where `address` leads; UsageError for settings that are not supported."""
    settings = _settings(paramiko, address.host)
    if "proxycommand" in settings:
        raise UsageError(
            f"~/.ssh/config has a ProxyCommand for {address.host}, which edgeprune does not follow",
            hint="ProxyJump is followed",
        )
    host = settings.get("hostname", address.host)
    port = address.port or int(settings.get("port", 22))
    configured = [Path(name).expanduser() for name in settings.get("identityfile", [])]
    jump = settings.get("proxyjump", "none")
    return Destination(
        host=host,
        port=port,
        user=address.user or settings.get("user") or getpass.getuser(),
        known_as=settings.get("hostkeyalias") or host_name(host, port),
        identities=(identity,) if identity is not None else tuple(configured),
        uses_other_keys=identity is None and settings.get("identitiesonly", "no") != "yes",
        jumps=() if jump == "none" else tuple(map(Address.parse, jump.split(","))),
    )


def _settings(paramiko: Any, host: str) -> dict[str, Any]:
    path = Path.home() / ".ssh" / "config"
    if not path.is_file():
        return {}
    try:
        found: dict[str, Any] = paramiko.SSHConfig.from_text(_with_includes(path)).lookup(host)
    except (paramiko.SSHException, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    return found


def _with_includes(path: Path, depth: int = 0) -> str:
    """The text of an SSH configuration with the files that it includes, which paramiko leaves out."""
    if depth > INCLUDE_DEPTH:
        raise UsageError(f"{path}: files that include each other")
    lines = []
    for line in path.read_text("utf-8").splitlines():
        match = re.fullmatch(r"\s*include\s*[\s=]\s*(\S.*)", line, re.IGNORECASE)
        if match is None:
            lines.append(line)
            continue
        for pattern in match[1].split():
            pattern = str(Path(pattern.strip('"')).expanduser())
            base = Path("/") if pattern.startswith("/") else Path.home() / ".ssh"
            for file in sorted(base.glob(pattern.lstrip("/"))):
                lines.append(_with_includes(file, depth + 1))
    return "\n".join(lines)


# --- the connection


@contextlib.contextmanager
def _as_our_errors(paramiko: Any, destination: Destination) -> Iterator[None]:
    """What goes wrong before we are logged in, as NotFoundError: there is no such device for us."""
    where = f"{destination.host} port {destination.port}"
    try:
        yield
    except socket.gaierror as error:
        hint = "look at the name; `edgeprune boards list` shows the devices that answer"
        raise NotFoundError(f"no host {destination.host}: {error.strerror}", hint=hint) from error
    except ConnectionRefusedError as error:
        hint = "is SSH on there? On a Pi: sudo raspi-config, Interface Options, SSH"
        raise NotFoundError(f"{where} refuses the connection", hint=hint) from error
    except (TimeoutError, paramiko.ChannelException, OSError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else str(error)
        hint = "is it on, and on the same network?"
        raise NotFoundError(f"cannot reach {where}: {reason}", hint=hint) from error
    except (paramiko.SSHException, EOFError) as error:
        hint = "is that its SSH port?"
        raise NotFoundError(
            f"what answers at {where} speaks no SSH with us: {error or 'it hung up'}", hint=hint
        ) from error


def connect(paramiko: Any, destination: Destination, login: Login) -> list[Any]:
    """Transports that are logged in, the last to `destination`, each through the one before."""
    transports: list[Any] = []
    try:
        for address in destination.jumps:
            stop = find_destination(paramiko, address, None)
            transports.append(_connect(paramiko, stop, login, transports))
        transports.append(_connect(paramiko, destination, login, transports))
    except BaseException:
        for transport in reversed(transports):
            transport.close()
        raise
    return transports


def _connect(paramiko: Any, destination: Destination, login: Login, before: list[Any]) -> Any:
    folder = Path.home() / ".ssh"
    known = KnownHosts((folder / "known_hosts", folder / "known_hosts2", Path("/etc/ssh/ssh_known_hosts")))
    with _as_our_errors(paramiko, destination):
        transport = paramiko.Transport(_socket(destination, before))
    try:
        with _as_our_errors(paramiko, destination):
            transport.banner_timeout = transport.auth_timeout = LOGIN_TIMEOUT_S
            _prefer(transport, [key.kind for key in known.keys_of(destination.known_as)])
            transport.start_client(timeout=LOGIN_TIMEOUT_S)
            shown = transport.get_remote_server_key()
        key = HostKey(shown.get_name(), shown.asbytes())
        if known.check(destination.known_as, key, accepts_new=login.accepts_new_host):
            log.warning("%s is new: its key %s was added to %s", destination.known_as, key, known.files[0])
        _authenticate(paramiko, transport, destination, login)
        transport.set_keepalive(KEEPALIVE_S)
    except BaseException:
        transport.close()
        raise
    return transport


def _socket(destination: Destination, before: list[Any]) -> Any:
    place = (destination.host, destination.port)
    if before:
        return before[-1].open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=CONNECT_TIMEOUT_S)
    line = socket.create_connection(place, timeout=CONNECT_TIMEOUT_S)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # not on every system; then the system's own limits hold
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * DEAD_AFTER_S))
    return line


def _prefer(transport: Any, kinds: list[str]) -> None:
    """Ask the host for a key of a kind that we know it by, so that another of its keys is no surprise."""
    names = [
        name
        for kind in kinds
        for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))
    ]
    options = transport.get_security_options()
    known = [name for name in dict.fromkeys(names) if name in options.key_types]
    options.key_types = [*known, *(name for name in options.key_types if name not in known)]


# --- who we are


def _authenticate(paramiko: Any, transport: Any, destination: Destination, login: Login) -> None:
    """Log in with keys, else with a password; UsageError where the host takes none of them."""
    refused: list[str] = []
    try:
        ways = _ways(paramiko, transport, destination.user)
        if "publickey" in ways:
            for label, key in _keys(paramiko, destination, login.ask, refused):
                try:
                    ways = transport.auth_publickey(destination.user, key)
                    if not ways:
                        return
                    break  # and something more
                except paramiko.AuthenticationException:
                    refused.append(label)
        if "password" in ways or "keyboard-interactive" in ways:
            password = find_password(f"password of {destination}", login.ask)
            if password is not None:
                refused.append("the password")
                transport.auth_password(destination.user, password)
                return
            refused.append("no password was given")
        elif not ways:
            return
    except (paramiko.SSHException, EOFError, OSError) as error:
        if not isinstance(error, paramiko.AuthenticationException):
            refused.append(str(error) or "it hung up")
    raise UsageError(
        f"{destination} does not let us in ({', '.join(refused) or 'no key was found'})",
        hint=f"ssh-copy-id {'' if destination.port == 22 else f'-p {destination.port} '}"
        f"{destination.user}@{destination.host}, or look at user and password",
    )


def _ways(paramiko: Any, transport: Any, user: str) -> list[str]:
    """What the host accepts as proof; nothing where it asks for none."""
    try:
        transport.auth_none(user)
    except paramiko.BadAuthenticationType as error:
        return list(error.allowed_types)
    return []


def _keys(
    paramiko: Any, destination: Destination, ask: Ask | None, refused: list[str]
) -> Iterator[tuple[str, Any]]:
    """Our keys, named ones first; those that cannot be read are noted in `refused`."""
    defaults = [Path.home() / ".ssh" / name for name in DEFAULT_KEYS] if destination.uses_other_keys else []
    for path in destination.identities:
        if not path.is_file():
            refused.append(f"there is no key {path}")
            continue
        key = _read_key(paramiko, path, ask, refused)
        if key is not None:
            yield f"key {path}", key
    if destination.uses_other_keys:
        for key in paramiko.Agent().get_keys():
            yield f"key {key.comment or key.get_name()} of the agent", key
    for path in defaults:
        key = _read_key(paramiko, path, None, refused) if path.is_file() else None
        if key is not None:
            yield f"key {path}", key


def _read_key(paramiko: Any, path: Path, ask: Ask | None, refused: list[str]) -> Any | None:
    unsupported = importlib.import_module("cryptography.exceptions").UnsupportedAlgorithm
    unreadable = (paramiko.SSHException, paramiko.UnknownKeyType, unsupported, ValueError, OSError)
    try:
        return paramiko.PKey.from_path(path)
    except (paramiko.PasswordRequiredException, TypeError):
        if ask is None:
            refused.append(f"key {path} is locked: ssh-add {path}")
            return None
    except unreadable as error:
        refused.append(f"key {path} cannot be read: {error}")
        return None
    try:
        return paramiko.PKey.from_path(path, ask(f"passphrase of {path}").encode())
    except unreadable as error:
        refused.append(f"key {path} cannot be unlocked: {error}")
        return None
