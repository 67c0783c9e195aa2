"""What system a device has, and whether a release can run there: asked before anything is uploaded.

install.sh asks the same again on the device, where a release may be installed without us.
"""

import re
import shlex
from dataclasses import dataclass

from edgeprune.device.deploy.release import LocalRelease
from edgeprune.device.deploy.shell import Shell, expect, free_bytes
from edgeprune.errors import BoardError, BudgetError, UsageError

SPARE_BYTES = 1 << 18


@dataclass(frozen=True)
class System:
    """What a device says of itself; None where it has no such thing."""

    machine: str
    bits: int
    glibc: str | None
    python: str | None
    free_bytes: int
    environments: tuple[str, ...]


_ASK_SYSTEM = """
echo "machine=$(uname -m)"
echo "bits=$(getconf LONG_BIT 2>/dev/null || echo $((32 * $(od -An -j4 -N1 -tu1 /bin/sh))))"
echo "glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null)"
echo "python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)"
cd {prefix}/venvs 2>/dev/null && for v in */.whole; do echo "environment=${{v%/.whole}}"; done
exit 0
"""


def ask_system(shell: Shell) -> System:
    """What the device is; BoardError where it does not say."""
    command = _ASK_SYSTEM.format(prefix=shlex.quote(shell.prefix)).strip()
    said = expect(shell, command, "ask what system it has")
    pairs = [line.partition("=")[::2] for line in said.splitlines()]
    facts = dict(pairs)
    bits = re.fullmatch(r"\d+", facts.get("bits", ""))
    free = free_bytes(shell, shell.prefix)
    if not facts.get("machine") or bits is None or free is None:
        raise BoardError(
            f"{shell.name} does not say what system it has: {said!r}",
            hint="is it a Linux with a POSIX shell?",
        )
    machine = facts["machine"]
    return System(
        machine=machine,
        bits=32 if machine.startswith("armv") else int(bits[0]),
        glibc=facts.get("glibc", "").removeprefix("glibc ") or None,
        python=facts.get("python") or None,
        free_bytes=free,
        environments=tuple(value for name, value in pairs if name == "environment"),
    )


def refuse_system(release: LocalRelease, system: System, name: str) -> None:
    """UsageError where the device's system can never run the release."""
    native = "update its system, or build with --runtime native, which needs none"
    if system.bits != 64:
        raise UsageError(
            f"{name} has a {system.bits}-bit system ({system.machine}), the release needs a 64-bit one",
            hint="write 64-bit Raspberry Pi OS to its card",
        )
    if system.machine != release.machine:
        raise UsageError(
            f"{name} is {system.machine}, the Bundle is for {release.machine}",
            hint="build it for this device's target: edgeprune targets",
        )
    if release.runtime == "native":
        return
    for what, has, needs in (
        ("glibc", system.glibc, release.glibc),
        ("python3", system.python, release.python),
    ):
        if needs is not None and (has is None or _version(has) < _version(needs)):
            raise UsageError(
                f"{name} has {f'{what} {has}' if has else f'no {what}'}, the release needs {needs}",
                hint="sudo apt install python3 python3-venv" if what == "python3" and not has else native,
            )


def refuse_disk(release: LocalRelease, system: System, missing_bytes: int, name: str) -> None:
    """BudgetError where upload, installation and Python environment do not fit what is free."""
    need = missing_bytes + release.size_bytes + SPARE_BYTES
    if release.environment_id is not None and release.environment_id not in system.environments:
        need += release.environment_bytes
    if system.free_bytes < need:
        raise BudgetError(
            f"{name} has {system.free_bytes} bytes free, the release needs {need}",
            hint="free some space there; old releases and logs are below ~/.local/share/edgeprune",
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])
