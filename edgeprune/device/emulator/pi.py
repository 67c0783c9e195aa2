"""A virtual Raspberry Pi: programs for arm64, run one by one by QEMU's user mode on this machine's kernel.

Its shell, and everything that is not named here, is this machine's own; `python3`, `uname` and `getconf`
are a Pi's, through small scripts that come first in PATH. A virtual environment that this Python makes
works as well: its bin/python is a link to the script, and `-0 "$0"` tells Python by which name it was
called. QEMU looks every absolute path up below the folder `root` first (`-L`). There lies what says which
board this is, /proc/cpuinfo above all: LiteRT chooses its kernels by it, and can crash on a PC's.
What a Pi would measure of itself is not made up: it has no temperature, no governor and no `vcgencmd`.
"""

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeprune.artifact import home_folder, write_atomic
from edgeprune.device.emulator.pi_root import python_program, root_folder
from edgeprune.device.target import LinuxSystem, Target, find_target, target_names
from edgeprune.errors import NotFoundError, UsageError, refused_by_system
from edgeprune.table import did_you_mean

# The first one takes plugins (pi_count), the second is linked statically and does not.
QEMU_NAMES = ("qemu-aarch64", "qemu-aarch64-static")
INSTALL = "sudo apt-get install qemu-user"

# Of this machine's environment a virtual Pi sees these, PIP_… and …_proxy: no PYTHONPATH, no session bus.
PASSED = ("LANG", "TERM", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
# What this machine measures of itself, and the Pi must not take for its own.
HIDDEN = ("sys/class/thermal/thermal_zone*/temp", "sys/devices/system/cpu/cpu[0-9]*/cpufreq/*")


@dataclass(frozen=True)
class Processor:
    """What Linux says in /proc/cpuinfo about a core of a Raspberry Pi."""

    part: int
    variant: int
    revision: int
    bogomips: str
    features: str


PROCESSORS: Mapping[str, Processor] = {
    "cortex-a53": Processor(0xD03, 0, 4, "38.40", "fp asimd evtstrm crc32 cpuid"),
    "cortex-a72": Processor(0xD08, 0, 3, "108.00", "fp asimd evtstrm crc32 cpuid"),
    "cortex-a76": Processor(
        *(0xD0B, 4, 1, "108.00"),
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    ),
}


def find_qemu_user() -> Path:
    """QEMU's user mode for arm64; NotFoundError says how to install it."""
    for name in QEMU_NAMES:
        path = shutil.which(name)
        if path is not None:
            return Path(path).absolute()
    raise NotFoundError(f"{QEMU_NAMES[0]} is not on this machine", hint=INSTALL)


def environment(folder: Path, target: Target) -> dict[str, str]:
    """All environment variables of a virtual Pi that lives in `folder`, which is made or made again.

    `folder/home` is its HOME. EDGEPRUNE_EXEC is the script that runs any program for arm64: where this
    machine's kernel cannot start one, `$EDGEPRUNE_EXEC ./program` does. Raises UsageError where QEMU does
    not emulate `target`, NotFoundError and ToolError as find_qemu_user and root_folder do.
    """
    linux = target.linux
    if linux is None or linux.qemu_cpu is None:
        emulated = [name for name in target_names() if find_target(name).board == "qemu-user"]
        raise UsageError(f"QEMU emulates no {target.name}", hint=f"it does: {', '.join(emulated)}")
    qemu, shared = find_qemu_user(), root_folder()
    folder = folder.absolute()
    program = python_program(shared)
    links = {
        "root/usr": shared / "usr",
        "root/lib": shared / "usr" / "lib",
        # Beside bin/python3 Python finds its library, and keeps there what it compiled of it.
        f"lib/{program.name}": shared / "usr" / "lib" / program.name,
    }
    files = _board_files(target, linux) | _scripts(folder, qemu, linux.qemu_cpu, program.name)
    try:
        (folder / "home").mkdir(parents=True, exist_ok=True)
        for name, to in links.items():
            _link(folder / name, to)
        for name, text in files.items():
            _write(folder / name, text)
        for pattern in HIDDEN:
            for path in Path("/").glob(pattern):
                hide(folder, path)
    except OSError as error:
        raise refused_by_system(error) from error
    return {
        **_passed(),
        "PATH": os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", os.defpath)]),
        "HOME": str(folder / "home"),
        "EDGEPRUNE_EXEC": str(folder / "bin" / "run-aarch64"),
        "EDGEPRUNE_EMULATED": "1",  # the runner says so in its document "system"
        # Byte code is made when a module is first imported: a third of the time that pip takes otherwise.
        "PIP_COMPILE": "0",
    }


def _link(path: Path, to: Path) -> None:
    """Let `path` be a link to `to`, whoever looks at it meanwhile."""
    if path.is_symlink() and path.readlink() == to:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(to)
    new.replace(path)


def _write(path: Path, text: str) -> None:
    """Write `text` unless it is there: a Pi that runs may be using the script at this moment."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_atomic(path, text)
    if text.startswith("#!") and not os.access(path, os.X_OK):
        path.chmod(0o755)


def hide(folder: Path, path: Path) -> None:
    """Let the Pi in `folder` find a folder where this machine has the file `path`: it cannot be read."""
    (folder / "root" / path.relative_to("/")).mkdir(parents=True, exist_ok=True)


def _scripts(folder: Path, qemu: Path, cpu: str, python: str) -> dict[str, str]:
    start = f"#!/bin/sh\nexec {shlex.quote(str(qemu))} -cpu {cpu} -L {shlex.quote(str(folder / 'root'))}"
    programs = {"python3": f"usr/bin/{python}", "uname": "usr/bin/uname", "getconf": "usr/bin/getconf"}
    scripts = {
        f"bin/{name}": f'{start} -0 "$0" {shlex.quote(str(folder / "root" / program))} "$@"\n'
        for name, program in programs.items()
    }
    scripts["bin/run-aarch64"] = f'{start} "$@"\n'
    # This machine's systemd must not be asked to run what belongs to the Pi.
    scripts["bin/systemctl"] = "#!/bin/sh\necho 'a virtual Pi has no systemd' >&2\nexit 1\n"
    return scripts


def _board_files(target: Target, linux: LinuxSystem) -> dict[str, str]:
    """What says which board it is."""
    processor = PROCESSORS.get(target.core)
    if processor is None:
        raise UsageError(
            f"target {target.name}: no /proc/cpuinfo is known of the core {target.core!r}",
            hint=did_you_mean(target.core, PROCESSORS),
        )
    board = target.title.partition(",")[0]
    cores = "".join(_cpuinfo(processor, number) for number in range(linux.cores))
    present = f"0-{linux.cores - 1}\n"
    return {
        "root/proc/cpuinfo": f"{cores}Model\t\t: {board} (emulated by QEMU)\n",
        "root/proc/device-tree/model": f"{board} (emulated by QEMU)\0",
        # With the processors of a larger machine, LiteRT would see some that it knows nothing about.
        "root/sys/devices/system/cpu/possible": present,
        "root/sys/devices/system/cpu/present": present,
        "root/etc/ld.so.cache": "",  # this machine's lists libraries of another architecture
    }


def _cpuinfo(processor: Processor, number: int) -> str:
    return (
        f"processor\t: {number}\n"
        f"BogoMIPS\t: {processor.bogomips}\n"
        f"Features\t: {processor.features}\n"
        "CPU implementer\t: 0x41\n"
        "CPU architecture: 8\n"
        f"CPU variant\t: {processor.variant:#x}\n"
        f"CPU part\t: {processor.part:#x}\n"
        f"CPU revision\t: {processor.revision}\n\n"
    )


def _passed() -> dict[str, str]:
    """This machine's language, certificates, and where pip finds packages."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED or name.startswith("PIP_") or name.lower().endswith("_proxy")
    }
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home_folder() / ".config") / "pip" / "pip.conf"
    if settings.is_file():
        passed.setdefault("PIP_CONFIG_FILE", str(settings))
    return {"LANG": "C.UTF-8", **passed}
