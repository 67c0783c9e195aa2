"""Onto a mounted SD card, which is a folder here, and nowhere else."""

import os
import shlex
import shutil
import stat
import struct
import subprocess
from pathlib import Path

import pytest
from support.fake_release import fake_bundle, id_of
from support.ssh_server import uninstall
from support.tools import missing

from edgeprune.device.deploy.card import UNIT, OnCard, put_on_card
from edgeprune.errors import BudgetError, UsageError

AARCH64, ARM = 183, 40
PREFIX = "home/pi/.local/share/edgeprune"
ENABLED = f"etc/systemd/system/multi-user.target.wants/{UNIT}"


@pytest.fixture(autouse=True)
def needs_root() -> None:
    if os.geteuid() != 0:
        missing("root, to give files to the card's user")


def elf(machine: int, bits: int = 64) -> bytes:
    """The beginning of a program for `machine`."""
    return b"\x7fELF" + bytes([2 if bits == 64 else 1, 1, 1]) + bytes(9) + struct.pack("<HH", 3, machine)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """The root file system of a Raspberry Pi OS, as far as it matters: merged /usr, links from the root."""
    return make_card(tmp_path / "rootfs")


def make_card(root: Path) -> Path:
    for folder in (
        "usr/bin",
        "usr/lib/aarch64-linux-gnu",
        "etc/systemd/system/multi-user.target.wants",
        "home/pi",
    ):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "usr/bin/dash").write_bytes(elf(AARCH64))
    (root / "usr/bin/sh").symlink_to("/usr/bin/dash")  # on this machine it is another program
    (root / "usr/bin/python3.11").write_bytes(elf(AARCH64))
    (root / "usr/bin/python3").symlink_to("python3.11")
    (root / "usr/lib/aarch64-linux-gnu/libc.so.6").write_bytes(
        elf(AARCH64) + b"\0GNU C Library (Debian GLIBC 2.36-9+rpt2) stable release version 2.36.\n\0"
    )
    (root / "usr/lib/os-release").write_text("ID=debian\n")
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    (root / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/bash\npi:x:1000:1001:,,,:/home/pi:/bin/bash\n"
    )
    os.chown(root / "home/pi", 1000, 1001)
    return root


def snapshot(folder: Path) -> dict[str, bytes | str | None]:
    """Everything below a folder."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else (path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


def test_a_release_is_put_into_the_first_users_home(card: Path, tmp_path: Path) -> None:
    bundle = fake_bundle(tmp_path / "b", machine="aarch64", filling=100_000)
    before = snapshot(card)
    heard: list[tuple[int, int]] = []
    done = put_on_card(bundle, card, progress=lambda there, of: heard.append((there, of)))
    folder = f"{PREFIX}/releases/.incoming-{id_of(bundle)}"
    assert done == OnCard(id_of(bundle), "pi", f"/{folder}")
    assert heard[0][0] == 0 and heard[-1][0] == heard[-1][1] and heard == sorted(heard)
    for path in bundle.path.iterdir():
        assert (card / folder / path.name).read_bytes() == path.read_bytes()
    ours = {name for name in snapshot(card) if name.startswith("home/pi/")}
    for name in ours:
        facts = (card / name).lstat()
        assert (facts.st_uid, facts.st_gid) == (1000, 1001), name
        assert not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH), name
    new = set(snapshot(card)) - set(before) - ours
    assert new == {f"etc/systemd/system/{UNIT}", ENABLED}
    assert (card / ENABLED).readlink() == Path(f"../{UNIT}") and (card / ENABLED).resolve().is_file()
    assert (card / f"etc/systemd/system/{UNIT}").stat().st_uid == 0


def test_the_unit_installs_it_at_the_first_start(card: Path, tmp_path: Path) -> None:
    """Its commands, run as systemd would, with the card's home as the user's."""
    shutil.copy("/bin/sh", card / "usr/bin/dash")  # this machine is the device now
    for name in ("aarch64", "x86_64"):
        (card / f"usr/lib/{name}-linux-gnu").mkdir(exist_ok=True)
    bundle = fake_bundle(tmp_path / "b")
    put_on_card(bundle, card, listen="tcp:127.0.0.1:0")
    unit = card / f"etc/systemd/system/{UNIT}"
    home = card / "home/pi"
    for line in unit.read_text().splitlines():
        if line.startswith(("ExecStart=/bin/sh", "ExecStartPost=/bin/sh")):
            words = shlex.split(line.partition("=")[2].replace("$$", "$"))
            subprocess.run(words, env={"HOME": str(home), "PATH": os.environ["PATH"]}, check=True)
    assert (card / PREFIX / "current").readlink() == Path(f"releases/{id_of(bundle)}")
    assert (card / PREFIX / "config").read_text() == 'LISTEN="tcp:127.0.0.1:0"\n'
    assert not list((card / PREFIX / "releases").glob(".incoming*"))
    uninstall(card / PREFIX, home)


def test_the_unit_is_right_for_systemd(card: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze") or missing("the program systemd-analyze")
    put_on_card(fake_bundle(tmp_path / "b", machine="aarch64"), card)
    path = tmp_path / UNIT
    path.write_text((card / f"etc/systemd/system/{UNIT}").read_text())
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if UNIT in line and "loginctl" not in line]
    assert not complaints, done.stderr


def test_again_and_with_another_release(card: Path, tmp_path: Path) -> None:
    first = fake_bundle(tmp_path / "a", machine="aarch64")
    put_on_card(first, card)
    before = snapshot(card)
    put_on_card(first, card)
    assert snapshot(card) == before
    second = fake_bundle(tmp_path / "b", machine="aarch64", note="b")
    put_on_card(second, card)
    assert id_of(second) in (card / ENABLED).resolve().read_text()


# --- what is refused


def refused(card: Path, tmp_path: Path, **more: str) -> UsageError:
    """The error; the card stays as it was."""
    before = snapshot(card)
    bundle = fake_bundle(tmp_path / "b", machine="aarch64", **more)  # type: ignore[arg-type]
    with pytest.raises(UsageError) as error:
        put_on_card(bundle, card)
    assert snapshot(card) == before and error.value.exit_status == 2
    return error.value


def test_no_card(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    error = refused(tmp_path / "folder", tmp_path)
    assert "no root file system of a Linux card: it has no etc/os-release" in error.message
    with pytest.raises(UsageError, match="cannot open"):
        put_on_card(fake_bundle(tmp_path / "c"), tmp_path / "nothing")


def test_the_boot_partition(tmp_path: Path) -> None:
    (tmp_path / "bootfs").mkdir()
    (tmp_path / "bootfs/config.txt").write_text("arm_64bit=1\n")
    error = refused(tmp_path / "bootfs", tmp_path)
    assert "is the boot partition" in error.message and "rootfs" in str(error.hint)


def test_a_32_bit_system(card: Path, tmp_path: Path) -> None:
    """Whatever the kernel: the programs are what counts, and not this machine's."""
    (card / "usr/bin/dash").write_bytes(elf(ARM, 32))
    assert "has a 32-bit system (armv7l)" in refused(card, tmp_path).message


