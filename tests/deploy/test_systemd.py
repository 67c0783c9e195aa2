"""The service under a real systemd user manager, in a mount namespace where the system seems booted by it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.fake_release import fake_bundle, id_of, litert_bundle
from support.linux_device import Device
from support.tools import missing, require_tool

SYSTEMD = Path("/lib/systemd/systemd")
PROLOGUE = r"""
mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system || exit 77
mount -t cgroup2 none /sys/fs/cgroup || exit 77
group=/sys/fs/cgroup/edgeprune-$$
mkdir $group && echo $$ >$group/cgroup.procs || exit 77
mkdir -p -m 700 "$XDG_RUNTIME_DIR"
/lib/systemd/systemd --user --log-target=null &
manager=$!
n=0
until systemctl --user show-environment >/dev/null 2>&1; do
    n=$((n + 1)); [ $n -lt 100 ] || exit 77; sleep 0.1
done
"""
EPILOGUE = r"""
kill $manager; wait $manager
echo $$ >/sys/fs/cgroup/cgroup.procs
sleep 0.2
find $group -depth -type d -exec rmdir {} \; 2>/dev/null
exit $status
"""
SHOW = "systemctl --user show edgeprune-runner.service -p"


def under_systemd(device: Device, script: str) -> str:
    """What `script` prints, run with `P` as the prefix; skips where systemd does not run like that."""
    if os.geteuid() != 0 or not SYSTEMD.exists():
        missing("root, and systemd")
    environment = {
        **device.environment,
        "XDG_RUNTIME_DIR": str(device.folder / "runtime"),
        "P": str(device.prefix),
    }
    done = subprocess.run(
        [require_tool("unshare"), "-m", "sh", "-c", f"{PROLOGUE}({script})\nstatus=$?\n{EPILOGUE}"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode == 77:
        missing(f"a systemd that starts as a user's manager here ({done.stderr.strip()[-200:]})")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_unit_runs_restarts_rolls_back_and_goes(device: Device, tmp_path: Path) -> None:
    good = fake_bundle(tmp_path / "good")
    bad = fake_bundle(tmp_path / "bad", "crash")
    said = under_systemd(
        device,
        f"""
        sh '{good.path}/install.sh' --prefix "$P" --listen tcp:127.0.0.1:0 || exit 1
        {SHOW} ActiveState; {SHOW} UnitFileState; {SHOW} NRestarts
        first=$({SHOW} MainPID --value)
        kill -9 $first
        until new=$({SHOW} MainPID --value) && [ $new != 0 ] && [ $new != $first ]; do sleep 0.1; done
        {SHOW} NRestarts
        sh '{bad.path}/install.sh' --prefix "$P"; echo status=$?
        cat "$P/state/runner.log"
        readlink "$P/current"
        sh "$P/current/uninstall.sh" --purge || exit 1
        {SHOW} LoadState; ls -a "$HOME/.config/systemd/user"
        """,
    )
    assert "ActiveState=active\nUnitFileState=enabled\nNRestarts=0\nNRestarts=1\n" in said
    assert "status=15\n" in said
    assert f"fake runner: out of luck\nfake runner: serving {id_of(good)}\nreleases/{id_of(good)}\n" in said
    assert said.endswith("LoadState=not-found\n.\n..\n")
    assert not device.prefix.exists()


@pytest.mark.slow
def test_a_python_runner_tells_systemd_that_it_is_ready_and_is_watched(
    device: Device, tmp_path: Path
) -> None:
    bundle = litert_bundle(tmp_path, "a")
    device.fake("python3", f'exec {sys.executable} "$@"')
    said = under_systemd(
        device,
        f"""
        sh '{bundle.path}/install.sh' --prefix "$P" --listen tcp:127.0.0.1:0 || exit 1
        {SHOW} Type; {SHOW} WatchdogUSec; {SHOW} ActiveState
        sh "$P/current/uninstall.sh" --purge
        """,
    )
    assert said == "Type=notify\nWatchdogUSec=1min\nActiveState=active\n"


def manager(device: Device) -> Path:
    """A stand-in for systemctl that keeps a record; with it, what happens needs no systemd."""
    record = device.folder / "systemctl.log"
    device.fake("systemctl", f'echo "$*" >>{record}\ncase "$*" in *restart*) sh "$NEXT";; esac')
    return record


def test_the_unit_is_enabled_and_lingering_is_asked_for(device: Device, tmp_path: Path) -> None:
    record = manager(device)
    device.fake("loginctl", "echo 'Access denied' >&2; exit 1")
    bundle = fake_bundle(tmp_path / "b")
    start = tmp_path / "start"
    start.write_text(f'sh "{tmp_path}/current/start.sh" serve >/dev/null 2>&1 &')
    (tmp_path / "current").symlink_to(device.prefix / "current")
    said = device.install(bundle, NEXT=str(start))
    os.kill(device.health()["pid"], 15)
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert "the runner ends with your last session" in said
    assert f"(Access denied): sudo loginctl enable-linger {user}" in said
    asked = record.read_text().splitlines()
    assert asked[-3:] == [
        "--user daemon-reload",
        "--user --quiet enable edgeprune-runner.service",
        "--user --no-block restart edgeprune-runner.service",
    ]
    unit = (device.home / ".config/systemd/user/edgeprune-runner.service").read_text()
    assert "Type=simple\n" in unit and "@" not in unit.partition("\n[Unit]")[2]
    assert "$$fix" in unit and "100%% " in unit and '\\"pre' in unit


def test_without_a_user_manager_the_supervisor_takes_over_and_says_so(device: Device, tmp_path: Path) -> None:
    device.fake("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    said = device.install(fake_bundle(tmp_path / "b"))
    assert "note: no systemd user manager answers here, so supervise.sh keeps the runner" in said
    assert (device.prefix / "state" / "supervise.pid").exists()
