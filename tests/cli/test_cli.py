"""The command line on a bad day: exit statuses and messages of INTERFACE.md, and nothing half-written."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.commands import DIGITS, START, Built, Shell, files_of

from edgeprune.cli.main import COMMANDS
from edgeprune.ops import ReferenceModel
from edgeprune.tflite.options import FullyConnectedOptions
from edgeprune.tflite.read import read


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def bundle(digits: Built, tmp_path: Path) -> Path:
    """A copy of the shared Bundle, to be damaged."""
    return Path(shutil.copytree(digits.bundle, tmp_path / "a b é"))


# --- usage


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, shell: Shell) -> None:
    assert "Usage:" in shell.run(command, "--help").stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["bild", "x"], 2, "did you mean 'build'"),
        (["build"], 2, "Missing argument 'MODEL'"),
        (["build", DIGITS, "--spedup", "2"], 2, "No such option"),
        (["build", "gone.keras"], 2, "no model at gone.keras"),
        (["build", "gone.tflite"], 2, "no model at gone.tflite"),
        (["build", "."], 2, "is a folder"),
        (["build", "junk.tflite"], 2, "junk.tflite: this is no .tflite file"),
        (["build", "junk.txt"], 2, "a model is .keras"),
        (["build", DIGITS, "--target", "virtualm4"], 2, "did you mean 'virtual-m4'"),
        (["build", DIGITS, "--toolchain", "zgi"], 2, "did you mean 'zig'"),
        (["build", DIGITS, "--scale", "1/256"], 2, "did you mean '1/255'"),
        (["build", DIGITS, "--method", "l3", "--speedup", "2"], 2, "did you mean 'l2'"),
        (["build", DIGITS, "--method", "l1", "--speedup", "0.5"], 2, "speedup = 0.5"),
        (["build", DIGITS, "--method", "l1", "--speedup", "inf"], 2, "finite"),
        (["build", DIGITS, "--epochs", "-1"], 2, "epochs = -1"),
        (["build", DIGITS, "--epochs", "x"], 2, "not a valid integer"),
        (["build", DIGITS, "--learning-rate", "nan"], 2, "learning_rate"),
        (["build", "junk.tflite", "--method", "l1"], 2, "cannot be pruned"),
        (["build", "junk.tflite", "--speedup", "2"], 2, "cannot be pruned"),
        (["build", "junk.tflite", "--epochs", "3"], 2, "--epochs would do nothing: a .tflite"),
        (["build", DIGITS, "--round-to", "4"], 2, "--round-to would do nothing: nothing is pruned"),
        (["build", "junk.tflite", "--out", "."], 2, "name a new folder"),
        (["build", "junk.tflite", "--out", "mine"], 2, "exists and is not a Bundle"),
        (["build", "junk.tflite", "--out", "junk.tflite/x"], 2, "is not a folder"),
        (["build", "bad.toml"], 2, "did you mean 'target'"),
        (["build", "type.toml"], 2, "type.toml: seed = 'x'"),
        (["build", "part.toml"], 2, "the key 'model' is missing"),
        (["build", "gone.toml"], 2, "no recipe at gone.toml"),
        (["compile", "junk.tflite"], 2, "junk.tflite: this is no .tflite file"),
        (["flash", "gone"], 2, "no Bundle at gone"),
        (["flash", "junk.tflite"], 2, "is a file"),
        (["flash", "mine"], 2, "is not a Bundle"),
        (["report", "mine"], 2, "is not a Bundle"),
        (["replay", "junk.tflite"], 2, "not a recorded session"),
        (["boards", "stop", "virtualm4"], 5, "did you mean 'virtual-m4'"),
        (["boards", "start", "virtual-m4", "--id", "host"], 2, "choose another --id"),
        (["targets", "hots"], 2, "did you mean 'host'"),
    ],
    ids=lambda value: " ".join(map(str, value)).replace(str(DIGITS), "M") if isinstance(value, list) else "",
)
def test_what_is_wrong_is_named(shell: Shell, words: list[object], status: int, said: str) -> None:
    (shell.folder / "mine").mkdir()
    (shell.folder / "mine" / "thesis.txt").write_text("years of work")
    (shell.folder / "junk.tflite").write_text("junk")
    (shell.folder / "junk.txt").write_text("junk")
    (shell.folder / "bad.toml").write_text("model = 'm.tflite'\ntargt = 'host'\n")
    (shell.folder / "type.toml").write_text("model = 'm.tflite'\nseed = 'x'\n")
    (shell.folder / "part.toml").write_text("target = 'host'\n")
    before = files_of(shell.folder)
    assert said in shell.refused(*words, status=status)
    after = files_of(shell.folder)
    assert {name: after[name] for name in before} == before
    assert not (shell.folder / "build").exists()


def test_json_before_and_after_the_subcommand(shell: Shell) -> None:
    after, before = shell.ask("boards", "list"), json.loads(shell.run("boards", "--json", "list").stdout)
    assert after == before
    assert {board["id"] for board in after["boards"]} >= {"host", "virtual-m4"}


# --- networks that cannot be served


def test_network_that_does_not_fit(shell: Shell) -> None:
    from support.networks import NetworkBuilder, Quantization
    from support.tflite_writer import write

    net = NetworkBuilder()
    given = net.tensor("x", (1, 3000))
    weights = net.constant("w", np.ones((1000, 3000), np.int8), Quantization((0.0078125,), (0,)))
    result = net.node(
        "FULLY_CONNECTED", (given, weights, -1), net.tensor("y", (1, 1000)), FullyConnectedOptions()
    )
    (shell.folder / "big.tflite").write_bytes(write(net.graph((given,), (result,))))
    said = shell.refused("build", "big.tflite", "--target", "virtual-m4", "--out", "big", status=3)
    assert "2097152 available" in said
    needed = int(said.split("flash: ")[1].split()[0])
    assert 3_000_000 < needed < 3_100_000
    assert not (shell.folder / "big").exists()


def test_operators_are_listed_by_type_and_core(shell: Shell) -> None:
    rows = shell.ask("targets", "--operators")["operators"]
    conv = {tuple(row["types"]): row["kernels"] for row in rows if row["operator"] == "CONV_2D"}
    assert conv[("int8",)]["cortex-m3"] == ["portable"]
    assert "dsp" in conv[("int8",)]["cortex-m4"] and "mve" in conv[("int8",)]["cortex-m55"]
    assert conv[("float32",)]["cortex-m4"] == ["portable"]
    names = {row["operator"] for row in rows}
    assert {"VAR_HANDLE", "CALL_ONCE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "RESHAPE"} <= names
    text = shell.run("targets", "--operators").stdout
    assert all(name in text for name in names)


def test_hybrid_networks_and_unknown_operators_are_named(shell: Shell, shared_data: Path) -> None:
    hybrid = shared_data / "mlperf_tiny" / "kws" / "kws_ref_model_float32.tflite"
    assert "CONV_2D (node 0" in shell.refused("build", hybrid)
    unknown = shared_data / "tflite" / "tflm" / "audio_preprocessor_int8.tflite"
    assert "'SignalWindow'" in shell.refused("build", unknown)


def test_two_inputs_from_build_to_run(shell: Shell, shared_data: Path) -> None:
    shell.run("build", shared_data / "tflite" / "tflm" / "simple_add_model.tflite", "--out", "add")
    shell.run("flash", "add")
    inputs = json.loads((shell.folder / "add" / "manifest.json").read_text())["io"]
    words: list[object] = []
    for index, tensor in enumerate(inputs["inputs"]):
        file = shell.folder / f"x{index}.npy"
        np.save(file, np.zeros((2, *tensor["shape"]), tensor["dtype"]))
        words += ["--inputs", file]
    assert shell.ask("run", "add", *words, "--outputs", "y.npy")["samples"] == 2
    assert np.load(shell.folder / "y.npy").shape == (2, *inputs["outputs"][0]["shape"])
    assert "2 inputs, got 1 files" in shell.refused("run", "add", *words[:2], "--outputs", "y.npy")


def test_a_network_with_state_from_build_to_run(shell: Shell, shared_data: Path) -> None:
    """Parity's inputs and those of run are each one sequence, from the state that the network starts with."""
    model = shared_data / "tflite" / "tflm" / "trained_lstm_int8.tflite"
    shell.run("build", model, "--target", "virtual-m4", "--out", "lstm")
    shell.run("flash", "lstm")
    for _ in range(2):
        assert shell.ask("profile", "lstm", "--runs", "6")["parity"] == {"inputs": 4, "mismatches": 0}
    graph = read(model.read_bytes())
    samples = np.random.default_rng(1).integers(-128, 128, (3, 28, 28)).astype(np.int8)
    np.save(shell.folder / "x.npy", samples)
    reference = ReferenceModel(graph)
    expected = np.concatenate([reference.run([sample[np.newaxis]])[0] for sample in samples])
    for _ in range(2):
        shell.run("run", "lstm", "--inputs", "x.npy", "--outputs", "y.npy")
        assert np.array_equal(np.load(shell.folder / "y.npy"), expected)


