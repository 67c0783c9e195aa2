"""The serial console alone: logging in, bad cables, pulled cables, and the runner behind it."""

import base64
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_release import fake_bundle, id_of
from support.fake_runner import MODEL_HASH
from support.linux_device import wait_until
from support.serial_console import PASSWORD, USER, Cable, SerialConsole
from support.ssh_server import uninstall
from support.tools import require_tool

from edgeprune.device.deploy import console_agent, console_login
from edgeprune.device.deploy.console import ConsoleShell
from edgeprune.device.deploy.console_agent import agent_text, cksum
from edgeprune.device.deploy.deploy import deploy
from edgeprune.device.deploy.release import read_release
from edgeprune.device.link import SerialLink
from edgeprune.device.session import Session
from edgeprune.errors import BoardError, BudgetError, NotFoundError, UsageError

LISTEN = "tcp:127.0.0.1:0"
NOISE = {"lost": 0.0002, "damaged": 0.0002}
LOGIN_SHELLS = ("sh", "bash --norc -i")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The home folder on the device."""
    folder = tmp_path / "ho me"
    folder.mkdir()
    yield folder
    uninstall(prefix_of(folder), folder)


@pytest.fixture
def device(home: Path) -> Iterator[SerialConsole]:
    """A device at its login prompt."""
    console = SerialConsole(home, environment={"EDGEPRUNE_START_WAIT_S": "5", "TMPDIR": str(home.parent)})
    yield console
    console.close()


def prefix_of(home: Path) -> Path:
    return home / ".local" / "share" / "edgeprune"


def log_in(device: SerialConsole) -> ConsoleShell:
    return ConsoleShell.open(device.port, USER, ask_password=lambda prompt: PASSWORD)


def answers(shell: ConsoleShell) -> bool:
    """Whether the runner speaks through the console."""
    link = shell.line()
    try:
        return Session(link, 5).device.model_hash == MODEL_HASH
    finally:
        link.close()


def what_is_there(device: SerialConsole) -> str:
    """What the device says to an empty line."""
    link = SerialLink(device.port)
    link.write(b"\r\n")
    heard = b""
    while data := link.read(1):
        heard += data
    link.close()
    return heard.decode("latin-1")


# --- logging in


@pytest.mark.parametrize("shell", LOGIN_SHELLS)
def test_commands(home: Path, shell: str) -> None:
    console = SerialConsole(home, shell=require_tool(shell.split()[0]) + shell[len(shell.split()[0]) :])
    asked: list[str] = []
    opened = ConsoleShell.open(
        console.port,
        USER,
        ask_password=lambda prompt: asked.append(prompt) or PASSWORD,  # type: ignore[func-returns-value]
    )
    assert asked == [f"password of {USER} on {console.port}"]
    assert opened.prefix == str(prefix_of(home))
    done = opened.run('cat; echo "it\'s ≥ $((6 * 7))" >&2; exit 3', stdin=b"from here")
    assert (done.status, done.out, done.err) == (3, "from here", "it's ≥ 42\n")
    long = opened.run("# " + "x" * 5000 + "\nseq 1 2000")
    assert long.out.split() == [str(number) for number in range(1, 2001)]
    with pytest.raises(BoardError, match="not done after"):
        opened.run("sleep 30", timeout_s=0.3)
    assert opened.run("echo on").out == "on\n"
    opened.close()
    assert what_is_there(console).endswith("login: ")  # logged out
    console.close()


def test_a_wrong_password(device: SerialConsole) -> None:
    with pytest.raises(UsageError, match=f"does not let {USER} in") as error:
        ConsoleShell.open(device.port, USER, ask_password=lambda prompt: "wrong")
    assert error.value.exit_status == 2
    log_in(device).close()


def test_no_password(device: SerialConsole) -> None:
    with pytest.raises(UsageError, match="asks for pi's password, and none was given"):
        ConsoleShell.open(device.port, USER)
    log_in(device).close()


def test_the_password_may_be_in_a_file(
    device: SerialConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("EDGEPRUNE_SSH_PASSWORD_FILE", str(file))
    ConsoleShell.open(device.port, USER).close()


def test_somebody_stopped_at_the_password_prompt(device: SerialConsole) -> None:
    link = SerialLink(device.port)
    link.write(b"\rroot\r")
    time.sleep(0.5)
    link.close()
    shell = log_in(device)
    assert shell.run("echo on").out == "on\n"
    shell.close()


def test_a_session_that_is_open_stays_open(device: SerialConsole) -> None:
    link = SerialLink(device.port)
    link.write(f"\r{USER}\r".encode())
    time.sleep(0.5)
    link.write(f"{PASSWORD}\r".encode())
    time.sleep(0.5)
    link.close()
    shell = ConsoleShell.open(device.port, USER)
    assert shell.run("echo on").out == "on\n"
    shell.close()
    assert "$ " in what_is_there(device)  # it was not ours to end


def test_a_silent_line(device: SerialConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_login, "LISTEN_S", 0.2)
    device.cable.is_pulled = True
    with pytest.raises(BoardError, match="nothing that is a console answers") as error:
        log_in(device)
    assert error.value.exit_status == 6 and "enable_uart=1" in str(error.value.hint)


def test_no_such_port() -> None:
    with pytest.raises(NotFoundError, match="cannot open /dev/ttyNone0"):
        ConsoleShell.open("/dev/ttyNone0", USER)


class RunnersLine:
    """A Link to a runner that naks what it does not understand."""

    def __init__(self) -> None:
        self._said = b""

    def write(self, data: bytes) -> None:
        self._said += b"!0000 nak code=bad_line detail=0 *00000000\n" * data.count(b"\n")

    def read(self, timeout_s: float) -> bytes:
        said, self._said = self._said, b""
        return said

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_line_that_is_the_runners_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="is the line of the runner, not a login"):
        ConsoleShell(RunnersLine(), USER, name="here")


# --- bad cables


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bad_cable_changes_nothing(device: SerialConsole, home: Path, tmp_path: Path, seed: int) -> None:
    shell = log_in(device)
    device.cable.lost, device.cable.damaged = 0.0005, 0.0005
    source = tmp_path / "source"
    source.write_bytes(os.urandom(20_000))
    heard: list[int] = []
    shell.put(source, f"{home}/new/it's there", lambda done, total: heard.append(done))
    assert (home / "new" / "it's there").read_bytes() == source.read_bytes()
    assert heard[0] == 0 and heard[-1] == 20_000 and heard == sorted(heard)
    assert shell.run("echo x >>once; seq 1 500 >&2").err.split()[-1] == "500"
    assert (home / "once").read_text() == "x\n"
    device.cable.lost = device.cable.damaged = 0
    shell.close()


def test_logging_in_over_a_bad_cable(device: SerialConsole) -> None:
    device.cable.lost, device.cable.damaged = NOISE["lost"], NOISE["damaged"]
    shell = log_in(device)
    assert shell.run("echo on").out == "on\n"
    shell.close()


def test_a_cable_without_hope(device: SerialConsole, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(console_agent, "ANSWER_S", 0.1)
    monkeypatch.setattr(console_agent, "TRIES", 8)
    shell = log_in(device)
    device.cable.damaged = 0.3
    with pytest.raises(BoardError, match=r"gives only damaged answers|is silent"):
        shell.run("echo on")
    device.cable.damaged = 0
    device.cable.is_pulled = True
    with pytest.raises(BoardError, match="is silent") as error:
        shell.run("echo on")
    assert error.value.exit_status == 6


def test_kernel_messages_in_between_are_no_answers(device: SerialConsole, home: Path) -> None:
    shell = log_in(device)
    terminal = shell.run("tty <&1; ls -l /proc/$PPID/fd/0").out.split()[-1]
    noise = subprocess.Popen(
        ["sh", "-c", f"while sleep 0.02; do echo '[ 12.3] usb 1-1: new' >{terminal}; done"]
    )
    for number in range(5):
        assert shell.run(f"seq 1 300; echo {number}").out.split()[-1] == str(number)
    noise.kill()
    noise.wait()
    shell.close()


def test_a_full_disk(device: SerialConsole, small_disk: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(20_000))
    (small_disk / "filling").write_bytes(bytes(2 * 1024 * 1024 - 8192))
    shell = log_in(device)
    with pytest.raises(BudgetError, match=r"is full: \d+ bytes are free") as error:
        shell.put(source, f"{small_disk}/there", lambda done, total: None)
    assert error.value.exit_status == 3
    shell.close()


# --- deployments


@pytest.mark.slow
def test_a_deployment_by_the_console_alone(device: SerialConsole, home: Path, tmp_path: Path) -> None:
    device.cable.lost, device.cable.damaged = NOISE["lost"], NOISE["damaged"]
    shell = log_in(device)
    first, second = fake_bundle(tmp_path / "a"), fake_bundle(tmp_path / "b", "crash")
    done = deploy(first, shell, listen=LISTEN)
    assert done.release == id_of(first) and done.sent_bytes == read_release(first).size_bytes
    assert answers(shell)
    with pytest.raises(BoardError, match=f"{id_of(first)} runs again"):
        deploy(second, shell)
    assert answers(shell)
    device.cable.lost = device.cable.damaged = 0
    shell.close()
    assert what_is_there(device).endswith("login: ")


@pytest.mark.slow
def test_a_cable_that_is_pulled_leaves_the_old_release_and_the_upload_is_continued(
    device: SerialConsole, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = fake_bundle(tmp_path / "old"), fake_bundle(tmp_path / "new", filling=60_000)
    shell = log_in(device)
    deploy(old, shell, listen=LISTEN)
    monkeypatch.setattr(console_agent, "ANSWER_S", 0.3)
    device.cable.pulled_after = device.cable.to_device + 50_000
    with pytest.raises(BoardError, match=r"no piece of .* gets through|is silent"):
        deploy(new, shell)
    monkeypatch.undo()
    shell.close()
    current = prefix_of(home) / "current"
    assert current.readlink().name == id_of(old)
    device.plug(Cable())  # the agent of the session before still waits at the other end
    again = log_in(device)
    done = deploy(new, again)
    assert 15_000 < done.skipped_bytes - read_release(old).size_bytes < 60_000
    assert done.sent_bytes < 50_000 and current.readlink().name == id_of(new)
    assert answers(again)
    again.close()
    assert what_is_there(device).endswith("login: ")


@pytest.mark.slow
def test_a_cable_that_is_pulled_while_the_runner_talks(
    device: SerialConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = log_in(device)
    deploy(fake_bundle(tmp_path / "a"), shell, listen=LISTEN)
    Session(shell.line(), 5)  # the bridge stays
    device.plug(Cable())
    again = log_in(device)
    assert answers(again)
    again.close()


def test_no_runner_to_talk_to(device: SerialConsole) -> None:
    shell = log_in(device)
    with pytest.raises(NotFoundError, match="nothing is installed"):
        shell.line()
    shell.close()


# --- the agent


def test_what_is_asked_twice_is_done_once(tmp_path: Path) -> None:
    """An answer that got lost is asked for again: the script behind it has run, and must not run again."""
    script = b"echo x >>" + str(tmp_path / "once").encode()
    requests = [
        f"1 file {base64.b64encode(b'c1.sh').decode()}",
        *2 * [f"2 write 0 {base64.b64encode(script).decode()}"],
        *3 * ["3 run c1"],
    ]
    lines = "".join(f"{cksum(request.encode())} {request}\n" for request in requests)
    done = subprocess.run(
        ["sh", "-c", agent_text()],
        input=f"{lines}1 damaged\nep-quit\n",
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line.split(" ", 2)[2] for line in done.stdout.splitlines() if line]
    assert said == ["0 ready", "1 ok", "2 ok", "2 ok", "3 ok", "3 ok", "3 ok", "0 bad", "0 bye"]
    wait_until(lambda: (tmp_path / "once").exists())
    time.sleep(0.2)
    assert (tmp_path / "once").read_text() == "x\n"
    assert not list(tmp_path.glob("edgeprune.*"))


@pytest.mark.parametrize("data", [b"", b"a", b"hello world\n", bytes(range(256)) * 9])
def test_the_checksum_is_that_of_cksum(data: bytes) -> None:
    done = subprocess.run(["cksum"], input=data, capture_output=True, check=True)
    assert done.stdout.split()[0] == str(cksum(data)).encode()


def test_the_agent_is_small_and_plain_shell() -> None:
    text = agent_text()
    assert len(text) < 2200 and "#" not in text.replace("${l#* }", "").replace("$#", "")
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
