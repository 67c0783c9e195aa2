"""Each fuzzer for a few cases: it finds nothing, and what it would find it saves and replays."""

import json
import random
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tflite_writer import write
from support.tools import require_module, require_tool

from edgeprune.device import wire
from edgeprune.device.link import LOG_HEAD, read_log
from edgeprune.errors import ModelError, UsageError
from edgeprune.ops import OPS, bind
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import ConvOptions, PoolOptions
from edgeprune.tflite.read import read

PROJECT = Path(__file__).resolve().parents[2]


def fuzz(tool: str, tmp_path: Path, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a fuzzer, whose findings go below `tmp_path`."""
    command = [sys.executable, "-m", f"tools.fuzz.{tool}", "--save", str(tmp_path / "found")]
    done = subprocess.run(
        [*command, *map(str, arguments)], cwd=PROJECT, capture_output=True, text=True, timeout=240
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def test_damaged_models_are_read_or_refused(tmp_path: Path, shared_data: Path) -> None:
    status, report = fuzz(
        "tflite_reader", tmp_path, shared_data / "tflite", "--mutations", "100", "--seed", "5"
    )
    assert (status, report["finding_count"]) == (0, 0), report["findings"]
    assert sum(report["counts"].values()) == 100
    assert report["refused"] > 20


def test_damaged_models_that_are_accepted_compute_what_the_reference_does(
    tmp_path: Path, shared_data: Path
) -> None:
    require_tool("gcc")
    arguments = ["--most", "3", "--seed", "3", "--model-bytes", "3000"]
    status, report = fuzz("compiled_models", tmp_path, shared_data / "tflite", *arguments)
    assert (status, report["finding_count"]) == (0, 0), report["findings"]
    assert report["counts"]["compiled, equal"] == 3
    assert "ASan" in report["sanitizers"]


def test_random_networks_agree(tmp_path: Path) -> None:
    require_tool("gcc")
    require_module("tflite_micro")
    ops = "DEPTHWISE_CONV_2D,MEAN,STRIDED_SLICE"
    status, report = fuzz("kernels", tmp_path, "--networks", "4", "--batch", "4", "--ops", ops, "--seed", "9")
    assert (status, report["finding_count"]) == (0, 0), report["findings"]
    assert report["counts"]["networks equal to TFLM"] == 12


def test_random_graphs_agree_everywhere(tmp_path: Path) -> None:
    require_tool("gcc")
    require_module("tflite_micro")
    places = "host,cortex-m4,cortex-m0plus"
    status, report = fuzz(
        "graphs", tmp_path, "--graphs", "8", "--batch", "8", "--places", places, "--seed", "3"
    )
    assert (status, report["finding_count"]) == (0, 0), report["findings"]
    assert report["counts"]["networks: reference equals TFLM"] == 8
    for place in places.split(","):
        assert report["counts"][f"networks: {place} equals reference"] == 8


def test_generators_are_of_operators_that_there_are() -> None:
    from tools.fuzz import networks, random_graphs

    assert {*networks.DRAWS, *random_graphs.DRAWS} <= set(OPS.names)


def test_garbage_on_the_line_is_survived(tmp_path: Path) -> None:
    require_tool("gcc")
    status, report = fuzz("wire", tmp_path, "--bursts", "40", "--sessions", "0", "--seed", "4")
    assert (status, report["finding_count"]) == (0, 0), report["findings"]
    assert report["counts"] == {"bursts survived": 40}


def _image(height: int, width: int) -> Tensor:
    return activation((1, height, width, 1), 0.1)


_FILTER = constant(np.ones((1, 3, 3, 1), np.int8), per_tensor(0.1))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            one_op("MAX_POOL_2D", [_image(1, 1)], _image(1, 1), PoolOptions("SAME", 1, 1, 32767, 32767)),
            "the window has 1073676289 elements, at most 65536",
        ),
        (
            one_op("CONV_2D", [_image(4, 4), _FILTER], _image(4, 4), ConvOptions("SAME", 1, 1, 32767, 32767)),
            "the padded image has 4295229444 elements, at most 67108864",
        ),
        (
            one_op(
                "MAX_POOL_2D", [_image(4096, 4096)], _image(4096, 4096), PoolOptions("SAME", 1, 1, 99, 99)
            ),
            "the windows see 164433494016 elements in all, at most 17179869184",
        ),
    ],
)
def test_small_files_that_would_take_gigabytes_or_hours_are_refused(graph: QuantGraph, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        bind(graph)
    assert message in raised.value.message
    assert raised.value.hint


def test_activations_are_bounded_in_all() -> None:
    wide = activation((1, 1 << 27), 0.1)
    assert len(read(write(one_op("RELU", [wide], wide))).nodes) == 1  # exactly 2^28 bytes
    wider = activation((1, (1 << 27) + 1), 0.1)
    with pytest.raises(ModelError, match="268435458 bytes in all, at most 268435456"):
        read(write(one_op("RELU", [wider], wider)))


@pytest.mark.parametrize("space", [b"\t", b"\r", b"\v"])
def test_white_space_in_a_field_is_a_wire_error(space: bytes) -> None:
    body = b"<0007 load input=0 offset=80 length=3" + space + b"4"
    with pytest.raises(wire.WireError, match="length is not hexadecimal"):
        wire.parse(body + b" *%08x" % zlib.crc32(body))


@pytest.mark.parametrize("identity", ["", "zz", "1_0", "123456789"])
def test_a_log_with_a_damaged_id_is_refused(tmp_path: Path, identity: str) -> None:
    log = tmp_path / "session.log"
    log.write_text(f"{LOG_HEAD}{identity}\n0.5 > a\n")
    with pytest.raises(UsageError, match="not a recorded session"):
        read_log(log)


def test_a_finding_is_saved_replayed_and_ends_in_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tools.fuzz import tflite_reader

    def broken(data: bytes) -> None:
        raise IndexError(f"{len(data)} bytes")

    monkeypatch.setattr(tflite_reader, "read", broken)
    (tmp_path / "a.tflite").write_bytes(random.Random(1).randbytes(400))
    saved = tmp_path / "found"
    arguments = ["tflite_reader", "--mutations", "2", "--seed", "6", "--save", str(saved)]
    monkeypatch.setattr(sys, "argv", [*arguments, str(tmp_path)])
    assert tflite_reader.main() == 1
    report = json.loads(capsys.readouterr().out)
    assert report["crashed"] == 2
    first = Path(report["findings"][0]["file"])
    assert first == saved / "tflite_reader-6-0.tflite"
    assert "IndexError" in report["findings"][0]["error"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--replay", str(first)])
    assert tflite_reader.main() == 1
    assert f"{first.stat().st_size} bytes" in json.loads(capsys.readouterr().out)["findings"][0]["error"]
