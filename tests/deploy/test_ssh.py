"""Over SSH to a real sshd: who is let in, who is trusted, and what becomes of lines that break."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ssh_server import Cut, SshServer, known_hosts_line, make_key, ssh_server
from support.tools import require_module

from edgeprune.device.deploy import ssh_login
from edgeprune.device.deploy.address import Address
from edgeprune.device.deploy.shell import finish_upload, size_on_device
from edgeprune.device.deploy.ssh import SshShell
from edgeprune.errors import BoardError, BudgetError, NotFoundError, UsageError


@pytest.fixture
def shell(server: SshServer) -> Iterator[SshShell]:
    """Logged in."""
    opened = SshShell(server.address)
    yield opened
    opened.close()


def config(server: SshServer, text: str) -> None:
    (server.client / "config").write_text(text)


def nothing(_: int, __: int) -> None:
    """Hears of progress."""


# --- commands


def test_commands(shell: SshShell, server: SshServer) -> None:
    done = shell.run('cat; echo "it\'s $((6 * 7))" >&2; exit 3', stdin=b"from here")
    assert (done.status, done.out, done.err) == (3, "from here", "it's 42\n")
    assert shell.prefix == str(server.prefix)
    assert shell.name == str(server.address)
    many = shell.run("head -c 3000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2")
    assert (len(many.out), len(many.err)) == (3_000_000, 300_000)


def test_a_command_that_takes_too_long(shell: SshShell) -> None:
    with pytest.raises(BoardError, match="not done after its time: sleep 30"):
        shell.run("sleep 30", timeout_s=0.5)
    assert shell.run("echo on").out == "on\n"


def test_what_runs_in_the_background_is_not_waited_for(shell: SshShell) -> None:
    started = time.monotonic()
    shell.run("sleep 20 </dev/null >/dev/null 2>&1 &")
    assert time.monotonic() - started < 10


# --- whom we trust


def test_an_unknown_host(server: SshServer) -> None:
    (server.client / "known_hosts").unlink()
    with pytest.raises(NotFoundError, match="is unknown here") as error:
        SshShell(server.address)
    assert server.fingerprint in error.value.message
    assert f"ssh-keyscan -p {server.port} 127.0.0.1 >> {server.client}/known_hosts" in str(error.value.hint)
    assert not (server.client / "known_hosts").exists()
    SshShell(server.address, accepts_new_host=True).close()
    SshShell(server.address).close()  # known from now on


@pytest.mark.parametrize("accepts_new", [False, True])
def test_a_host_with_another_key(server: SshServer, tmp_path: Path, accepts_new: bool) -> None:
    other = Path(f"{make_key(tmp_path / 'other')}.pub").read_text().split()
    text = f"{server.known_as} {other[0]} {other[1]}\n"
    (server.client / "known_hosts").write_text(text)
    with pytest.raises(NotFoundError, match="is not who it was") as error:
        SshShell(server.address, accepts_new_host=accepts_new)
    assert server.fingerprint in error.value.message
    assert f"ssh-keygen -R '[127.0.0.1]:{server.port}'" in str(error.value.hint)
    assert (server.client / "known_hosts").read_text() == text


# --- who is not there


def test_nobody_listens(server: SshServer) -> None:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        with pytest.raises(NotFoundError, match="refuses the connection") as error:
            SshShell(Address("127.0.0.1", "pi", line.getsockname()[1]))
    assert "raspi-config" in str(error.value.hint)


def test_no_such_name(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotFoundError, match=r"no host raspberrypi\.local") as error:
        SshShell(Address("raspberrypi.local", "pi"))
    assert "edgeprune boards list" in str(error.value.hint)


@pytest.mark.parametrize("greeting", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b""])
def test_something_else_listens(server: SshServer, greeting: bytes) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        line, _ = listener.accept()
        with line:
            line.sendall(greeting)

    threading.Thread(target=answer, daemon=True).start()
    with pytest.raises(NotFoundError, match=r"speaks no SSH with us|cannot reach"):
        SshShell(Address("127.0.0.1", "pi", listener.getsockname()[1]))
    listener.close()


def test_a_host_that_never_answers(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_login, "LOGIN_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(NotFoundError) as error:
        SshShell(Address("127.0.0.1", "pi", listener.getsockname()[1]))
    assert error.value.exit_status == 5


# --- who is let in


def test_a_key_that_the_device_does_not_know(server: SshServer, tmp_path: Path) -> None:
    key = make_key(tmp_path / "stranger")
    with pytest.raises(UsageError, match="does not let us in") as error:
        SshShell(server.address, identity=key)
    assert f"key {key}" in error.value.message and error.value.exit_status == 2
    assert f"ssh-copy-id -p {server.port} {server.address.user}@127.0.0.1" in str(error.value.hint)


def test_no_key_at_all(server: SshServer) -> None:
    (server.client / "id_ed25519").unlink()
    with pytest.raises(UsageError, match=r"does not let us in \(no key was found\)"):
        SshShell(server.address)


def test_a_key_file_that_is_not_there_or_is_none(server: SshServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no key .*/nowhere"):
        SshShell(server.address, identity=tmp_path / "nowhere")
    (tmp_path / "rubbish").write_text("rubbish")
    with pytest.raises(UsageError, match="cannot be read"):
        SshShell(server.address, identity=tmp_path / "rubbish")


def test_a_locked_key_is_unlocked_by_the_user(server: SshServer) -> None:
    key = server.client / "id_ed25519"
    locked = server.client / "locked"
    key.rename(locked)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(locked)], check=True)
    with pytest.raises(UsageError, match=r"is locked: ssh-add"):
        SshShell(server.address, identity=locked)
    with pytest.raises(UsageError, match=r"cannot be unlocked"):
        SshShell(server.address, identity=locked, ask_password=lambda prompt: "wrong")
    asked: list[str] = []
    SshShell(
        server.address, identity=locked, ask_password=lambda prompt: asked.append(prompt) or "secret"
    ).close()
    assert asked == [f"passphrase of {locked}"]


def test_the_agent_is_asked(server: SshServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(place)], stdout=subprocess.DEVNULL)
    while not place.exists():
        time.sleep(0.01)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(place))
    key = server.client / "id_ed25519"
    subprocess.run(["ssh-add", "-q", str(key)], check=True)
    key.unlink()
    SshShell(server.address).close()
    config(server, "Host *\n  IdentitiesOnly yes\n")
    with pytest.raises(UsageError, match="no key was found"):
        SshShell(server.address)
    agent.terminate()
    agent.wait()


def test_a_wrong_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_module("paramiko")
    with ssh_server(tmp_path / "device", monkeypatch, password=True) as server:
        (server.client / "id_ed25519").unlink()
        with pytest.raises(UsageError, match=r"does not let us in \(the password\)"):
            SshShell(server.address, ask_password=lambda prompt: "wrong")
        with pytest.raises(UsageError, match="no password was given"):
            SshShell(server.address)


@pytest.mark.parametrize("way", ["password", "keyboard-interactive", "none"])
def test_a_right_password(
    server: SshServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    port = password_server(way)
    address = Address("127.0.0.1", "pi", port)
    asked: list[str] = []
    shell = SshShell(
        address, accepts_new_host=True, ask_password=lambda prompt: asked.append(prompt) or "raspberry"
    )
    shell.close()
    assert asked == ([] if way == "none" else [f"password of pi@127.0.0.1:{port}"])
    file = tmp_path / "password"
    file.write_text("raspberry\n")
    file.chmod(0o600)
    monkeypatch.setenv("EDGEPRUNE_SSH_PASSWORD_FILE", str(file))
    SshShell(Address("127.0.0.1", "pi", password_server(way)), accepts_new_host=True).close()


def password_server(way: str) -> int:
    """The port of a server that lets in pi with the password raspberry, once."""
    paramiko: Any = require_module("paramiko")

    class Doorman(paramiko.ServerInterface):  # type: ignore[misc]
        def get_allowed_auths(self, username: str) -> str:
            return way

        def check_auth_none(self, username: str) -> int:
            return int(paramiko.AUTH_SUCCESSFUL if way == "none" else paramiko.AUTH_FAILED)

        def check_auth_password(self, username: str, password: str) -> int:
            is_right = way == "password" and (username, password) == ("pi", "raspberry")
            return int(paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED)

        def check_auth_interactive(self, username: str, submethods: str) -> Any:
            return paramiko.InteractiveQuery("", "", ("Password: ", False))

        def check_auth_interactive_response(self, responses: list[str]) -> int:
            return int(paramiko.AUTH_SUCCESSFUL if responses == ["raspberry"] else paramiko.AUTH_FAILED)

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listener.accept()
        transport = paramiko.Transport(line)
        transport.add_server_key(paramiko.ECDSAKey.generate())
        transport.start_server(server=Doorman())
        transport.join(20)

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


# --- settings


def test_the_settings_of_ssh_are_followed(server: SshServer) -> None:
    (server.client / "id_ed25519").rename(server.client / "special")
    (server.client / "more").write_text(f"  User {server.address.user}\n  IdentityFile ~/.ssh/special\n")
    config(server, f"Host desk\n  HostName 127.0.0.1\n  Port {server.port}\n  Include more\n")
    shell = SshShell(Address("desk"))
    assert shell.name == str(server.address)
    shell.close()


def test_a_jump_host_is_gone_through(server: SshServer, tmp_path: Path) -> None:
    cut = Cut(server, None)  # the way to the jump host, so that it is seen to be used
    with (server.client / "known_hosts").open("a") as known:
        known.write(known_hosts_line(server, cut.port))
    config(
        server,
        f"Host target\n  HostName 127.0.0.1\n  Port {server.port}\n  ProxyJump jump\n"
        f"Host jump\n  HostName 127.0.0.1\n  Port {cut.port}\n",
    )
    shell = SshShell(Address("target", server.address.user))
    assert shell.run("echo there").out == "there\n" and cut.to_device > 1000
    shell.close()
    cut.close()


def test_settings_that_are_not_followed_are_refused(server: SshServer) -> None:
    config(server, "Host *\n  ProxyCommand nc %h %p\n")
    with pytest.raises(UsageError, match="ProxyCommand"):
        SshShell(server.address)
    config(server, "Host *\n  Include config\n")
    with pytest.raises(UsageError, match="include each other"):
        SshShell(server.address)


# --- files


def test_uploads_are_whole_or_not_there(shell: SshShell, server: SshServer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(200_000))
    place = server.home / "new folder" / "it's here"
    heard: list[tuple[int, int]] = []
    shell.put(source, str(place), lambda done, total: heard.append((done, total)))
    assert place.read_bytes() == source.read_bytes()
    assert heard[0] == (0, 200_000) and heard[-1] == (200_000, 200_000)
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    shell.put(source, str(place), nothing)  # again, over it


def test_an_upload_goes_on_where_it_was_cut(server: SshServer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(2_000_000))
    place = server.home / "there"
    cut = Cut(server, 1_000_000)
    (server.client / "known_hosts").write_text(known_hosts_line(server, cut.port))
    shell = SshShell(cut.address)
    with pytest.raises(BoardError, match=r"the line to .* broke"):
        shell.put(source, str(place), nothing)
    with pytest.raises(BoardError, match=r"the line to .* broke"):
        shell.run("echo on")
    shell.close()
    cut.close()
    assert not place.exists()
    there = (server.home / "there.part").stat().st_size
    assert 500_000 < there < 1_000_000
    rest = Cut(server, None)
    (server.client / "known_hosts").write_text(known_hosts_line(server, rest.port))
    again = SshShell(rest.address)
    heard: list[int] = []
    again.put(source, str(place), lambda done, total: heard.append(done))
    again.close()
    rest.close()
    assert place.read_bytes() == source.read_bytes()
    assert heard[0] == there and rest.to_device < 2_000_000 - there + 50_000


@pytest.mark.parametrize("spoil", ["other bytes", "too long"])
def test_a_remnant_of_something_else_is_not_continued(
    shell: SshShell, server: SshServer, tmp_path: Path, spoil: str
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0123456789" * 100)
    place = server.home / "there"
    part = server.home / "there.part"
    part.write_bytes(b"x" * 500 if spoil == "other bytes" else source.read_bytes() + b"!")
    assert size_on_device(shell, source, str(place)) == 0
    shell.put(source, str(place), nothing)
    assert place.read_bytes() == source.read_bytes()


def test_what_arrives_damaged_is_thrown_away(shell: SshShell, server: SshServer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0123456789" * 100)
    part = server.home / "there.part"
    part.write_bytes(source.read_bytes()[:-1] + b"x")
    with pytest.raises(BoardError, match="arrived damaged"):
        finish_upload(shell, source, str(server.home / "there"))
    assert not part.exists() and not (server.home / "there").exists()


def test_a_place_that_cannot_be_written(shell: SshShell, server: SshServer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    (server.home / "file").write_text("")
    with pytest.raises(BoardError, match=r"cannot write .*/file/there"):
        shell.put(source, f"{server.home}/file/there", nothing)
    (server.home / "there.part").mkdir()
    with pytest.raises(BoardError, match=r"cannot write .*/there"):
        shell.put(source, f"{server.home}/there", nothing)


def test_a_full_disk(shell: SshShell, server: SshServer, tmp_path: Path, small_disk: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    with pytest.raises(BudgetError, match=r"is full: \d+ bytes are free .* \d+ more are needed") as error:
        shell.put(source, f"{small_disk}/there", nothing)
    assert error.value.exit_status == 3 and "flash again" in str(error.value.hint)
    assert not (small_disk / "there").exists()


# --- without the package


def test_without_paramiko(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(NotFoundError, match="SSH needs the package paramiko") as error:
        SshShell(server.address)
    assert error.value.hint == "pip install 'edgeprune[pi]'" and error.value.exit_status == 5


def test_the_light_installation_imports_all_of_it() -> None:
    script = """
import sys
sys.modules["paramiko"] = sys.modules["numpy"] = None
import importlib, pkgutil
import edgeprune.device.deploy as package
names = [name for _, name, _ in pkgutil.iter_modules(package.__path__)]
for name in names:
    importlib.import_module(f"edgeprune.device.deploy.{name}")
print(len(names))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and int(done.stdout) >= 10, done.stderr