# --- damaged Bundles


def _flip(bundle: Path) -> None:
    image = bytearray((bundle / "firmware.bin").read_bytes())
    image[len(image) // 2] ^= 1
    (bundle / "firmware.bin").write_bytes(image)


def _edit(bundle: Path, **values: object) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**manifest, **values}))


@pytest.mark.parametrize("command", ["flash", "report"])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_flip, "firmware.bin differs from the manifest"),
        (lambda bundle: (bundle / "parity_inputs.bin").unlink(), "parity_inputs.bin is missing"),
        (lambda bundle: (bundle / "manifest.json").write_text("{"), "not a Bundle"),
        (lambda bundle: _edit(bundle, schema=99), "schema 99"),
        (lambda bundle: _edit(bundle, files=[1]), "not a Bundle"),
        (lambda bundle: _edit(bundle, target=None, io=3), "target, io missing or of another type"),
    ],
    ids=["flipped", "missing", "json", "schema", "files", "fields"],
)
def test_damaged_bundle_is_refused(
    shell: Shell, bundle: Path, command: str, damage: Callable[[Path], None], said: str
) -> None:
    damage(bundle)
    assert said in shell.refused(command, bundle)


def test_report_of_a_profile_that_is_none(shell: Shell, bundle: Path) -> None:
    for text in (
        "[]",
        '"evidence layers"',
        '{"evidence": 1, "layers": 2, "latency_us": 3, "instructions": 4}',
    ):
        (shell.folder / "p.json").write_text(text)
        assert "p.json" in shell.refused("report", bundle, "--profile", "p.json")
    assert not list(shell.folder.glob("*.html"))


