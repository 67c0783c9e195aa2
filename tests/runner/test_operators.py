"""Times of operators: from LiteRT 2.3.0 alone, by a child that may do what it likes."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from runner.releases import StdioRunner, command
from support.tools import require_module

from edgeprune.device.session import Session
from edgeprune.runner.linux import operators
from edgeprune.runner.linux.engine import Runtime
from edgeprune.runner.linux.operators import RESOLUTION, VERSION, OperatorTime, Profiler, median_of

LITERT = Runtime("litert", VERSION, 1, "xnnpack")
RUN_NS = 100_000


def said_by(script: str, tmp_path: Path, runtime: Runtime = LITERT) -> operators.Operators:
    """What comes of a child that is this script."""
    (tmp_path / "child.py").write_text(script)
    program = [sys.executable, str(tmp_path / "child.py")]
    return Profiler(program, tmp_path / "model.tflite", runtime).look([b"in"], RUN_NS)


def document(**changes: object) -> str:
    one = {"name": "0: Convolution", "op": "Convolution", "nanoseconds": 5000} | changes
    return f"print({json.dumps(json.dumps({'whole_nanoseconds': 9000, 'operators': [one]}))})"


def test_the_installed_litert_tells_its_operators(tiny_release: Path) -> None:
    require_module("ai_edge_litert")
    found = Profiler(command(), tiny_release / "model.tflite", LITERT).look([bytes(72)], RUN_NS)
    assert found.times is not None, found.note
    assert found.note == RESOLUTION
    kinds = [each.op for each in found.times]
    assert "Convolution" in kinds
    assert any("Fully Connected" in kind for kind in kinds)
    assert len({each.name for each in found.times}) == len(found.times)


def test_a_large_convolution_takes_most_of_the_time(tmp_path: Path) -> None:
    """The times are the operators' own: the one with a hundred times the work takes longest."""
    require_module("ai_edge_litert")
    from support.networks import NetworkBuilder
    from support.tflite_writer import write

    from edgeprune.tflite.graph import Quantization
    from edgeprune.tflite.options import ConvOptions

    net, rng = NetworkBuilder(), np.random.default_rng(1)
    image = net.tensor("image", (1, 64, 64, 16))
    at = image
    for name, size in (("large", 7), ("small", 1)):
        weights = rng.integers(-9, 9, (16, size, size, 16)).astype(np.int8)
        filters = net.constant(f"{name}/w", weights, Quantization((0.01,) * 16, (0,) * 16))
        scales = tuple(float(np.float32(0.01 * 0.0625)) for _ in range(16))
        bias = net.constant(f"{name}/b", np.zeros(16, np.int32), Quantization(scales, (0,) * 16))
        at = net.node("CONV_2D", (at, filters, bias), net.tensor(name, (1, 64, 64, 16)), ConvOptions())
    (tmp_path / "model.tflite").write_bytes(write(net.graph((image,), (at,))))
    found = Profiler(command(), tmp_path / "model.tflite", LITERT).look([bytes(64 * 64 * 16)], RUN_NS)
    assert found.times is not None, found.note
    large, small = (each.nanoseconds for each in found.times[:2])
    assert large > 5 * small
    assert large > 50_000  # 51 million multiplications and additions


def test_a_job_has_its_operators(stdio: Callable[..., StdioRunner], tiny_release: Path) -> None:
    session = Session(stdio(tiny_release), 1)
    session.start_job(1, [bytes(72)], 10, 0)
    while session.job_progress(1)[0] == "running":
        pass
    found = session.document("job-00000001")
    assert found["operators_note"] == RESOLUTION
    assert {frozenset(each) for each in found["operators"]} == {frozenset({"name", "op", "nanoseconds"})}


@pytest.mark.parametrize(
    "runtime",
    [
        Runtime("litert", "2.3.1", 1, None),
        Runtime("litert", "2.4.0", 1, None),
        Runtime("tflite-runtime", "2.14.0", 1, None),
    ],
)
def test_no_other_version_is_asked(tmp_path: Path, runtime: Runtime) -> None:
    found = said_by("raise SystemExit('was started')", tmp_path, runtime)
    assert found.times is None
    assert found.note is not None
    assert f"this is {runtime.name} {runtime.version}" in found.note


def test_a_sound_answer_is_taken(tmp_path: Path) -> None:
    found = said_by(document(), tmp_path)
    assert found.times == (OperatorTime("0: Convolution", "Convolution", 5000),)


@pytest.mark.parametrize(
    ("script", "note"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "status -11"),
        ("raise SystemExit('LiteRtCreateModelFromFile ended with status 500')", "status 500)"),
        ("", "answer is damaged"),
        ("print('{')", "answer is damaged"),
        ("print('[]')", "answer is damaged"),
        (document(nanoseconds=-1), "answer is damaged"),
        (document(nanoseconds=1.5), "answer is damaged"),
        (document(nanoseconds=True), "answer is damaged"),
        (document(name=""), "answer is damaged"),
        (document(name="x" * 1000), "answer is damaged"),
        (document(op=None), "answer is damaged"),
        (document(nanoseconds=9001), "contradicts itself"),
        ('print(\'{"whole_nanoseconds": 1, "operators": []}\')', "contradicts itself"),
    ],
)
def test_a_child_that_crashes_or_talks_nonsense_is_a_note(tmp_path: Path, script: str, note: str) -> None:
    found = said_by(script, tmp_path)
    assert found.times is None
    assert found.note is not None
    assert note in found.note
    assert len(found.note) < 500


def test_a_child_that_hangs_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "START_LIMIT_S", 0.3)
    found = said_by("import time; time.sleep(60)", tmp_path)
    assert found.times is None
    assert "timed out" in (found.note or "")


def test_a_child_that_cannot_be_started_is_a_note(tmp_path: Path) -> None:
    found = Profiler([str(tmp_path / "gone")], tmp_path, LITERT).look([], RUN_NS)
    assert found.times is None
    assert "No such file" in (found.note or "")


@pytest.mark.parametrize(("run_ns", "runs"), [(1, 50), (10**9, 5), (10**12, 3)])
def test_slow_networks_are_profiled_less(tmp_path: Path, run_ns: int, runs: int) -> None:
    script = "import sys, json; order = json.loads(sys.stdin.buffer.readline()); sys.exit(str(order['runs']))"
    (tmp_path / "child.py").write_text(script)
    found = Profiler([sys.executable, str(tmp_path / "child.py")], tmp_path, LITERT).look([], run_ns)
    assert f"({runs})" in (found.note or "")


def test_medians_are_of_each_operator() -> None:
    profiles = [[("Convolution (NHWC)", us), ("ADD", 1)] for us in (9, 3, 5)]
    assert median_of(profiles) == (
        OperatorTime("0: Convolution (NHWC)", "Convolution", 5000),
        OperatorTime("1: ADD", "ADD", 1000),
    )
    with pytest.raises(ValueError, match="other operators"):
        median_of([*profiles, [("ADD", 1)]])
