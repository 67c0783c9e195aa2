"""Addresses, passwords, and the hosts that are known."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from edgeprune.device.deploy.address import Address, check_addresses
from edgeprune.device.deploy.known_hosts import HostKey, KnownHosts, host_name
from edgeprune.device.deploy.passwords import find_password
from edgeprune.errors import NotFoundError, UsageError

KEY = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519 the key")
OTHER = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519 another key")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("pi@raspberrypi.local", Address("raspberrypi.local", "pi")),
        ("pi@raspberrypi.local:2222", Address("raspberrypi.local", "pi", 2222)),
        ("10.0.0.7", Address("10.0.0.7")),
        ("fe80::1%eth0", Address("fe80::1%eth0")),
        ("pi@::1", Address("::1", "pi")),
        ("pi@[fe80::1%eth0]:22", Address("fe80::1%eth0", "pi", 22)),
        ("[::1]", Address("::1")),
    ],
)
def test_addresses(text: str, parsed: Address) -> None:
    assert Address.parse(text) == parsed
    assert Address.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    "text", ["", "pi@", "@host", "a b", "host:", "host:99999", "host:0", "-oProxy", "pi@-x", "h/x"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        Address.parse(text)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(UsageError, match="holds no password") as error:
        Address.parse("pi:raspberry@raspberrypi.local")
    assert "raspberry@" not in error.value.message and "EDGEPRUNE_SSH_PASSWORD_FILE" in str(error.value.hint)


def test_where_a_runner_may_listen() -> None:
    check_addresses("tcp:127.0.0.1:7311 tcp:[::1]:0 serial:/dev/serial0 serial:/dev/ttyGS0:9600")
    for wrong in ("", "tcp:7311", "serial:ttyS0", "udp:1:2", 'tcp:1:2"', "tcp:$(reboot):1", "tcp:1:2;x"):
        with pytest.raises(UsageError, match="no address to listen on"):
            check_addresses(wrong)


# --- passwords


def test_passwords_come_from_a_private_file_or_from_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEPRUNE_SSH_PASSWORD_FILE", raising=False)
    assert find_password("prompt", None) is None
    assert find_password("prompt", lambda prompt: f"{prompt}!") == "prompt!"
    file = tmp_path / "password"
    file.write_text("from file\nsecond line\n")
    monkeypatch.setenv("EDGEPRUNE_SSH_PASSWORD_FILE", str(file))
    file.chmod(0o644)
    with pytest.raises(UsageError, match="others can read"):
        find_password("prompt", None)
    file.chmod(0o600)
    assert find_password("prompt", lambda prompt: "from user") == "from file"
    file.write_text("\n")
    with pytest.raises(UsageError, match="is empty"):
        find_password("prompt", None)


# --- known hosts


def line(names: str, key: HostKey = KEY) -> str:
    return f"{names} {key.kind} {base64.b64encode(key.blob).decode()} a comment\n"


def hashed(name: str) -> str:
    salt = bytes(range(20))
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def known(tmp_path: Path, text: str) -> KnownHosts:
    (tmp_path / "known_hosts").write_text(text)
    return KnownHosts((tmp_path / "known_hosts", tmp_path / "none"))


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ("pi,10.0.0.7", "10.0.0.7"),
        ("[10.0.0.7]:2222", "[10.0.0.7]:2222"),
        ("*.local,!bad.local", "pi.local"),
        (hashed("pi.local"), "pi.local"),
        (hashed("[pi.local]:2222"), "[pi.local]:2222"),
    ],
)
def test_known_names(tmp_path: Path, names: str, name: str) -> None:
    hosts = known(tmp_path, "# a comment\n\nrubbish\npi ssh-ed25519 !!\n" + line(names))
    assert hosts.keys_of(name) == [KEY] and not hosts.check(name, KEY, accepts_new=False)
    assert hosts.keys_of("bad.local") == hosts.keys_of("10.0.0.70") == hosts.keys_of("[10.0.0.7]:2223") == []


def test_names_with_ports() -> None:
    assert host_name("Pi.local", 22) == "pi.local" and host_name("::1", 2222) == "[::1]:2222"


def test_an_unknown_host_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    hosts = known(tmp_path, line("other"))
    with pytest.raises(NotFoundError, match="pi is unknown here") as error:
        hosts.check("pi", KEY, accepts_new=False)
    assert KEY.fingerprint in error.value.message and error.value.exit_status == 5
    assert "--accept-new-host-key" in str(error.value.hint) and "ssh-keyscan -p 22 pi" in str(
        error.value.hint
    )
    assert hosts.keys_of("pi") == []


def test_an_unknown_host_is_added_when_that_is_wanted(tmp_path: Path) -> None:
    hosts = known(tmp_path, line("other").rstrip("\n"))  # no newline at the end
    assert hosts.check("[pi]:2222", KEY, accepts_new=True)
    assert not hosts.check("[pi]:2222", KEY, accepts_new=False)
    assert hosts.keys_of("other") == [KEY]
    fresh = KnownHosts((tmp_path / "new" / ".ssh" / "known_hosts",))
    assert fresh.check("pi", KEY, accepts_new=True)
    assert (
        fresh.files[0].stat().st_mode & 0o777 == 0o600
        and fresh.files[0].parent.stat().st_mode & 0o777 == 0o700
    )


@pytest.mark.parametrize("accepts_new", [False, True])
@pytest.mark.parametrize("shown", [OTHER, HostKey("ecdsa-sha2-nistp256", b"new kind")])
def test_another_key_than_the_known_one_is_never_accepted(
    tmp_path: Path, accepts_new: bool, shown: HostKey
) -> None:
    """Neither one of another kind: whoever is in between could choose one that is not on record."""
    hosts = known(tmp_path, line("pi"))
    with pytest.raises(NotFoundError, match="is not who it was") as error:
        hosts.check("pi", shown, accepts_new=accepts_new)
    assert shown.fingerprint in error.value.message and KEY.fingerprint in error.value.message
    assert f"ssh-keygen -R pi -f {hosts.files[0]}" in str(error.value.hint)
    assert hosts.keys_of("pi") == [KEY]


def test_one_of_several_known_keys_is_enough(tmp_path: Path) -> None:
    hosts = known(tmp_path, line("pi", OTHER) + line("pi"))
    assert not hosts.check("pi", KEY, accepts_new=False)


def test_a_revoked_key_is_refused_everywhere(tmp_path: Path) -> None:
    hosts = known(tmp_path, line("pi") + "@revoked " + line("*"))
    for name in ("pi", "new"):
        with pytest.raises(NotFoundError, match="was revoked"):
            hosts.check(name, KEY, accepts_new=True)
