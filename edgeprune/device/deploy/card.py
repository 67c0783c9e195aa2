"""Puts a release onto a mounted SD card, whose device installs it when it starts for the first time.

The release goes into the home of the card's first user, and a unit of systemd that runs install.sh as this
user, once, beside the system's own. Nothing else of the card is touched, and nothing outside of it.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from edgeprune.artifact import Bundle
from edgeprune.device.deploy.address import check_addresses
from edgeprune.device.deploy.card_root import CardRoot
from edgeprune.device.deploy.release import LocalRelease, read_release
from edgeprune.device.deploy.shell import HOME_PREFIX, Progress
from edgeprune.device.deploy.system import System, refuse_disk, refuse_system
from edgeprune.errors import UsageError

UNIT = "edgeprune-install-at-boot.service"
UNITS = "etc/systemd/system"
LIBRARIES = ("usr/lib/aarch64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "usr/lib")
FIRST_USER = 1000
ROOT = (0, 0)
_MACHINES = {183: "aarch64", 62: "x86_64", 40: "armv7l", 3: "i686"}  # of the ELF header
_GLIBC = re.compile(rb"GNU C Library [^\n]*? version (\d+\.\d+)")


@dataclass(frozen=True)
class OnCard:
    """What is on the card now: the release, whose it is, and where it lies until the device installs it."""

    release: str
    user: str
    folder: str


@dataclass(frozen=True)
class _User:
    name: str
    owner: tuple[int, int]
    home: str


def put_on_card(
    bundle: Bundle, mount: Path, *, listen: str | None = None, progress: Progress = lambda done, total: None
) -> OnCard:
    """Write the Bundle's release onto the card that is mounted at `mount`.

    Raises UsageError for what is no card of a system that can run it, or must not be written; BudgetError
    where it does not fit.
    """
    release = read_release(bundle)
    if listen is not None:
        check_addresses(listen)
    root = CardRoot(mount)
    try:
        user = _check_card(root, release)
        prefix = f"{user.home}/{HOME_PREFIX}"
        if listen is not None:
            config = f'LISTEN="{listen}"\n'.encode()
            root.write(f"{prefix}/config", config, user.owner)
        folder = f"{prefix}/releases/.incoming-{release.id}"
        done = 0
        for file in release.files:
            progress(done, release.size_bytes)
            root.write(f"{folder}/{file.name}", (release.folder / file.name).read_bytes(), user.owner)
            done += file.size_bytes
        _enable(root, folder.removeprefix(f"{user.home}/"))
        progress(done, release.size_bytes)
    finally:
        root.close()
    return OnCard(release.id, user.name, f"/{folder}")


def _check_card(root: CardRoot, release: LocalRelease) -> _User:
    """Whose home the release goes to; UsageError or BudgetError where it cannot be."""
    if root.read("etc/os-release") is None:
        is_boot = root.find("config.txt") is not None or root.find("cmdline.txt") is not None
        raise UsageError(
            f"{root.mount} is {'the boot partition' if is_boot else 'no root file system'} of a Linux card: "
            "it has no etc/os-release",
            hint="mount the card's second partition, which is called rootfs, and name that folder",
        )
    system = _system(root)
    refuse_system(release, system, str(root.mount))
    refuse_disk(release, system, release.size_bytes, str(root.mount))
    return _first_user(root)


def _system(root: CardRoot) -> System:
    header = root.read("bin/sh", 20) or b""
    if len(header) < 20 or not header.startswith(b"\x7fELF"):
        raise UsageError(f"{root.mount}: bin/sh is no program", hint="is the card damaged?")
    (number,) = struct.unpack("<H", header[18:20])
    python = root.find("usr/bin/python3")
    version = re.search(r"python(3\.\d+)$", python or "")
    libraries = (f"{folder}/libc.so.6" for folder in LIBRARIES)
    texts = (_GLIBC.search(root.read(library) or b"") for library in libraries)
    glibc = next((match[1].decode() for match in texts if match), None)
    return System(
        machine=_MACHINES.get(number, f"machine {number}"),
        bits=64 if header[4] == 2 else 32,
        glibc=glibc,
        python=version[1] if version else None,
        free_bytes=root.free_bytes,
        environments=(),
    )


def _first_user(root: CardRoot) -> _User:
    for line in (root.read("etc/passwd") or b"").decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2] == str(FIRST_USER) and fields[3].isdigit():
            home = fields[5].strip("/")
            if not home or not (root.mount / home).is_dir():
                raise UsageError(f"{root.mount}: the home of {fields[0]}, /{home}, is not on the card")
            return _User(fields[0], (FIRST_USER, int(fields[3])), home)
    raise UsageError(
        f"{root.mount}: no user with number {FIRST_USER}",
        hint="let the device start once, or give it a user with Raspberry Pi Imager",
    )


def _enable(root: CardRoot, folder: str) -> None:
    """Let systemd run install.sh in `folder` of the first user's home, last of all: then all is there."""
    text = Path(__file__).with_name("install_at_boot.service").read_text("utf-8")
    text = text.replace("@FOLDER@", folder).replace("@UNIT@", UNIT)
    root.write(f"{UNITS}/{UNIT}", text.encode(), ROOT)
    root.link(f"{UNITS}/multi-user.target.wants/{UNIT}", f"../{UNIT}", ROOT)
