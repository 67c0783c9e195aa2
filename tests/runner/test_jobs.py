"""Jobs go on without the line, outlive the process, and are told until they are forgotten."""

import errno
import json
import random
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runner.releases import WAIT_S, Service, StdioRunner, litert

from edgeprune.device import wire
from edgeprune.device.session import Session
from edgeprune.errors import BoardError, NotFoundError
from edgeprune.runner.linux import results
from edgeprune.runner.linux.jobs import Jobs
from edgeprune.runner.linux.operators import Operators
from edgeprune.runner.linux.results import Order, Results, failed, token_of

ID = 0x0BADF00D
IMAGE = random.Random(3).randbytes(72)
LONG = 400_000
"""Runs that take a few seconds: long enough to come and go in between."""
Serve = Callable[..., Service]
Start = Callable[..., StdioRunner]


def wait_for(session: Session, token: int, state: str = "done") -> None:
    """Until the job has ended, which must be as `state`."""
    deadline = time.monotonic() + WAIT_S
    while (found := session.job_progress(token)[0]) == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert found == state


def test_a_job_times_runs_and_tells_the_device(stdio: Start, tiny_release: Path) -> None:
    session = Session(stdio(tiny_release), ID)
    session.start_job(0x2A, [IMAGE], 40, 3)
    wait_for(session, 0x2A)
    assert session.job_progress(0x2A) == ("done", 40, 40)
    found = session.document("job-0000002a")
    assert (found["token"], found["state"], found["runs"], found["warm_up"]) == (0x2A, "done", 40, 3)
    assert len(found["nanoseconds"]) == 40
    assert all(100 < each < 1e9 for each in found["nanoseconds"])
    assert found["output_crc32"] == zlib.crc32(b"".join(litert(tiny_release, [IMAGE])))
    assert found["error"] is None
    for moment in ("before", "after"):
        assert found[moment]["runtime"]["version"]
    assert found["before"]["uptime_s"] <= found["after"]["uptime_s"]
    session.forget_job(0x2A)
    assert session.job_progress(0x2A) == ("unknown", 0, 0)
    with pytest.raises(BoardError, match="no_document"):
        session.document("job-0000002a")
    session.forget_job(0x2A)  # the answer to the first may have been lost


def test_the_same_token_again_changes_nothing(stdio: Start, tiny_release: Path) -> None:
    session = Session(stdio(tiny_release), ID)
    session.start_job(1, [IMAGE], 5, 0)
    wait_for(session, 1)
    first = session.document("job-00000001")
    session.start_job(1, [IMAGE], 500, 0)
    assert session.job_progress(1) == ("done", 5, 5)
    assert session.document("job-00000001") == first


