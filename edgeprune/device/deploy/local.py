"""A Shell on this machine: for the target `linux`, and for virtual devices, whose environment it is given."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from edgeprune.device.deploy.shell import HOME_PREFIX, Finished, Progress
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.errors import BoardError, BudgetError, NotFoundError, refused_by_system


class LocalShell:
    """Runs commands with `environment` alone, in `home`; the runner is a child of each line, no service."""

    keeps_service = False

    def __init__(
        self,
        environment: Mapping[str, str],
        home: Path,
        *,
        name: str = "this machine",
        prefix: Path | None = None,
    ) -> None:
        self.name = name
        self._environment = {**environment, "HOME": str(home)}
        self._home = home
        self._prefix = prefix or home / HOME_PREFIX

    @property
    def prefix(self) -> str:
        """Where releases are installed."""
        return str(self._prefix)

    def run(self, command: str, *, timeout_s: float = 60, stdin: bytes = b"") -> Finished:
        """Run `command` in sh."""
        try:
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=self._home,
                env=self._environment,
                input=stdin,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BoardError(f"{self.name}: not done after {timeout_s:g} s: {command[:80]}") from error
        return Finished(
            done.returncode, *(text.decode(errors="replace") for text in (done.stdout, done.stderr))
        )

    def put(self, source: Path, path: str, progress: Progress) -> None:
        """Copy `source` to `path`."""
        size = source.stat().st_size
        progress(0, size)
        place = Path(path)
        part = place.with_name(f"{place.name}.part")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, part)
            part.replace(place)
        except OSError as error:
            free = shutil.disk_usage(self._home).free
            if free < size:
                raise BudgetError(f"{self.name} is full: {free} bytes are free, {size} are needed") from error
            raise refused_by_system(error, f"cannot write {path}") from error
        progress(size, size)

    def line(self) -> ChildBoard:
        """Start the installed runner as a child, with the line on its standard input and output."""
        start = self._prefix / "current" / "start.sh"
        if not start.is_file():
            raise NotFoundError(
                f"nothing is installed on {self.name}", hint="edgeprune flash BUNDLE puts it there"
            )
        words = [f"{name}={value}" for name, value in self._environment.items()]
        return ChildBoard(["env", "-i", *words, "sh", str(start), "serve", "--stdio"])

    def close(self) -> None:
        """Nothing to leave."""
