"""install.sh, start.sh, supervise.sh and uninstall.sh by themselves, on a device that is a folder."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.fake_release import SCRIPTS, fake_bundle, id_of, litert_bundle
from support.linux_device import LISTEN, Device, is_running, kill, wait_until

from edgeprune.artifact import Bundle


def bundles(tmp_path: Path, *names: str) -> list[Bundle]:
    """One good release of each name."""
    return [fake_bundle(tmp_path / "bundles" / name, note=name) for name in names]


# --- installing


def test_a_release_is_installed_and_runs(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    said = device.install(bundle)
    assert device.link("current") == id_of(bundle) and device.link("previous") == ""
    assert device.health()["release"] == id_of(bundle) and is_running(device.health()["pid"])
    assert said.splitlines()[-1] == f"edgeprune: release {id_of(bundle)} is installed in {device.prefix}"
    assert (device.prefix / "config").read_text() == f'LISTEN="{LISTEN}"\n'
    assert str((device.prefix / "current").readlink()) == f"releases/{id_of(bundle)}"


def test_the_same_again_changes_nothing(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    before = device.health()
    device.install(bundle)
    assert device.health() == before and device.link("previous") == ""


def test_the_last_two_releases_are_kept(device: Device, tmp_path: Path) -> None:
    first, second, third = bundles(tmp_path, "a", "b", "c")
    for bundle in (first, second, third):
        device.install(bundle)
    assert (device.link("current"), device.link("previous")) == (id_of(third), id_of(second))
    assert device.releases() == {id_of(third), id_of(second)}
    device.install(second)  # back to the one before, by hand
    assert (device.link("current"), device.link("previous")) == (id_of(second), id_of(third))
    assert device.health()["release"] == id_of(second)


def test_a_damaged_installed_release_is_made_whole(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    installed = device.prefix / "releases" / id_of(bundle) / "runner"
    installed.write_bytes(b"#!/bin/sh\nexit 9\n")
    device.install(bundle)
    assert installed.read_bytes() == (bundle.path / "runner").read_bytes()


def test_without_a_service_nothing_is_started(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle, "--no-service")
    assert device.link("current") == id_of(bundle) and device.health() == {}
    answer = device.sh(device.prefix / "current" / "start.sh", "check")
    assert answer.stdout == '{"ok":true,"load_ms":1}\n'


def test_a_relative_prefix_is_from_here(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    done = device.sh(bundle.path / "install.sh", "--prefix", "some where", "--no-service")
    assert done.returncode == 0, done.stderr
    assert (device.folder / "some where" / "current" / "runner").is_file()


@pytest.mark.parametrize(
    "options",
    [["--prefix"], ["--listen", "tcp:1;reboot:2"], ["--listen", "udp:1:2"], ["--listen", "a b"], ["--purge"]],
)
def test_wrong_options(device: Device, tmp_path: Path, options: list[str]) -> None:
    (bundle,) = bundles(tmp_path, "a")
    done = device.sh(bundle.path / "install.sh", *options)
    assert done.returncode == 2 and not device.prefix.exists(), done.stderr


# --- refusing


@pytest.mark.parametrize(
    ("program", "script", "status", "said"),
    [
        ("getconf", "case $1 in LONG_BIT) echo 32;; *) echo glibc 2.36;; esac", 10, "32-bit system"),
        ("uname", "echo armv7l", 10, "this is a 32-bit system (uname says armv7l)"),
        ("uname", "echo riscv64", 10, "this machine is riscv64"),
        (
            "getconf",
            "case $1 in LONG_BIT) echo 64;; *) echo glibc 2.31;; esac",
            11,
            "glibc 2.31, the release needs 2.34",
        ),
        (
            "getconf",
            "case $1 in LONG_BIT) echo 64;; *) exit 1;; esac",
            11,
            "no glibc, the release needs 2.34",
        ),
        ("python3", "exit 127", 12, "no python3, the release needs 3.10: sudo apt install"),
        ("python3", "echo 3.9", 12, "python3 is 3.9, the release needs 3.10"),
        ("python3", "case $2 in *venv*) exit 1;; *) echo 3.11;; esac", 12, "sudo apt install python3-venv"),
        ("df", "echo 'x 9 9 77 99% /'", 13, "has 77 KiB free, the release needs 24"),
    ],
)
def test_a_system_that_cannot_run_it(
    device: Device, tmp_path: Path, program: str, script: str, status: int, said: str
) -> None:
    bundle = fake_bundle(tmp_path / "b", runtime="litert", glibc="2.34", python="3.10")
    device.fake(program, script)
    assert said in device.install(bundle, status=status).splitlines()[-1]
    assert device.link("current") == ""


def test_a_native_release_asks_for_no_python_and_no_glibc(device: Device, tmp_path: Path) -> None:
    device.fake("python3", "exit 127")
    device.fake("getconf", "case $1 in LONG_BIT) echo 64;; *) exit 1;; esac")
    device.install(fake_bundle(tmp_path / "b"), "--no-service")


def test_without_getconf_the_bits_are_read_from_the_shell_itself(device: Device, tmp_path: Path) -> None:
    device.fake("getconf", "exit 127")
    device.install(fake_bundle(tmp_path / "b"), "--no-service")


def test_a_damaged_file(device: Device, tmp_path: Path) -> None:
    first, second = bundles(tmp_path, "a", "b")
    device.install(first)
    (second.path / "runner").write_bytes(b"#!/bin/sh\n")
    assert ": runner is damaged or missing" in device.install(second, status=14)
    (second.path / "runner").unlink()
    assert ": runner is damaged or missing" in device.install(second, status=14)
    assert device.link("current") == id_of(first) and device.health()["release"] == id_of(first)
    assert device.releases() == {id_of(first)}


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", ".hidden", "a b"])
def test_a_name_that_leads_elsewhere(device: Device, tmp_path: Path, name: str) -> None:
    (bundle,) = bundles(tmp_path, "a")
    with (bundle.path / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  {name}\n")
    assert "SHA256SUMS has a line that is none of its own" in device.install(bundle, status=14)


# --- a new runner that does not answer


@pytest.mark.parametrize("behaviour", ["crash", "silent"])
def test_the_old_release_comes_back(device: Device, tmp_path: Path, behaviour: str) -> None:
    oldest, old = bundles(tmp_path, "a", "b")
    device.install(oldest)
    device.install(old)
    bad = fake_bundle(tmp_path / "bad", behaviour)
    said = device.install(bad, "--listen", "tcp:127.0.0.1:0 serial:/dev/none", status=15)
    assert f"the new runner {id_of(bad)} did not answer within 5 s, and {id_of(old)} runs again" in said
    assert ("fake runner: out of luck" in said) == (behaviour == "crash")
    assert (device.link("current"), device.link("previous")) == (id_of(old), id_of(oldest))
    assert device.health()["release"] == id_of(old) and is_running(device.health()["pid"])
    assert (device.prefix / "config").read_text() == f'LISTEN="{LISTEN}"\n'
    assert not (device.prefix / ".trial").exists()


def test_a_first_release_that_crashes_leaves_nothing_running(device: Device, tmp_path: Path) -> None:
    bad = fake_bundle(tmp_path / "bad", "crash")
    assert "nothing runs" in device.install(bad, status=15)
    assert device.link("current") == "" and not (device.prefix / "config").exists()
    assert not (device.prefix / "state" / "supervise.pid").exists()


def test_a_release_that_fails_its_check_is_never_switched_to(device: Device, tmp_path: Path) -> None:
    (old,) = bundles(tmp_path, "a")
    device.install(old)
    before = device.health()
    said = device.install(fake_bundle(tmp_path / "bad", "unfit"), status=15)
    assert "this model is not for me" in said and f"{id_of(old)} stays installed" in said
    assert device.health() == before and device.link("previous") == ""


# --- an installation that dies


def in_trial(device: Device, bundle: Bundle) -> "subprocess.Popen[bytes]":
    """An installation that has switched to `bundle`, whose runner has started, and waits for it in vain."""
    child = device.start_install(bundle)
    wait_until(lambda: id_of(bundle) in device.runner_command())
    return child


def test_a_stopped_installation_puts_the_old_release_back(device: Device, tmp_path: Path) -> None:
    (old,) = bundles(tmp_path, "a")
    device.install(old)
    child = in_trial(device, fake_bundle(tmp_path / "bad", "silent"))
    child.terminate()
    assert child.wait() == 143
    assert device.link("current") == id_of(old)
    wait_until(lambda: device.health().get("release") == id_of(old))
    assert not (device.prefix / ".lock").is_symlink()


def test_after_a_power_cut_the_old_release_starts(device: Device, tmp_path: Path) -> None:
    (old,) = bundles(tmp_path, "a")
    device.install(old)
    bad = fake_bundle(tmp_path / "bad", "silent")
    child = in_trial(device, bad)
    child.kill()
    child.wait()
    kill(int((device.prefix / "state" / "runner.pid").read_text()))
    # The supervisor starts what is current, as systemd does when the device is on again.
    wait_until(lambda: device.health().get("release") == id_of(old))
    assert (device.link("current"), device.link("previous")) == (id_of(old), "")
    assert "an installation died here half-way; it is undone" in device.log()


def test_the_next_installation_undoes_a_dead_one(device: Device, tmp_path: Path) -> None:
    old, new = bundles(tmp_path, "a", "b")
    device.install(old)
    child = in_trial(device, fake_bundle(tmp_path / "bad", "silent"))
    child.kill()
    child.wait()
    assert "an installation died here half-way" in device.install(new)
    assert (device.link("current"), device.link("previous")) == (id_of(new), id_of(old))


def test_a_running_installation_is_not_undone_by_its_own_runner(device: Device, tmp_path: Path) -> None:
    (old,) = bundles(tmp_path, "a")
    device.install(old)
    bad = fake_bundle(tmp_path / "bad", "silent")
    child = in_trial(device, bad)
    kill(int((device.prefix / "state" / "runner.pid").read_text()))
    wait_until(lambda: "ended with status 137" in device.log())
    time.sleep(1.5)  # by now it was started again
    assert device.link("current") == id_of(bad)
    child.terminate()
    child.wait()


def test_a_stop_that_nobody_took_stops_no_later_runner(device: Device, tmp_path: Path) -> None:
    """As where an installation was killed while it stopped the old runner."""
    first, second = bundles(tmp_path, "a", "b")
    device.install(first)
    assert device.sh(device.prefix / "current" / "supervise.sh", "stop").returncode == 0
    (device.prefix / "state" / "stop").touch()
    device.install(second)
    assert device.health()["release"] == id_of(second)


# --- one at a time


def test_two_at_once_go_one_after_the_other(device: Device, tmp_path: Path) -> None:
    pair = bundles(tmp_path, "a", "b")
    children = [device.start_install(bundle, EDGEPRUNE_LOCK_WAIT_S="60") for bundle in pair]
    assert [child.wait(60) for child in children] == [0, 0]
    assert {device.link("current"), device.link("previous")} == set(map(id_of, pair))
    assert device.health()["release"] == device.link("current")


def test_who_holds_the_lock_is_said(device: Device, tmp_path: Path) -> None:
    first, second = bundles(tmp_path, "a", "b")
    device.install(first)
    child = in_trial(device, fake_bundle(tmp_path / "bad", "silent"))
    assert f"process {child.pid} is installing here" in device.install(second, status=17)
    removed = device.sh(device.prefix / "current" / "uninstall.sh", "--prefix", device.prefix)
    assert removed.returncode == 17 and device.releases()
    child.terminate()
    child.wait()


@pytest.mark.parametrize("holder", ["999999999:1", f"{os.getpid()}:1", ""], ids=["gone", "reused", "none"])
def test_a_lock_of_the_dead_holds_nobody(device: Device, tmp_path: Path, holder: str) -> None:
    """Also where another process has the number by now."""
    (bundle,) = bundles(tmp_path, "a")
    device.prefix.mkdir()
    (device.prefix / ".lock").symlink_to(holder or "nonsense")
    device.install(bundle, "--no-service")
    assert not (device.prefix / ".lock").is_symlink()


# --- the Python environment


@pytest.mark.slow
def test_environments_are_made_shared_and_deleted(device: Device, tmp_path: Path) -> None:
    device.fake("python3", f'exec {sys.executable} "$@"')
    venvs = device.prefix / "venvs"
    device.install(litert_bundle(tmp_path, "a"))
    (environment,) = venvs.iterdir()
    made = (environment / "pyvenv.cfg").stat().st_mtime_ns
    device.install(litert_bundle(tmp_path, "b"))
    assert (environment / "pyvenv.cfg").stat().st_mtime_ns == made
    device.install(litert_bundle(tmp_path, "c", "2.0"))
    assert len(list(venvs.iterdir())) == 2
    device.install(litert_bundle(tmp_path, "d", "2.0"))
    assert len(list(venvs.iterdir())) == 1 and not environment.exists()
    assert device.health()["release"] == device.link("current")


@pytest.mark.slow
def test_an_environment_that_cannot_be_made(device: Device, tmp_path: Path) -> None:
    device.fake("python3", f'exec {sys.executable} "$@"')
    good = litert_bundle(tmp_path, "a")
    device.install(good)
    said = device.install(litert_bundle(tmp_path, "b", wanted="3.0"), status=16)
    assert "No matching distribution found for tiny-wheel==3.0" in said
    assert "build --wheels again for this Python" in said.splitlines()[-1]
    assert device.link("current") == id_of(good) and len(list((device.prefix / "venvs").iterdir())) == 1


@pytest.mark.slow
def test_an_environment_of_a_python_that_is_gone_is_made_again(device: Device, tmp_path: Path) -> None:
    device.fake("python3", f'exec {sys.executable} "$@"')
    bundle = litert_bundle(tmp_path, "a")
    device.install(bundle, "--no-service")
    (environment,) = (device.prefix / "venvs").iterdir()
    (environment / "bin" / "python").unlink()
    refused = device.sh(device.prefix / "current" / "start.sh", "check")
    assert refused.returncode == 1 and "makes it again" in refused.stderr
    device.install(bundle, "--no-service")
    assert device.sh(device.prefix / "current" / "start.sh", "check").returncode == 0


# --- serial devices


def addresses(device: Device, bundle: Bundle, *serial: str) -> tuple[str, str]:
    """What would be served of a TCP address and serial devices, and what is said of the rest."""
    listen = " ".join([LISTEN, *(f"serial:{path}" for path in serial)])
    device.install(bundle, "--no-service", "--listen", listen)
    done = device.sh(device.prefix / "current" / "start.sh", "addresses")
    assert done.returncode == 0
    return done.stdout, done.stderr


def test_serial_devices_that_are_free_are_served(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    assert addresses(device, bundle, f"{path}:115200") == (f"{LISTEN}\nserial:{path}:115200\n", "")
    os.close(master)
    os.close(slave)


def test_serial_devices_that_are_not_there_are_left_out(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    served, said = addresses(device, bundle, "/dev/ttyNone0", "/dev/fd")
    assert served == f"{LISTEN}\n"
    assert "serial:/dev/ttyNone0: there is no such device" in said
    assert "serial:/dev/fd: it is no serial device" in said
    again = device.install(bundle, "--no-service", "--listen", f"{LISTEN} serial:/dev/ttyNone0")
    assert "serial:/dev/ttyNone0: there is no such device" in again


def test_a_serial_device_with_a_login_is_left_out(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    child, master = pty.fork()
    if child == 0:
        os.execvp("sleep", ["sleep", "60"])
    terminal = Path(f"/proc/{child}/fd/0")
    wait_until(lambda: str(terminal.readlink()).startswith("/dev/pts/"))
    path = str(terminal.readlink())
    served, said = addresses(device, bundle, path)
    assert served == f"{LISTEN}\n"
    assert f"sleep (process {child}) has it: sudo systemctl disable --now serial-getty@" in said
    kill(child)
    os.waitpid(child, 0)
    os.close(master)


# --- the supervisor


def test_a_runner_that_ends_is_started_again_later_each_time(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    for pause in (1, 2):
        before = device.health()["pid"]
        kill(before)
        wait_until(lambda: device.health().get("pid") not in (None, before))  # noqa: B023
        assert f"it starts again in {pause} s" in device.log()
    assert device.log().count("ended with status 137") == 2
    assert int((device.prefix / "state" / "runner.pid").read_text()) == device.health()["pid"]


def test_the_supervisor_stops_when_told(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    runner = device.health()["pid"]
    keeper = int((device.prefix / "state" / "supervise.pid").read_text().partition(":")[0])
    (device.prefix / "state" / "stop").touch()  # looked at when the runner ends
    kill(runner, signal.SIGTERM)
    wait_until(lambda: not is_running(keeper))
    (device.prefix / "state" / "stop").unlink()
    assert not (device.prefix / "state" / "runner.pid").exists()


def test_a_stop_that_comes_at_once_is_not_missed(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    for _ in range(3):
        assert device.sh(device.prefix / "current" / "supervise.sh", "start").returncode == 0
        keeper = int((device.prefix / "state" / "supervise.pid").read_text().partition(":")[0])
        assert is_running(keeper)
        assert device.sh(device.prefix / "current" / "supervise.sh", "stop").returncode == 0
        assert not is_running(keeper)


def test_a_supervisor_with_nothing_to_run_ends(device: Device, tmp_path: Path) -> None:
    """As where somebody deleted the folders by hand."""
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    keeper = int((device.prefix / "state" / "supervise.pid").read_text().partition(":")[0])
    (device.prefix / "current").unlink()
    kill(device.health()["pid"])
    wait_until(lambda: not is_running(keeper))


def test_only_one_supervisor(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    keeper = (device.prefix / "state" / "supervise.pid").read_text().partition(":")[0]
    second = device.sh(device.prefix / "current" / "supervise.sh", "run")
    assert second.returncode == 1 and f"process {keeper} does so already" in second.stderr


def test_a_runner_that_does_not_stop_is_killed(device: Device, tmp_path: Path) -> None:
    stubborn = fake_bundle(tmp_path / "stubborn", "stubborn")
    device.install(stubborn)
    runner = device.health()["pid"]
    patched = device.prefix / "current" / "supervise.sh"
    patched.write_text(patched.read_text().replace("STOP_WAIT_S=10", "STOP_WAIT_S=1"))
    assert device.sh(patched, "stop").returncode == 0
    wait_until(lambda: not is_running(runner))
    assert device.health() == {}


def test_the_log_has_an_end(device: Device, tmp_path: Path) -> None:
    device.install(fake_bundle(tmp_path / "chatty", "chatty"))  # says 2.5 MB
    state = device.prefix / "state"
    wait_until(lambda: "fake runner: serving" in device.log())
    assert sorted(path.name for path in state.glob("runner.log*")) == ["runner.log", "runner.log.1"]
    assert all(path.stat().st_size < 1_001_000 for path in state.glob("runner.log*"))
    assert (state / "runner.log.1").stat().st_size > 900_000


# --- uninstalling


def test_uninstall_keeps_what_the_user_may_want(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    runner = device.health()["pid"]
    (device.prefix / "state" / "results").mkdir()
    done = device.sh(device.prefix / "current" / "uninstall.sh")
    assert done.returncode == 0, done.stderr
    assert not is_running(runner)
    assert {path.name for path in device.prefix.iterdir()} == {"state", "config"}
    assert (device.prefix / "state" / "results").is_dir()
    assert "nothing of edgeprune is installed" in device.sh(bundle.path / "uninstall.sh").stderr


def test_purge_leaves_nothing(device: Device, tmp_path: Path) -> None:
    (bundle,) = bundles(tmp_path, "a")
    device.install(bundle)
    (device.prefix / "mine").touch()
    assert device.sh(device.prefix / "current" / "uninstall.sh", "--purge").returncode == 0
    assert [path.name for path in device.prefix.iterdir()] == ["mine"]  # not ours
    (device.prefix / "mine").unlink()
    device.install(bundle)
    assert device.sh(device.prefix / "current" / "uninstall.sh", "--purge").returncode == 0
    assert not device.prefix.exists()


@pytest.mark.parametrize("script", ["install", "start", "supervise", "uninstall"])
def test_scripts_are_plain_shell(script: str) -> None:
    """No shell but sh runs them; `shellcheck -x -s dash` finds more where it is installed."""
    path = SCRIPTS / f"{script}.sh"
    assert path.read_text().startswith("#!/bin/sh\n")
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