# --- boards on a bad day


def test_board_with_another_network_silence_and_noise(shell: Shell, bundle: Path, shared_data: Path) -> None:
    assert "nothing was flashed" in shell.refused("profile", bundle, status=5)
    shell.run("build", shared_data / "tflite" / "tflm" / "hello_world_int8.tflite", "--out", "hello", "-q")
    shell.run("flash", "hello")
    assert "edgeprune flash" in shell.refused("profile", bundle, status=6)
    shell.run("flash", bundle)
    clean = shell.ask("profile", bundle, "--runs", "1")
    assert "was silent" in shell.refused("profile", bundle, "--inject", "silence-after=900", status=6)
    assert "cannot inject" in shell.refused("profile", bundle, "--inject", "noise=5")
    assert shell.ask("profile", bundle, "--runs", "1", "--inject", "noise=0.01") == clean
    status, said = shell.interrupt("run 9 of", "profile", bundle, "--runs", "5000")
    assert (status, "Traceback" in said) == (130, False)
    status, said = shell.interrupt("run 9 of", "profile", bundle, "--runs", "5000", by=signal.SIGTERM)
    assert (status, "Traceback" in said) == (143, False)
    assert shell.ask("profile", bundle, "--runs", "1") == clean


def test_board_that_stays_open_and_is_killed(shell: Shell, bundle: Path) -> None:
    board = shell.ask("boards", "start", "virtual-m4")
    shell.run("flash", bundle)
    first = shell.ask("profile", bundle, "--runs", "1")
    for port in (board["pty"], board["socket"]):
        over_port = shell.ask("profile", bundle, "--runs", "1", "--port", port)
        assert over_port == {**first, "board": port}
    os.kill(board["pid"], signal.SIGKILL)
    assert shell.ask("profile", bundle, "--runs", "1") == first  # the flash outlives the server
    assert "cannot open" in shell.refused("profile", bundle, "--port", board["socket"], status=5)
    assert "not running" in shell.refused("boards", "stop", "virtual-m4", status=5)


