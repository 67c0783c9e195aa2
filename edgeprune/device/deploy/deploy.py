"""Puts a release on a Linux device, so that at every moment the old one runs or the new one does.

First the device is asked whether the release can run there at all. Then what it does not have yet is
uploaded beside what it runs, to `releases/.incoming-ID`; an upload that was cut goes on there the next time,
and files that another release has are copied on the device. Last, install.sh does the rest on the device
itself, where no broken line can stop it half-way.
"""

import logging
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from edgeprune.artifact import Bundle
from edgeprune.device.deploy.address import check_addresses
from edgeprune.device.deploy.release import LocalRelease, ReleaseFile, read_release
from edgeprune.device.deploy.shell import HASH_TIMEOUT_S, Finished, Progress, Shell, expect
from edgeprune.device.deploy.system import ask_system, refuse_disk, refuse_system
from edgeprune.errors import BoardError, BudgetError, EdgepruneError, NotFoundError, UsageError

log = logging.getLogger("edgeprune")

INSTALL_TIMEOUT_S = 3600.0
"""pip on a Pi Zero over a slow network takes its time."""
SHOWN_LINES = 15


@dataclass(frozen=True)
class Deployed:
    """What is on the device now: the release, the one before it (None: none), and the bytes that it took."""

    release: str
    previous: str | None
    sent_bytes: int
    skipped_bytes: int


def deploy(
    bundle: Bundle, shell: Shell, *, listen: str | None = None, progress: Progress = lambda done, total: None
) -> Deployed:
    """Install the Bundle's release on the device and start it; `listen` are the addresses that it serves.

    `progress` is told bytes there and bytes in all. Raises UsageError for a system that cannot run it,
    BudgetError where it does not fit the disk, NotFoundError while somebody else installs there, and
    BoardError where the line broke or the new runner did not answer: the old one goes on.
    """
    release = read_release(bundle)
    if listen is not None:
        check_addresses(listen)
    system = ask_system(shell)
    refuse_system(release, system, shell.name)
    present = _present_files(shell, release)
    folder = f"{shell.prefix}/releases/{release.id}"
    skipped = release.size_bytes
    if any(f"{folder}/{file.name}" not in present.get(file.sha256, ()) for file in release.files):
        folder = f"{shell.prefix}/releases/.incoming-{release.id}"
        missing = [f for f in release.files if f"{folder}/{f.name}" not in present.get(f.sha256, ())]
        refuse_disk(release, system, sum(file.size_bytes for file in missing), shell.name)
        missing = [file for file in missing if not _copy(shell, file, folder, present)]
        skipped = _upload(shell, release, missing, folder, progress)
    else:
        refuse_disk(release, system, -release.size_bytes, shell.name)
    _install(shell, release, folder, listen)
    previous = _tidy(shell, folder)
    return Deployed(release.id, previous, release.size_bytes - skipped, skipped)


# --- files


def _present_files(shell: Shell, release: LocalRelease) -> dict[str, tuple[str, ...]]:
    """The absolute paths of files on the device by SHA-256, as far as they have a size of the release's."""
    sizes = " -o ".join(f"-size {size}c" for size in sorted({file.size_bytes for file in release.files}))
    folder = shlex.quote(f"{shell.prefix}/releases")
    done = shell.run(
        f"[ ! -d {folder} ] || find {folder} -type f ! -name '*.part' \\( {sizes} \\) -exec sha256sum {{}} +",
        timeout_s=HASH_TIMEOUT_S,
    )
    found: dict[str, tuple[str, ...]] = {}
    for digest, path in re.findall(r"^([0-9a-f]{64}) [ *](/.*)$", done.out, re.MULTILINE):
        found[digest] = (*found.get(digest, ()), path)
    return found


def _copy(shell: Shell, file: ReleaseFile, folder: str, present: dict[str, tuple[str, ...]]) -> bool:
    """Take `file` from another release on the device; whether that went well."""
    place = f"{folder}/{file.name}"
    part, quoted = shlex.quote(f"{place}.part"), shlex.quote(place)
    make = f"mkdir -p {shlex.quote(place.rpartition('/')[0])}"
    return any(
        shell.run(f"{make} && cp {shlex.quote(path)} {part} && mv -f {part} {quoted}").status == 0
        for path in present.get(file.sha256, ())
    )


def _upload(
    shell: Shell, release: LocalRelease, missing: list[ReleaseFile], folder: str, progress: Progress
) -> int:
    """Put what is missing into `folder`; how many bytes of the release had not to be sent."""
    total = sum(file.size_bytes for file in missing)
    skipped = release.size_bytes - total
    done = 0
    for file in missing:
        resumed = -1

        def on_bytes(there: int, _: int, before: int = done) -> None:
            nonlocal resumed
            if resumed < 0:
                resumed = there
            progress(before + there, total)

        shell.put(release.folder / file.name, f"{folder}/{file.name}", on_bytes)
        done += file.size_bytes
        skipped += max(resumed, 0)
    return skipped


# --- installation


def _install(shell: Shell, release: LocalRelease, folder: str, listen: str | None) -> None:
    words = ["sh", f"{folder}/install.sh", "--prefix", shell.prefix]
    if listen is not None:
        words += ["--listen", listen]
    if not shell.keeps_service:
        words.append("--no-service")
    log.info("%s: installing release %s", shell.name, release.id)
    done = shell.run(shlex.join(words), timeout_s=INSTALL_TIMEOUT_S)
    lines = [line for line in done.err.splitlines() if line.strip()]
    for line in dict.fromkeys(lines):
        if line.startswith("note: "):
            log.warning("%s: %s", shell.name, line.removeprefix("note: "))
    if done.status != 0:
        raise _installation_error(done, lines, shell.name)


_ERRORS: dict[int, Callable[..., EdgepruneError]] = {
    2: UsageError,
    10: UsageError,
    11: UsageError,
    12: UsageError,
    13: BudgetError,
    14: BoardError,
    15: BoardError,
    16: NotFoundError,
    17: NotFoundError,
}
"""What the exit status of install.sh means here."""
_HINTS = {
    14: "flash again: what is damaged is sent again",
    15: "build it again; the logs are in ~/.local/share/edgeprune/state on the device",
    16: "give the device a network, or build with --wheels",
}


def _installation_error(done: Finished, lines: list[str], name: str) -> EdgepruneError:
    last = lines[-1].removeprefix("edgeprune: ") if lines else "it said nothing"
    context = [line for line in lines[:-1] if not line.startswith(("note: ", "... "))][-SHOWN_LINES:]
    if done.status not in _ERRORS:
        return BoardError(f"{name}: install.sh ended with status {done.status}: {last}", hint="flash again")
    before = "".join(f"\n  {line}" for line in context) if done.status in (15, 16) else ""
    return _ERRORS[done.status](f"{name}: {last}{before}", hint=_HINTS.get(done.status))


def _tidy(shell: Shell, folder: str) -> str | None:
    """Remove what was uploaded, as it is installed; the release that ran before."""
    if folder.rpartition("/")[2].startswith(".incoming-"):
        expect(shell, f"rm -rf {shlex.quote(folder)}", "remove what was uploaded")
    link = shell.run(f"readlink {shlex.quote(shell.prefix)}/previous").out.strip()
    return link.rpartition("/")[2] or None
