"""The engine: state that LiteRT does not tell, runtimes that are not there."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runner.releases import MODEL, accumulator, litert
from support.networks import tiny_network
from support.tflite_writer import write

from edgeprune.errors import ModelError, NotFoundError
from edgeprune.ops.builder import Step, activation, network, per_tensor, variable
from edgeprune.runner.linux import engine as engine_module
from edgeprune.runner.linux.engine import Engine, EngineError, wanted_threads
from edgeprune.runner.linux.variables import state_bytes
from edgeprune.tflite.read import read


def two_variables() -> bytes:
    """A named variable of 4 bytes, one of 6; the first is read twice."""
    x, y = activation((1, 4), 0.1), activation((1, 6), 0.1)
    four = variable(np.zeros((1, 4), np.int8), "four", per_tensor(0.1))
    six = variable(np.zeros((1, 6), np.int8), "six", per_tensor(0.1))
    outs = [activation((1, 4), 0.1), activation((1, 4), 0.1), activation((1, 6), 0.1)]
    steps = [
        Step("READ_VARIABLE", [four], [outs[0]]),
        Step("READ_VARIABLE", [four], [outs[1]]),
        Step("READ_VARIABLE", [six], [outs[2]]),
        Step("ASSIGN_VARIABLE", [x], [four]),
        Step("ASSIGN_VARIABLE", [y], [six]),
    ]
    return write(network(steps, [x, y], outs))


@pytest.mark.parametrize(
    "model", [lambda: write(tiny_network()), lambda: write(accumulator()), two_variables]
)
def test_state_is_what_the_hosts_reader_finds(model: Any) -> None:
    data = model()
    graph = read(data)
    assert state_bytes(data) == sum(graph.tensors[i].size_bytes for i in graph.variables)


def test_state_by_hand() -> None:
    assert state_bytes(write(tiny_network())) == 0
    assert state_bytes(write(accumulator())) == 4
    assert state_bytes(two_variables()) == 10


def test_real_networks_have_no_state(shared_data: Path) -> None:
    for path in sorted((shared_data / "mlperf_tiny").rglob("*.tflite")):
        assert state_bytes(path.read_bytes()) == 0, path.name


def test_a_damaged_file_is_refused() -> None:
    data = write(accumulator())
    for at in range(0, len(data), 5):
        try:
            state_bytes(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 :])
        except ModelError:
            continue


def test_trying_out_leaves_no_state(state_release: Path) -> None:
    engine = Engine(state_release / MODEL, 1)
    fresh = engine.run([bytes(4)])[0]
    assert engine.run([bytes(4)])[0] != fresh
    engine.try_out()
    assert engine.run([bytes(4)])[0] == fresh
    assert engine.load_ms > 0


def test_raw_bytes_in_and_out(sum_release: Path) -> None:
    engine = Engine(sum_release / MODEL, 1)
    inputs = [bytes(range(200)) * 8, bytes(1600)]
    outputs, nanoseconds = engine.run(inputs)
    assert list(outputs) == litert(sum_release, inputs)
    assert nanoseconds > 0
    assert engine.runtime.delegate == "xnnpack"


def test_what_litert_cannot_run_is_an_engine_error(tiny_release: Path) -> None:
    engine = Engine(tiny_release / MODEL, 1)

    class Broken:
        def set_tensor(self, *_arguments: object) -> None:
            """Takes anything."""

        def invoke(self) -> None:
            raise RuntimeError("node 3 failed to invoke")

    engine._interpreter = Broken()
    with pytest.raises(EngineError, match="node 3"):
        engine.run([bytes(72)])


def test_tflite_runtime_serves_where_there_is_no_litert(
    tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in under its name: the same interface, of another package."""
    package = tmp_path / "tflite_runtime"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "interpreter.py").write_text("from ai_edge_litert.interpreter import Interpreter\n")
    information = tmp_path / "tflite_runtime-2.14.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tflite-runtime\nVersion: 2.14.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(engine_module, "RUNTIMES", engine_module.RUNTIMES[1:])
    runtime = Engine(tiny_release / MODEL, 1).runtime
    assert (runtime.name, runtime.version) == ("tflite-runtime", "2.14.0")
    for name in [name for name in sys.modules if name.startswith("tflite_runtime")]:
        del sys.modules[name]


def test_a_device_without_any_runtime_says_so(tiny_release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "RUNTIMES", (("no_such_module", "no-such-package", "none"),))
    with pytest.raises(NotFoundError, match="no-such-package: No module named") as raised:
        Engine(tiny_release / MODEL, 1)
    assert raised.value.hint


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted_threads(4) == 1  # what the fixture sets
    monkeypatch.delenv("EDGEPRUNE_THREADS")
    assert wanted_threads(4) == 4
    monkeypatch.setenv("EDGEPRUNE_THREADS", "3")
    assert wanted_threads(4) == 3