def test_run_takes_both_shapes(shell: Shell, bundle: Path) -> None:
    shell.run("flash", bundle)
    examples = np.random.default_rng(0).integers(-128, 128, (3, 8, 8, 1)).astype(np.int8)
    np.save(shell.folder / "x.npy", examples)
    np.save(shell.folder / "x1.npy", examples[:, None])
    for name in ("x", "x1"):
        shell.run("run", bundle, "--inputs", f"{name}.npy", "--outputs", f"y-{name}.npy")
    outputs = np.load(shell.folder / "y-x.npy")
    assert (outputs.shape, outputs.dtype) == ((3, 10), np.int8)
    assert (shell.folder / "y-x.npy").read_bytes() == (shell.folder / "y-x1.npy").read_bytes()
    np.save(shell.folder / "x.npy", examples.astype(np.float32))
    assert "quantise" in shell.refused("run", bundle, "--inputs", "x.npy", "--outputs", "y.npy")
    assert not (shell.folder / "y.npy").exists()


# --- machines on a bad day


def test_files_that_cannot_be_written(shell: Shell, bundle: Path) -> None:
    shell.run("flash", bundle)
    for words in (
        ["profile", bundle, "--runs", "1", "--out", "/proc/x.json"],
        ["profile", bundle, "--record", "/proc/x.log"],
        ["report", bundle, "--out", "/proc/x.html"],
        ["report", bundle, "--out", "."],
        ["build", bundle / "model.tflite", "--out", "/proc/x"],
    ):
        said = shell.refused(*words)
        assert "hint:" in said
        assert "fault in edgeprune" not in said


def test_full_disk(shell: Shell, bundle: Path) -> None:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); {START}"
    done = subprocess.run(
        [sys.executable, "-c", limited, "report", str(bundle)],
        cwd=shell.folder,
        env=shell.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "File too large" in done.stderr
    assert list(shell.folder.rglob("*.html*")) == [bundle / "report.html"]


def test_reader_that_leaves(shell: Shell) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-c", START, "targets", "--json"],
            env=shell.environment,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_error_while_an_interrupt_cleans_up(shell: Shell) -> None:
    """As numpy.savez makes one of Ctrl-C in the middle of a checkpoint."""
    code = """
import edgeprune.cli.main as program
def stopped(**_):
    try:
        raise KeyboardInterrupt
    finally:
        raise ValueError("half-written")
program.cli.main = stopped
program.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=shell.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr.startswith("edgeprune: interrupted")


def test_poor_environment(tmp_path: Path, bundle: Path) -> None:
    """The C locale; a home that is a file; a path with spaces and letters beyond ASCII (`bundle`)."""
    home = tmp_path / "home"
    home.write_text("")
    poor = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "HOME": str(home)}
    shell = Shell(tmp_path, more=poor)
    shell.run("flash", bundle)
    shell.run("profile", bundle, "--runs", "1")
    homeless = Shell(tmp_path, more={"HOME": str(home), "EDGEPRUNE_STATE_DIR": "", "XDG_STATE_HOME": ""})
    assert "EDGEPRUNE_STATE_DIR" in homeless.refused("flash", bundle)
