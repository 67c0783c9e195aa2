"""Measures a Bundle on a device with an operating system: timed runs, and the state that it was in.

The device times by itself, as a job that goes on when the line breaks; its results stay there until they
were fetched. So a broken line is met by connecting again, here or by the next `profile` of the same
Bundle, which finds the job in the board's folder (`job.json`).

The native runner has no jobs; its runs are asked one by one, and each is timed on the device.
"""

import json
import logging
import math
import secrets
import statistics
import time
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.artifact import Bundle, write_atomic
from edgeprune.device.board import Board, hold, open_session
from edgeprune.device.flash import check_content, check_identity
from edgeprune.device.link import Injection
from edgeprune.device.session import RunResult, Session
from edgeprune.errors import BoardError, NotFoundError
from edgeprune.profile.measure import (
    Latency,
    LayerProfile,
    MemoryProfile,
    Parity,
    Profile,
    read_samples,
)

log = logging.getLogger("edgeprune")

RUNS = 200
WARM_UP = 20
POLL_S = 0.2
RECONNECT_S = 30.0
CONFIDENCE = 1.959964  # normal quantile of 97.5 %
SLOWER = 0.9  # a frequency below this share of the one before is told
TYPE_CODES = {"int8": "b", "uint8": "B", "int16": "h", "float32": "f", "int32": "i", "bool": "B"}


