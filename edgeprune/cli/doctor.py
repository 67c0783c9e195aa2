"""`doctor`: what is installed, reachable and permitted, and the fix for what is not."""

import importlib.util
import os
import shutil
import sys
from dataclasses import asdict, dataclass

import click

from edgeprune.cli.boards import serial_ports
from edgeprune.cli.output import Output, common_options
from edgeprune.device.board import state_folder
from edgeprune.device.emulator.pi import INSTALL as INSTALL_USER
from edgeprune.device.emulator.pi import QEMU_NAMES
from edgeprune.device.emulator.qemu import INSTALL, PROGRAM
from edgeprune.device.target import Target, find_target, target_names
from edgeprune.errors import NotFoundError

# package -> (what it is for, how to get it)
PACKAGES = {
    "click": ("the command line", "pip install edgeprune"),
    "serial": ("serial ports", "pip install edgeprune"),
    "unicorn": ("virtual boards", "pip install edgeprune"),
    "numpy": ("compile, run", "pip install 'edgeprune[compile]'"),
    "pydantic": ("recipes", "pip install 'edgeprune[compile]'"),
    "ziglang": ("the C compiler", "pip install 'edgeprune[compile]'"),
    "keras": ("Keras models in", "pip install 'edgeprune[build]'"),
    "tensorflow": ("training, int8 conversion", "pip install 'edgeprune[build]'"),
    "tensorflow_model_optimization": ("--quantize int8-qat", "pip install 'edgeprune[build,qat]'"),
    "ai_edge_litert": ("build for a Linux device", "pip install 'edgeprune[linux]'"),
    "paramiko": ("Linux devices by SSH", "pip install 'edgeprune[pi]'"),
    "zeroconf": ("finding Raspberry Pis", "pip install 'edgeprune[pi]'"),
}
NEEDED_BY_BOARD = {
    "unicorn": ["unicorn"],
    "qemu": [PROGRAM],
    "process": [],
    "qemu-user": [QEMU_NAMES[0]],
    "none": [],
}


@dataclass(frozen=True)
class Check:
    """One thing looked at; `fix` says what to do where it is not there."""

    name: str
    ok: bool
    what: str
    fix: str | None = None


@click.command()
@click.option("--target", metavar="TARGET", help="Exit with 5 if this target cannot be served.")
@common_options
def command(target: str | None, out: Output, seed: int) -> None:
    """What is installed, reachable and permitted here, and the fix for what is not."""
    wanted = find_target(target) if target is not None else None
    checks = all_checks()
    servable = {name: not missing_for(find_target(name), checks) for name in target_names()}
    lines = [f"{'ok ' if c.ok else '-- '} {c.name}: {c.what}" + _fix(c) for c in checks]
    lines += [f"{'ok ' if ok else '-- '} target {name}" for name, ok in servable.items()]
    result = {"checks": [asdict(c) for c in checks], "targets": servable, "target": target}
    out.emit(result, "\n".join(lines))
    if wanted is not None:
        missing = missing_for(wanted, checks)
        if missing:
            raise NotFoundError(
                f"target {wanted.name} needs {', '.join(check.name for check in missing)}",
                hint="; ".join(check.fix for check in missing if check.fix),
            )


def all_checks() -> list[Check]:
    """Look at everything."""
    version = ".".join(map(str, sys.version_info[:3]))
    checks = [
        Check("python", (3, 11) <= sys.version_info[:2] < (3, 14), version, "install Python 3.11 to 3.13")
    ]
    for name, (what, fix) in PACKAGES.items():
        checks.append(Check(name, importlib.util.find_spec(name) is not None, what, fix))
    path = shutil.which(PROGRAM)
    checks.append(Check(PROGRAM, path is not None, path or "boards that QEMU emulates", INSTALL))
    user = next((found for name in QEMU_NAMES if (found := shutil.which(name))), None)
    checks.append(Check(QEMU_NAMES[0], user is not None, user or "virtual Raspberry Pis", INSTALL_USER))
    checks.append(_state_check())
    if checks[2].ok:
        checks += [_port_check(port["port"]) for port in serial_ports()]
    return checks


def missing_for(target: Target, checks: list[Check]) -> list[Check]:
    """What a board of `target` needs and is not here."""
    needed = {"state folder", "serial", *NEEDED_BY_BOARD[target.board]}
    return [check for check in checks if check.name in needed and not check.ok]


def _state_check() -> Check:
    folder = state_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    usable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    return Check("state folder", usable, str(folder), f"make {existing} writable, or set EDGEPRUNE_STATE_DIR")


def _port_check(port: str) -> Check:
    permitted = os.access(port, os.R_OK | os.W_OK)
    fix = "sudo usermod -aG dialout $USER, then log in again"
    return Check(f"port {port}", permitted, "attached" if permitted else "attached, not permitted", fix)


def _fix(check: Check) -> str:
    return "" if check.ok or check.fix is None else f"\n     fix: {check.fix}"