def test_another_machine(card: Path, tmp_path: Path) -> None:
    (card / "usr/bin/dash").write_bytes(elf(62))
    assert "is x86_64, the Bundle is for aarch64" in refused(card, tmp_path).message
    (card / "usr/bin/dash").write_bytes(b"#!/bin/busybox\n")
    shutil.rmtree(tmp_path / "b")
    assert "bin/sh is no program" in refused(card, tmp_path).message


def test_an_old_system(card: Path, tmp_path: Path) -> None:
    needs = {"runtime": "litert", "glibc": "2.37", "python": "3.10"}
    assert "has glibc 2.36, the release needs 2.37" in refused(card, tmp_path, **needs).message
    (card / "usr/bin/python3").unlink()
    shutil.rmtree(tmp_path / "b")
    assert "has no python3" in refused(card, tmp_path, **{**needs, "glibc": "2.34"}).message


def test_no_user(card: Path, tmp_path: Path) -> None:
    (card / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    error = refused(card, tmp_path)
    assert "no user with number 1000" in error.message and "Raspberry Pi Imager" in str(error.hint)
    (card / "etc/passwd").write_text("pi:x:1000:1000::/home/gone:/bin/bash\n")
    shutil.rmtree(tmp_path / "b")
    assert "the home of pi, /home/gone, is not on the card" in refused(card, tmp_path).message


def test_a_full_card(small_disk: Path, tmp_path: Path) -> None:
    card = make_card(small_disk / "rootfs")
    before = snapshot(card)
    with pytest.raises(BudgetError, match=r"has \d+ bytes free, the release needs \d+"):
        put_on_card(fake_bundle(tmp_path / "b", machine="aarch64", filling=1_200_000), card)
    assert snapshot(card) == before


def test_an_address_that_would_break_the_configuration(card: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no address to listen on"):
        put_on_card(fake_bundle(tmp_path / "b", machine="aarch64"), card, listen='tcp:1:2"; reboot')


@pytest.mark.parametrize(
    "link",
    [
        "home/pi/.local",
        "home/pi/.local/share/edgeprune",
        "home/pi",
        "home",
        "etc/systemd",
        "etc/systemd/system",
    ],
)
def test_links_never_lead_off_the_card(card: Path, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    place = card / link
    if place.exists():
        shutil.move(place, outside)
    else:
        outside.mkdir()
        place.parent.mkdir(parents=True, exist_ok=True)
    os.chown(outside, 1000, 1001)
    place.symlink_to(outside)
    before = snapshot(outside)
    with pytest.raises(UsageError, match="is a link or a file, and could lead out of the card"):
        put_on_card(fake_bundle(tmp_path / "b", machine="aarch64"), card)
    assert snapshot(outside) == before


def test_a_file_that_is_a_link_is_replaced_not_followed(card: Path, tmp_path: Path) -> None:
    bundle = fake_bundle(tmp_path / "b", machine="aarch64")
    outside = tmp_path / "outside"
    outside.write_text("mine")
    folder = card / PREFIX / "releases" / f".incoming-{id_of(bundle)}"
    folder.mkdir(parents=True)
    for name in ("runner", "runner.part"):
        (folder / name).symlink_to(outside)
    (card / f"etc/systemd/system/{UNIT}").symlink_to(outside)
    put_on_card(bundle, card)
    assert outside.read_text() == "mine"
    assert (folder / "runner").read_bytes() == (bundle.path / "runner").read_bytes()
    assert not (folder / "runner").is_symlink()


def test_links_that_go_round_are_no_files(card: Path, tmp_path: Path) -> None:
    (card / "usr/bin/sh").unlink()
    (card / "usr/bin/sh").symlink_to("sh")
    assert "bin/sh is no program" in refused(card, tmp_path).message