@dataclass(frozen=True)
class Job:
    """Timed runs on a device, by the token that it knows them by."""

    token: int
    runs: int
    release: str

    @staticmethod
    def pending(board: Board, release: str) -> "Job | None":
        """The job of this release that was not fetched yet, if there is one."""
        try:
            kept = json.loads((board.folder / "job.json").read_text("utf-8"))
            job = Job(int(kept["token"]), int(kept["runs"]), str(kept["release"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return job if job.release == release else None

    def keep(self, board: Board) -> None:
        """Remember the job beside the board, so that a later command finds it."""
        write_atomic(board.folder / "job.json", json.dumps(vars(self)) + "\n")


def profile_linux(
    bundle: Bundle,
    board: Board,
    runs: int | None,
    *,
    injection: Injection | None = None,
    record: Path | None = None,
) -> Profile:
    """Measure `bundle` on the Linux `board`; goes on with a job that an earlier command lost sight of."""
    release = str(bundle.manifest["model_hash"])
    with hold(board):
        job = Job.pending(board, release)
        if job is not None:
            log.warning("fetching the %d runs that were begun before", job.runs)
        deadline: float | None = None
        while True:
            try:
                with open_session(board, injection=injection, record=record) as session:
                    check_identity(session, bundle)
                    check_content(session, bundle, board)
                    if not session.device.has_jobs:
                        return _measure_runs(session, bundle, board, RUNS if runs is None else runs)
                    if job is None:
                        job = _start(session, bundle, board, RUNS if runs is None else runs)
                    return _finish(session, bundle, board, job)
            except (BoardError, NotFoundError) as error:
                if job is None or Job.pending(board, release) is None:
                    raise
                deadline = deadline or time.monotonic() + RECONNECT_S
                if time.monotonic() > deadline:
                    raise type(error)(
                        f"{error.message}; the device goes on with its {job.runs} runs and keeps the results",
                        hint="plug it in again and run the same command: it fetches them",
                    ) from error
                log.warning("the line broke: %s; trying again", error.message)
                time.sleep(1.0)


def _start(session: Session, bundle: Bundle, board: Board, runs: int) -> Job:
    """Begin the timed runs on the first of the Bundle's samples."""
    job = Job(secrets.randbelow(1 << 32), runs, str(bundle.manifest["model_hash"]))
    sample = read_samples(bundle, session.device)[0]
    job.keep(board)
    session.reset_state()
    session.start_job(job.token, sample.inputs, runs, WARM_UP)
    log.info("the device has begun %d runs", runs)
    return job


def _finish(session: Session, bundle: Bundle, board: Board, job: Job) -> Profile:
    """Wait for the job, fetch it, compare outputs, and let the device forget it."""
    _wait(session, board, job)
    found = session.document(f"job-{job.token:08x}")
    if found["error"] is not None:
        (board.folder / "job.json").unlink(missing_ok=True)
        raise BoardError(f"the device could not finish the runs: {found['error']}", hint="profile it again")
    parity, crc = _parity(session, bundle)
    nanoseconds = [int(value) for value in found["nanoseconds"]]
    made = _profile(
        session,
        bundle,
        board,
        nanoseconds=nanoseconds,
        layers=_operators(found["operators"]),
        before=found["before"],
        after=found["after"],
        parity=parity,
        crc=crc,
        notes=[found["operators_note"]] if found["operators_note"] else [],
    )
    session.forget_job(job.token)
    (board.folder / "job.json").unlink(missing_ok=True)
    return made


def _wait(session: Session, board: Board, job: Job) -> None:
    last = time.monotonic()
    while True:
        state, done, total = session.job_progress(job.token)
        if state in ("done", "failed"):
            return
        if state == "unknown":
            (board.folder / "job.json").unlink(missing_ok=True)
            raise BoardError(
                "the device knows nothing of the runs that were begun; was it installed anew?",
                hint="profile it again",
            )
        if time.monotonic() - last > 2:
            log.info("%d of %d runs", done, total)
            last = time.monotonic()
        time.sleep(POLL_S)


def _measure_runs(session: Session, bundle: Bundle, board: Board, runs: int) -> Profile:
    """Runs asked one by one, each timed by the device; the layers are those of the median run."""
    sample = read_samples(bundle, session.device)[0]
    session.reset_state()
    before = session.document("system") if session.device.has_documents else None
    timed: list[RunResult] = []
    for number in range(WARM_UP + runs):
        result = session.run(sample.inputs, measure=number >= WARM_UP)
        if number >= WARM_UP:
            timed.append(result)
    timed.sort(key=lambda run: run.total.nanoseconds or 0)
    middle = timed[(len(timed) - 1) // 2]
    parity, crc = _parity(session, bundle)
    described = bundle.manifest["layers"]
    layers = tuple(
        LayerProfile(
            layer["index"], layer["name"], layer["op"], layer["macs"], None, None, _us(count.nanoseconds)
        )
        for layer, count in zip(described, middle.layers, strict=True)
    )
    return _profile(
        session,
        bundle,
        board,
        nanoseconds=[run.total.nanoseconds or 0 for run in timed],
        layers=layers,
        before=before,
        after=session.document("system") if session.device.has_documents else None,
        parity=parity,
        crc=crc,
        notes=[],
    )


def _profile(
    session: Session,
    bundle: Bundle,
    board: Board,
    *,
    nanoseconds: Sequence[int],
    layers: tuple[LayerProfile, ...],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    parity: Parity,
    crc: str,
    notes: Sequence[str],
) -> Profile:
    memory, system = session.memory(), after or {}
    frequencies = system.get("frequency_hz")
    return Profile(
        target=session.device.target,
        board=board.id,
        evidence=evidence_of(board, system),
        clock_hz=max(frequencies) if frequencies else None,
        runs=len(nanoseconds),
        latency_us=latency_of(nanoseconds),
        instructions=None,
        cycles=None,
        layers=layers,
        memory=MemoryProfile(
            arena_bytes=memory.arena_bytes or None,
            stack_peak_bytes=None,
            ram_peak_bytes=system.get("rss_peak_bytes"),
            flash_bytes=memory.flash_bytes,
        ),
        parity=parity,
        output_crc32=crc,
        model_load_ms=system.get("model_load_ms"),
        system={"before": before, "after": after},
        notes=(*notes, *state_notes(before or {}, after or {})),
    )


def evidence_of(board: Board, system: Mapping[str, Any] | None) -> str:
    """On what evidence the device's figures stand: its own word, where it has an operating system."""
    if board.target.linux is None or system is None:
        return board.target.status
    return "emulated" if system["emulated"] else "hardware"


def latency_of(nanoseconds: Sequence[int]) -> Latency:
    """Microseconds of the runs, and an interval that holds their median with 95 % confidence.

    The interval's ends are order statistics, whose ranks follow from the binomial distribution with p = 1/2
    (by its normal approximation): nothing is assumed about how times are distributed. Conover, "Practical
    Nonparametric Statistics", 1999, section 3.2. None for fewer than six runs, where there is none.
    """
    times = sorted(value / 1000 for value in nanoseconds)
    count = len(times)
    interval = None
    if count >= 6:
        half = CONFIDENCE * math.sqrt(count) / 2
        low, high = math.floor(count / 2 - half), math.ceil(count / 2 + half)
        interval = (times[max(0, low)], times[min(count - 1, high)])
    return Latency(
        min=times[0],
        median=statistics.median(times),
        p95=times[-(-95 * count // 100) - 1],
        max=times[-1],
        median_interval=interval,
    )


def state_notes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What a reader has to know of the device's state: throttling, a lower clock, a governor that saves."""
    notes = []
    old, new = before.get("throttled") or {}, after.get("throttled") or {}
    now = [*dict.fromkeys([*old.get("now", ()), *new.get("now", ())])]
    if now:
        notes.append(f"throttled while it was measured ({', '.join(now)}): slower than the board can be")
    came = [word for word in new.get("since_boot", ()) if word not in old.get("since_boot", ())]
    if came and not now:
        notes.append(f"throttled between the runs ({', '.join(came)}): slower than the board can be")
    first, last = before.get("frequency_hz"), after.get("frequency_hz")
    if first and last and max(last) < SLOWER * max(first):
        notes.append(f"the clock fell from {max(first):,} to {max(last):,} Hz")
    governors = sorted(set(after.get("governor") or ()) - {"performance"})
    if governors:
        notes.append(f"governor {', '.join(governors)}: the clock follows the load")
    return notes


def _operators(found: Sequence[Mapping[str, Any]] | None) -> tuple[LayerProfile, ...]:
    """LiteRT's own operators; what it runs as one is one."""
    return tuple(
        LayerProfile(index, each["name"], each["op"], None, None, None, _us(each["nanoseconds"]))
        for index, each in enumerate(found or ())
    )


def _us(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1000


def _parity(session: Session, bundle: Bundle) -> tuple[Parity, str]:
    """The Bundle's samples on the device against the host's outputs, and the CRC-32 of what came."""
    described = bundle.manifest["parity"]
    samples = read_samples(bundle, session.device)
    allowed = described.get("allowed_mean_difference")
    outputs, mismatches, differences = bytearray(), 0, array("d")
    session.reset_state()
    for sample in samples:
        made = session.run(sample.inputs).outputs
        outputs += b"".join(made)
        mismatches += made != sample.outputs
        if allowed is not None:
            for row in zip(made, sample.outputs, described["output_dtypes"], strict=True):
                differences.extend(_differences(*row))
    parity = Parity(len(samples), mismatches)
    if allowed is not None:
        parity = Parity(
            inputs=len(samples),
            mismatches=mismatches,
            largest_difference=max(differences, default=0.0),
            mean_difference=sum(differences) / max(1, len(differences)),
            allowed_mean_difference=allowed,
            reference=described["reference"],
        )
    return parity, f"{zlib.crc32(outputs):08x}"


def _differences(made: bytes, wanted: bytes, dtype: str) -> list[float]:
    """How far two raw outputs are apart, place by place, in units of their type."""
    one, other = array(TYPE_CODES[dtype], made), array(TYPE_CODES[dtype], wanted)
    return [abs(float(a) - float(b)) for a, b in zip(one, other, strict=True)]
