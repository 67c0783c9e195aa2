"""Boards that QEMU emulates: a second, independent emulator to check the first."""

import shutil
from pathlib import Path

from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.target import Target
from edgeprune.errors import NotFoundError

PROGRAM = "qemu-system-arm"
INSTALL = "sudo apt-get install qemu-system-arm"


def find_qemu() -> str:
    """The path of QEMU; NotFoundError says how to install it."""
    path = shutil.which(PROGRAM)
    if path is None:
        raise NotFoundError(f"{PROGRAM} is not on this machine", hint=INSTALL)
    return path


def start_qemu(target: Target, image: Path) -> ChildBoard:
    """Run `image` on the QEMU machine of the target's name, one nanosecond an instruction."""
    command = [find_qemu(), "-M", target.name, "-icount", "shift=0", "-display", "none", "-monitor", "none"]
    command += ["-chardev", "stdio,id=uart,signal=off", "-serial", "chardev:uart"]
    address = target.region("flash").origin
    command += ["-device", f"loader,file={str(image).replace(',', ',,')},addr={address:#x},force-raw=on"]
    return ChildBoard(command)