def test_a_job_survives_a_dropped_line(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    line = runner.connect()
    Session(line, ID).start_job(7, [IMAGE], LONG, 0)
    line.close()
    again = Session(runner.connect(), ID + 1)
    state, done, total = again.job_progress(7)
    assert (state, total) == ("running", LONG)
    time.sleep(0.1)
    assert again.job_progress(7)[1] > done
    wait_for(again, 7)
    assert len(again.document("job-00000007")["nanoseconds"]) == LONG


def test_beside_a_job_nothing_runs(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    session = Session(runner.connect(), ID)
    session.start_job(7, [IMAGE], LONG, 0)
    for name, values in (
        ("run", {"token": 5, "crc": zlib.crc32(IMAGE), "measure": 0}),
        ("load", {"input": 0, "offset": 0, "data": b"x"}),
        ("start", {"token": 8, "crc": zlib.crc32(IMAGE), "runs": 1, "warm_up": 0}),
        ("forget", {"token": 7}),
        ("reset_state", {}),
    ):
        with pytest.raises(NotFoundError, match="held by another session or its job"):
            session._ask(name, **values)
    session._ask("start", token=7, crc=0, runs=1, warm_up=0)  # repeated: the answer got lost
    assert session.document("system")["pinned"]
    assert session.job_progress(7)[0] == "running"


def test_results_outlive_the_process(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    session = Session(runner.connect(), ID)
    session.start_job(7, [IMAGE], 25, 0)
    wait_for(session, 7)
    found = session.document("job-00000007")
    assert runner.stop(kill=True) != 0
    runner.start()
    again = Session(runner.connect(), ID)
    assert again.job_progress(7) == ("done", 25, 25)
    assert again.document("job-00000007") == found
    again.forget_job(7)
    assert list((runner.state / "results").iterdir()) == []


@pytest.mark.parametrize("kill", [True, False])
def test_a_job_that_the_process_took_along_has_failed(service: Serve, tiny_release: Path, kill: bool) -> None:
    runner = service(tiny_release)
    Session(runner.connect(), ID).start_job(7, [IMAGE], LONG, 0)
    status = runner.stop(kill=kill)
    assert (status == 0) != kill, runner.log
    runner.start()
    again = Session(runner.connect(), ID)
    assert again.job_progress(7) == ("failed", 0, LONG)
    found = again.document("job-00000007")
    assert (found["state"], found["nanoseconds"], found["runs"]) == ("failed", [], LONG)
    assert "stopped, or died" in found["error"]
    again.start_job(8, [IMAGE], 3, 0)  # and the runner is free for the next
    wait_for(again, 8)


def test_reset_ends_a_job(service: Serve, tiny_release: Path) -> None:
    runner = service(tiny_release)
    session = Session(runner.connect(), ID)
    session.start_job(7, [IMAGE], LONG, 0)
    session.reset()
    assert session.job_progress(7)[0] == "failed"


# --- without a process


class FakeEngine:
    """Runs nothing, at once, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.runs = 0
        self.hold = threading.Event()
        self.hold.set()

    def set_inputs(self, inputs: list[bytes]) -> None:
        self.inputs = inputs

    def invoke(self) -> None:
        self.hold.wait(WAIT_S)
        self.runs += 1
        if self.error is not None:
            raise self.error

    def outputs(self) -> tuple[bytes, ...]:
        return (b"out",)


def jobs_of(engine: FakeEngine, folder: Path) -> Jobs:
    def look(_inputs: object, _run_ns: int) -> Operators:
        return Operators(None, "not looked")

    return Jobs(engine, Results(folder), lambda: {"up": 1}, look)  # type: ignore[arg-type]


def ended(jobs: Jobs, token: int) -> dict[str, Any]:
    """The document of a job, once it has ended."""
    deadline = time.monotonic() + WAIT_S
    while jobs.progress(token).state == "running" or jobs.busy_s is not None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    data = jobs.document(token)
    assert data is not None
    found: dict[str, Any] = json.loads(data)
    return found


def test_warm_up_is_run_and_not_told(tmp_path: Path) -> None:
    engine = FakeEngine()
    jobs = jobs_of(engine, tmp_path)
    jobs.start(Order(1, 5, 3), [b"in"])
    found = ended(jobs, 1)
    assert engine.runs == 8
    assert len(found["nanoseconds"]) == 5
    assert found["operators_note"] == "not looked"


def test_what_the_network_raises_is_told(tmp_path: Path) -> None:
    jobs = jobs_of(FakeEngine(RuntimeError("no more memory")), tmp_path)
    jobs.start(Order(1, 5, 0), [b"in"])
    found = ended(jobs, 1)
    assert (found["state"], found["error"]) == ("failed", "RuntimeError: no more memory")
    assert jobs.busy_s is None


def test_progress_is_told_while_it_runs(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.hold.clear()
    jobs = jobs_of(engine, tmp_path)
    jobs.start(Order(1, 5, 0), [b"in"])
    assert jobs.progress(1).state == "running"
    assert jobs.busy_s == 0
    assert jobs.document(1) is None
    assert [path.name for path in tmp_path.iterdir()] == ["job-00000001.started"]
    engine.hold.set()
    assert ended(jobs, 1)["state"] == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["job-00000001.json"]


def full(*_arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_at_the_start_fails_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = jobs_of(FakeEngine(), tmp_path)
    monkeypatch.setattr(results, "write_durably", full)
    jobs.start(Order(1, 5, 0), [b"in"])
    assert jobs.progress(1).state == "failed"
    assert "No space left" in ended(jobs, 1)["error"]


def test_a_full_disk_at_the_end_keeps_results_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()
    engine.hold.clear()
    jobs = jobs_of(engine, tmp_path)
    jobs.start(Order(1, 5, 0), [b"in"])
    monkeypatch.setattr(results, "write_durably", full)
    engine.hold.set()
    assert len(ended(jobs, 1)["nanoseconds"]) == 5
    jobs.forget(1)
    assert jobs.progress(1).state == "unknown"


def test_results_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Results(tmp_path)
    kept.end(failed(Order(1, 2, 3), "first"))
    monkeypatch.setattr("edgeprune.runner.linux.files.os.fsync", full)
    kept.end(failed(Order(1, 2, 3), "second"))
    on_disk = json.loads((tmp_path / "job-00000001.json").read_bytes())
    assert on_disk["error"] == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["job-00000001.json"]


def test_leftovers_that_make_no_sense_do_not_stop_the_runner(tmp_path: Path) -> None:
    (tmp_path / "job-00000005.started").write_bytes(b"{broken")
    (tmp_path / "job-xyz.started").write_bytes(b"")
    (tmp_path / "job-00000006.json").write_bytes(b"{broken")
    jobs = jobs_of(FakeEngine(), tmp_path)
    assert jobs.progress(5).state == "failed"
    assert jobs.progress(6).state == "unknown"


@pytest.mark.parametrize(
    "title", ["job-1", "job-0000000G", "job-000000001", "system", "job-", "JOB-00000001"]
)
def test_titles_of_jobs_are_read_strictly(title: str) -> None:
    assert token_of(title) is None
    assert token_of("job-000000ff") == 255


def test_the_wire_knows_each_state() -> None:
    for state in ("running", "done", "failed", "unknown"):
        values: dict[str, wire.Value] = {"token": 1, "done": 1, "total": 1, "state": state}
        assert wire.encode(wire.Message("<", 1, "progress", values))
