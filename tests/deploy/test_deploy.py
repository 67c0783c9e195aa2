"""A whole deployment over SSH, and everything that can go wrong in one."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_release import fake_bundle, id_of, litert_bundle
from support.fake_runner import MODEL_HASH
from support.linux_device import wait_until
from support.ssh_server import Cut, SshServer, known_hosts_line, ssh_server
from support.tools import missing, require_module, require_tool

from edgeprune.artifact import Bundle
from edgeprune.device.deploy import ssh_login
from edgeprune.device.deploy.deploy import Deployed, deploy
from edgeprune.device.deploy.local import LocalShell
from edgeprune.device.deploy.release import read_release
from edgeprune.device.deploy.shell import Finished, Progress, Shell
from edgeprune.device.deploy.ssh import SshShell
from edgeprune.device.link import Link
from edgeprune.device.session import Session
from edgeprune.errors import BoardError, BudgetError, ModelError, NotFoundError, UsageError

LISTEN = "tcp:127.0.0.1:0"


@pytest.fixture
def shell(server: SshServer) -> Iterator[SshShell]:
    """Logged in."""
    opened = SshShell(server.address)
    yield opened
    opened.close()


def current(server: SshServer) -> str:
    path = server.prefix / "current"
    return path.readlink().name if path.is_symlink() else ""


def serving(server: SshServer) -> str:
    """The release whose runner says that it serves; empty while none does."""
    path = server.prefix / "state" / "health.json"
    return str(json.loads(path.read_text())["release"]) if path.is_file() else ""


def answers(shell: Shell) -> int:
    """Talk to the runner as `profile` does; the length of what it holds."""
    link = shell.line()
    try:
        session = Session(link, 7)
        assert session.device.model_hash == MODEL_HASH
        return session.flash_content()[0]
    finally:
        link.close()


def incoming(server: SshServer) -> list[str]:
    return [path.name for path in (server.prefix / "releases").glob(".incoming-*")]


# --- going well


def test_a_release_gets_there_and_answers(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    bundle = fake_bundle(tmp_path / "b", filling=500_000)
    total = read_release(bundle).size_bytes
    heard: list[tuple[int, int]] = []
    done = deploy(bundle, shell, listen=LISTEN, progress=lambda there, of: heard.append((there, of)))
    assert done == Deployed(id_of(bundle), None, total, 0)
    assert heard[0] == (0, total) and heard[-1] == (total, total) and heard == sorted(heard)
    assert current(server) == serving(server) == id_of(bundle)
    assert answers(shell) == (bundle.path / "SHA256SUMS").stat().st_size
    assert incoming(server) == []


def test_again_sends_nothing(shell: SshShell, tmp_path: Path) -> None:
    bundle = fake_bundle(tmp_path / "b", filling=100_000)
    deploy(bundle, shell, listen=LISTEN)
    done = deploy(bundle, shell, listen=LISTEN)
    assert done == Deployed(id_of(bundle), None, 0, read_release(bundle).size_bytes)


@pytest.mark.slow
def test_what_another_release_has_is_not_sent(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    first = litert_bundle(tmp_path, "first")
    second = litert_bundle(tmp_path, "second")
    deploy(first, shell, listen=LISTEN)
    done = deploy(second, shell, listen=LISTEN)
    changed = {"runner.pyz", "SHA256SUMS"}  # not the scripts, not the wheel
    sent = sum(file.size_bytes for file in read_release(second).files if file.name in changed)
    assert done.sent_bytes == sent and done.previous == id_of(first)
    assert serving(server) == id_of(second)


def test_addresses_stay_until_others_are_given(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    deploy(fake_bundle(tmp_path / "a"), shell, listen=LISTEN)
    deploy(fake_bundle(tmp_path / "b", note="b"), shell)
    assert (server.prefix / "config").read_text() == f'LISTEN="{LISTEN}"\n'


def test_what_is_left_out_is_said(
    server: SshServer, shell: SshShell, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deploy(fake_bundle(tmp_path / "a"), shell, listen=f"{LISTEN} serial:/dev/ttyNone0")
    assert "serial:/dev/ttyNone0: there is no such device" in caplog.text


# --- a device that cannot run it


@pytest.mark.parametrize(
    ("program", "script", "kind", "said"),
    [
        (
            "getconf",
            "case $1 in LONG_BIT) echo 32;; *) echo glibc 2.36;; esac",
            UsageError,
            r"has a 32-bit system \(x86_64\)",
        ),
        ("uname", "echo armv7l", UsageError, r"has a 32-bit system \(armv7l\)"),
        ("uname", "echo aarch64", UsageError, "is aarch64, the Bundle is for x86_64"),
        (
            "getconf",
            "case $1 in LONG_BIT) echo 64;; *) echo glibc 2.31;; esac",
            UsageError,
            r"has glibc 2\.31, the release needs 2\.34",
        ),
        (
            "getconf",
            "case $1 in LONG_BIT) echo 64;; *) exit 1;; esac",
            UsageError,
            r"has no glibc, the release needs 2\.34",
        ),
        ("python3", "exit 127", UsageError, r"has no python3, the release needs 3\.10"),
        ("python3", "echo 3.9", UsageError, r"has python3 3\.9, the release needs 3\.10"),
        ("df", "echo 'x 9 9 77 99% /'", BudgetError, r"has 78848 bytes free, the release needs 24\d{7}"),
        ("df", "echo what", BoardError, "does not say what system it has"),
    ],
)
def test_a_device_that_cannot_run_it_gets_nothing(
    server: SshServer,
    shell: SshShell,
    tmp_path: Path,
    program: str,
    script: str,
    kind: type[Exception],
    said: str,
) -> None:
    bundle = fake_bundle(tmp_path / "b", runtime="litert", machine="x86_64", glibc="2.34", python="3.10")
    server.fake("uname", "echo x86_64")
    server.fake("getconf", "case $1 in LONG_BIT) echo 64;; *) echo glibc 2.36;; esac")
    server.fake("python3", "echo 3.11")
    server.fake(program, script)
    with pytest.raises(kind, match=said):
        deploy(bundle, shell)
    assert not server.prefix.exists()


def test_a_device_that_cannot_make_environments(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    server.fake("python3", "case $2 in *venv*) exit 1;; *) echo 3.11;; esac")
    with pytest.raises(UsageError, match="sudo apt install python3-venv"):
        deploy(litert_bundle(tmp_path, "a"), shell)


@pytest.mark.slow
def test_packages_that_cannot_be_had(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    bundle = litert_bundle(tmp_path, "a", wanted="3.0")
    with pytest.raises(NotFoundError, match=r"No matching distribution found for tiny-wheel==3\.0"):
        deploy(bundle, shell)
    assert current(server) == ""


@pytest.mark.parametrize("megabytes", [1.0, 4.0])
def test_a_full_disk_on_the_device(
    server: SshServer, tmp_path: Path, small_disk: Path, megabytes: float
) -> None:
    """Told before anything is sent, also where the upload would fit and its copy would not."""
    bundle = fake_bundle(tmp_path / "b", filling=int(megabytes * 1e6))
    shell = SshShell(server.address, prefix=f"{small_disk}/edgeprune")
    with pytest.raises(BudgetError, match=r"has \d+ bytes free, the release needs \d+") as error:
        deploy(bundle, shell)
    assert error.value.exit_status == 3 and list(small_disk.iterdir()) == []
    shell.close()


def test_a_disk_that_fills_up_meanwhile(server: SshServer, tmp_path: Path, small_disk: Path) -> None:
    first, second = fake_bundle(tmp_path / "a"), fake_bundle(tmp_path / "b", filling=500_000)
    shell = SshShell(server.address, prefix=f"{small_disk}/edgeprune")
    deploy(first, shell, listen=LISTEN)

    def fill(there: int, _: int) -> None:
        if there > 100_000:
            (small_disk / "filling").write_bytes(b"x" * 1_500_000)

    with pytest.raises(BudgetError, match="is full"):
        deploy(second, shell, listen=LISTEN, progress=fill)
    assert answers(shell)
    (small_disk / "filling").unlink()
    done = deploy(second, shell, listen=LISTEN)
    assert done.skipped_bytes > 100_000 and answers(shell)
    shell.run(f"sh '{small_disk}/edgeprune/current/uninstall.sh'")
    shell.close()


# --- a line that breaks


def test_an_upload_that_is_cut_leaves_the_old_release_and_is_continued(
    server: SshServer, shell: SshShell, tmp_path: Path
) -> None:
    old, new = fake_bundle(tmp_path / "old"), fake_bundle(tmp_path / "new", filling=2_000_000)
    deploy(old, shell, listen=LISTEN)
    cut = Cut(server, 1_200_000)
    with (server.client / "known_hosts").open("a") as known:
        known.write(known_hosts_line(server, cut.port))
    with pytest.raises(BoardError, match=r"the line to .* broke") as error:
        deploy(new, SshShell(cut.address))
    assert error.value.exit_status == 6
    cut.close()
    assert current(server) == serving(server) == id_of(old) and answers(shell)
    done = deploy(new, shell)
    total = read_release(new).size_bytes
    assert done.sent_bytes + done.skipped_bytes == total
    assert 800_000 < done.skipped_bytes < 1_250_000  # what other releases have is among it
    assert done.previous == id_of(old) and serving(server) == id_of(new) and incoming(server) == []


def test_an_installation_goes_on_when_the_line_breaks(
    server: SshServer, shell: SshShell, tmp_path: Path
) -> None:
    old = fake_bundle(tmp_path / "old")
    new = fake_bundle(tmp_path / "new", "slow")  # two seconds in its check
    deploy(old, shell, listen=LISTEN)
    other = SshShell(server.address)
    threading.Timer(1.5, other.close).start()
    with pytest.raises(BoardError, match=r"the line to .* broke"):
        deploy(new, other)
    wait_until(lambda: serving(server) == id_of(new), 20)
    assert current(server) == id_of(new)
    wait_until(lambda: not (server.prefix / ".lock").is_symlink())
    assert deploy(new, shell).sent_bytes == 0


@pytest.mark.slow
def test_a_network_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device of its own network namespace: no loopback, no neighbours, and its cable is pulled."""
    require_module("paramiko")
    if os.geteuid() != 0:
        missing("root, to make a network namespace")
    monkeypatch.setattr(ssh_login, "DEAD_AFTER_S", 3.0)
    with namespace() as name:
        server = ssh_server(tmp_path / "device", monkeypatch, host="10.213.7.2", port=22, namespace=name)
        with server as device:
            shell = SshShell(device.address)
            assert shell.run("hostname -I 2>/dev/null || ip -o addr").status == 0
            old = fake_bundle(tmp_path / "old")
            deploy(old, shell, listen=LISTEN)
            assert answers(shell)
            new = fake_bundle(tmp_path / "new", filling=3_000_000)
            began = time.monotonic()
            with pytest.raises(BoardError, match=r"the line to .* broke"):
                deploy(new, shell, progress=pull_cable_after(1_000_000))
            assert time.monotonic() - began < 30  # it is noticed, and nobody waits for ever
            subprocess.run(["ip", "link", "set", "ep-host", "up"], check=True)
            shell.close()
            shell = SshShell(device.address)
            assert serving(device) == id_of(old) and answers(shell)
            done = deploy(new, shell)
            assert done.skipped_bytes > 900_000 and serving(device) == id_of(new)
            shell.close()


