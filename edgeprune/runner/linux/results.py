"""Results of jobs on the device's disk, from a job's end until they are forgotten.

A job leaves `job-XXXXXXXX.started` when it begins and `job-XXXXXXXX.json` when it has ended. What has begun
and has no results was cut off by the end of the process; the next one says so.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeprune.runner.linux.files import remove_durably, write_durably

log = logging.getLogger("edgeprune")

_TITLE = re.compile(r"job-([0-9a-f]{8})")


@dataclass(frozen=True)
class Order:
    """What a job is to do."""

    token: int
    runs: int
    warm_up: int

    @property
    def title(self) -> str:
        """The name of its document."""
        return f"job-{self.token:08x}"


def token_of(title: str) -> int | None:
    """The job whose document is called `title`; None where that is no such name."""
    match = _TITLE.fullmatch(title)
    return int(match[1], 16) if match else None


def failed(order: Order, error: str) -> dict[str, Any]:
    """The document of a job that came to nothing."""
    return {
        **asdict(order),
        "state": "failed",
        "nanoseconds": [],
        "operators": None,
        "operators_note": None,
        "before": None,
        "after": None,
        "error": error,
        "output_crc32": None,
    }


class Results:
    """Documents of jobs that have ended; those that the disk did not take are kept in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._in_memory: dict[int, bytes] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(folder.glob("job-*.started")):
            self._close(path)

    def begin(self, order: Order) -> None:
        """Note on the disk that the job has begun; OSError where that is not possible."""
        write_durably(self._path(order.token, "started"), json.dumps(asdict(order)).encode())

    def end(self, document: Mapping[str, Any]) -> None:
        """Keep the results of a job."""
        token = int(document["token"])
        data = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        try:
            write_durably(self._path(token, "json"), data)
            remove_durably(self._path(token, "started"))
        except OSError as error:
            log.error("results of job-%08x are kept in memory only: %s", token, error)
            self._in_memory[token] = data

    def document(self, token: int) -> bytes | None:
        """The results of a job, as JSON; None where there are none."""
        if token in self._in_memory:
            return self._in_memory[token]
        try:
            return self._path(token, "json").read_bytes()
        except OSError:
            return None

    def forget(self, token: int) -> None:
        """Delete the results of a job."""
        self._in_memory.pop(token, None)
        for ending in ("json", "started"):
            remove_durably(self._path(token, ending))

    def _path(self, token: int, ending: str) -> Path:
        return self._folder / f"job-{token:08x}.{ending}"

    def _close(self, started: Path) -> None:
        """A job that an earlier process began: failed, unless its results are there."""
        token = token_of(started.stem)
        if token is None:
            return
        if self.document(token) is not None:
            remove_durably(started)
            return
        try:
            known = json.loads(started.read_text("utf-8"))
            order = Order(token, int(known["runs"]), int(known["warm_up"]))
        except (OSError, ValueError, KeyError, TypeError):
            order = Order(token, 0, 0)
        self.end(failed(order, "the runner was stopped, or died, before the runs were done"))