class namespace:
    """A network namespace with one cable to us: 10.213.7.1 here, 10.213.7.2 there."""

    name = "edgeprune-test"

    def __enter__(self) -> str:
        ip = require_tool("ip")
        for words in (
            f"netns add {self.name}",
            f"link add ep-host type veth peer name ep-device netns {self.name}",
            "addr add 10.213.7.1/30 dev ep-host",
            "link set ep-host up",
            f"-n {self.name} addr add 10.213.7.2/30 dev ep-device",
            f"-n {self.name} link set ep-device up",
            f"-n {self.name} link set lo up",
        ):
            done = subprocess.run([ip, *words.split()], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                self.__exit__()
                missing(f"a network namespace (ip {words}: {done.stderr.strip()})")
        return self.name

    def __exit__(self, *_: object) -> None:
        for words in (["link", "del", "ep-host"], ["netns", "del", self.name]):
            subprocess.run(["ip", *words], capture_output=True, check=False)


def pull_cable_after(count: int) -> Progress:
    """A progress that takes the link down."""
    pulled: list[int] = []

    def progress(there: int, _: int) -> None:
        if there >= count and not pulled:
            pulled.append(there)
            subprocess.run(["ip", "link", "set", "ep-host", "down"], check=True)

    return progress


# --- a release that is not right


@pytest.mark.parametrize("behaviour", ["crash", "silent"])
def test_a_new_runner_that_does_not_answer_is_taken_back(
    server: SshServer, shell: SshShell, tmp_path: Path, behaviour: str
) -> None:
    old, bad = fake_bundle(tmp_path / "old"), fake_bundle(tmp_path / "bad", behaviour)
    deploy(old, shell, listen=LISTEN)
    with pytest.raises(
        BoardError, match=f"{id_of(bad)} did not answer .* and {id_of(old)} runs again"
    ) as error:
        deploy(bad, shell)
    assert ("out of luck" in error.value.message) == (behaviour == "crash")
    assert error.value.exit_status == 6
    assert current(server) == serving(server) == id_of(old)
    assert answers(shell) == (old.path / "SHA256SUMS").stat().st_size


def test_a_new_runner_that_fails_its_check(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    old, bad = fake_bundle(tmp_path / "old"), fake_bundle(tmp_path / "bad", "unfit")
    deploy(old, shell, listen=LISTEN)
    with pytest.raises(BoardError, match=f"{id_of(old)} stays installed\n  .*not for me"):
        deploy(bad, shell)
    assert answers(shell)


class Damaging:
    """A Shell on whose device a file changes between its upload and its installation."""

    keeps_service = True

    def __init__(self, shell: Shell, file: str) -> None:
        self._shell, self._file = shell, file
        self.name, self.prefix = shell.name, shell.prefix

    def run(self, command: str, *, timeout_s: float = 60, stdin: bytes = b"") -> Finished:
        if "install.sh" in command and "--prefix" in command:
            self._shell.run(
                f"for f in '{self.prefix}'/releases/.incoming-*/{self._file}; do echo x >>\"$f\"; done"
            )
        return self._shell.run(command, timeout_s=timeout_s, stdin=stdin)

    def put(self, source: Path, path: str, progress: Progress) -> None:
        self._shell.put(source, path, progress)

    def line(self) -> Link:
        return self._shell.line()

    def close(self) -> None:
        self._shell.close()


def test_a_file_that_is_damaged_on_the_device(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    old, new = fake_bundle(tmp_path / "old"), fake_bundle(tmp_path / "new", note="new")
    deploy(old, shell, listen=LISTEN)
    with pytest.raises(BoardError, match="runner is damaged or missing") as error:
        deploy(new, Damaging(shell, "runner"))
    assert error.value.hint == "flash again: what is damaged is sent again"
    assert serving(server) == id_of(old)
    done = deploy(new, shell)
    assert done.sent_bytes == (new.path / "runner").stat().st_size and serving(server) == id_of(new)


def test_a_file_that_is_damaged_here(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    bundle = fake_bundle(tmp_path / "b")
    (bundle.path / "runner").write_bytes(b"#!/bin/sh\n")
    with pytest.raises(ModelError, match="runner is not what SHA256SUMS says"):
        deploy(bundle, shell)
    assert not server.prefix.exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [("release.json", "{}"), ("release.json", "nonsense"), ("SHA256SUMS", None), ("SHA256SUMS", "x\n")],
)
def test_what_is_no_release(tmp_path: Path, file: str, text: str | None) -> None:
    bundle = fake_bundle(tmp_path / "b")
    if text is None:
        (bundle.path / file).unlink()
    else:
        (bundle.path / file).write_text(text)
    with pytest.raises(ModelError, match="holds nothing for a Linux device" if text is None else "damaged"):
        read_release(bundle)


# --- two at once


def test_two_deployments_at_once(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    bundles = [fake_bundle(tmp_path / name, note=name, filling=300_000) for name in ("a", "b")]
    results = deploy_all(server, bundles)
    assert sorted(str(result.release) for result in results if isinstance(result, Deployed)) == sorted(
        map(id_of, bundles)
    )
    assert current(server) == serving(server) and answers(shell)


def test_the_same_release_twice_at_once(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    """One of them may find that the other was faster; never is anything half-way."""
    bundle = fake_bundle(tmp_path / "a", filling=300_000)
    results = deploy_all(server, [bundle, bundle])
    assert any(isinstance(result, Deployed) for result in results)
    for result in results:
        assert isinstance(result, (Deployed, BoardError)), result
    assert current(server) == serving(server) == id_of(bundle) and answers(shell)
    assert deploy(bundle, shell).sent_bytes == 0 and incoming(server) == []


def deploy_all(server: SshServer, bundles: list[Bundle]) -> list[Deployed | Exception]:
    """What became of each, all begun at once."""
    results: list[Deployed | Exception] = []
    start = threading.Barrier(len(bundles))

    def one(bundle: Bundle) -> None:
        shell = SshShell(server.address)
        start.wait()
        try:
            results.append(deploy(bundle, shell, listen=LISTEN))
        except Exception as error:
            results.append(error)
        shell.close()

    threads = [threading.Thread(target=one, args=(bundle,)) for bundle in bundles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_who_installs_there_is_said(tmp_path: Path) -> None:
    shell = LocalShell({"PATH": os.environ["PATH"], "EDGEPRUNE_LOCK_WAIT_S": "0"}, tmp_path)
    Path(shell.prefix).mkdir(parents=True)
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    (Path(shell.prefix) / ".lock").symlink_to(f"{os.getpid()}:{stat[19]}")
    with pytest.raises(NotFoundError, match=f"process {os.getpid()} is installing here"):
        deploy(fake_bundle(tmp_path / "a"), shell)


# --- no runner


def test_a_line_to_nothing(
    server: SshServer, shell: SshShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFoundError, match="nothing is installed on"):
        shell.line()
    deploy(fake_bundle(tmp_path / "a"), shell, listen=LISTEN)
    link = shell.line()
    shell.run(f"sh '{server.prefix}/current/supervise.sh' stop")
    with pytest.raises(BoardError, match=r"the line to the runner on .* broke"):
        while True:
            link.write(b"\n")
            link.read(1)
    from edgeprune.device.deploy.shell import find_health

    with pytest.raises(NotFoundError, match="no runner runs on"):
        find_health(shell, 0.5)


def test_a_runner_that_is_starting_is_waited_for(server: SshServer, shell: SshShell, tmp_path: Path) -> None:
    deploy(fake_bundle(tmp_path / "a"), shell, listen=LISTEN)
    shell.run(f"sh '{server.prefix}/current/supervise.sh' stop")
    shell.run(f"(sleep 1; sh '{server.prefix}/current/supervise.sh' start) </dev/null >/dev/null 2>&1 &")
    assert answers(shell)


# --- here


def test_this_machine(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    home.mkdir()
    shell = LocalShell({"PATH": os.environ["PATH"]}, home)
    with pytest.raises(NotFoundError, match="nothing is installed on this machine"):
        shell.line()
    bundle = fake_bundle(tmp_path / "b")
    done = deploy(bundle, shell)
    assert done.release == id_of(bundle) and answers(shell)
    assert not (home / ".local/share/edgeprune/state/health.json").exists()  # nothing stays
    again = deploy(fake_bundle(tmp_path / "c", note="c"), LocalShell({"PATH": os.environ["PATH"]}, home))
    assert again.previous == id_of(bundle)
    elsewhere = LocalShell({"PATH": os.environ["PATH"]}, home, name="rpi4", prefix=tmp_path / "prefix")
    deploy(bundle, elsewhere)
    assert answers(elsewhere) and (tmp_path / "prefix" / "current").is_symlink()
    with pytest.raises(BoardError, match="rpi4: not done after"):
        elsewhere.run("sleep 5", timeout_s=0.2)


def test_this_machine_full(tmp_path: Path, small_disk: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(3_000_000))
    shell = LocalShell({"PATH": os.environ["PATH"]}, small_disk)
    with pytest.raises(BudgetError, match="is full"):
        shell.put(source, str(small_disk / "there"), lambda done, total: None)
    assert not (small_disk / "there").exists()
