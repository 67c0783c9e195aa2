"""From a model to a Linux device: what the Bundle holds, what it computes there, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.commands import DIGITS, Shell, files_of
from support.networks import tiny_network
from support.tflite_writer import write
from support.venvs import lend_host_venv

SCRIPTS = {"install.sh", "uninstall.sh", "start.sh", "supervise.sh", "edgeprune-runner.service"}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("linux")
    (folder / "tiny.tflite").write_bytes(write(tiny_network()))
    return Shell(folder)


@pytest.fixture(scope="module")
def litert(shell: Shell) -> Path:
    """A Bundle for this computer, with LiteRT, on its default board."""
    shell.run("build", "tiny.tflite", "--target", "linux", "--out", "litert")
    lend_host_venv(shell.folder / "state" / "boards" / "linux" / "prefix")
    return shell.folder / "litert"


@pytest.fixture(scope="module")
def native(shell: Shell) -> Path:
    """A Bundle for this computer as one static program, on a board of its own."""
    shell.run("build", "tiny.tflite", "--target", "linux", "--runtime", "native", "--out", "native")
    return shell.folder / "native"


def test_a_bundle_for_litert_holds_all_that_the_device_needs(litert: Path) -> None:
    manifest = json.loads((litert / "manifest.json").read_text())
    held = set(files_of(litert))
    assert held == {*manifest["files"], "manifest.json"}
    assert held >= {*SCRIPTS, "model.tflite", "runner.pyz", "requirements.txt", "release.json", "SHA256SUMS"}
    assert manifest["runtime"] == "litert"
    assert manifest["memory"]["arena_bytes"] is None
    assert [layer["op"] for layer in manifest["layers"]] == [
        *("CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"),
    ]
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=litert, check=True)
    for line in (litert / "requirements.txt").read_text().splitlines():
        assert line.startswith("#") or "==" in line
    assert os.access(litert / "install.sh", os.X_OK)
    assert str(litert) not in (litert / "manifest.json").read_text()


def test_the_same_inputs_give_the_same_bundle(shell: Shell, litert: Path) -> None:
    again = Shell(shell.folder, cache="other")
    again.run("build", "tiny.tflite", "--target", "linux", "--out", "again")
    first, second = files_of(litert), files_of(shell.folder / "again")
    for name in ("recipe.toml", "manifest.json"):
        del first[name], second[name]  # they name the folder of the Bundle
    assert first == second


def test_flash_profile_run_and_the_page(shell: Shell, litert: Path, tmp_path: Path) -> None:
    flashed = shell.ask("flash", "litert")
    assert flashed["verified"] and flashed["sent_bytes"] > 0 and flashed["previous"] is None
    manifest = json.loads((litert / "manifest.json").read_text())
    assert flashed["flash_bytes"] == manifest["memory"]["flash_bytes"]
    again = shell.ask("flash", "litert")
    assert again["sent_bytes"] == 0
    found = shell.ask("profile", "litert", "--runs", "30", "--out", "profile.json")
    assert (found["target"], found["runs"], found["evidence"]) == ("linux", 30, "hardware")
    latency = found["latency_us"]
    assert 0 < latency["min"] <= latency["median"] <= latency["p95"] <= latency["max"]
    low, high = latency["median_interval"]
    assert low <= latency["median"] <= high
    assert found["instructions"] is None and found["cycles"] is None
    assert found["parity"]["mismatches"] == 0
    assert found["parity"]["reference"].startswith("LiteRT")
    assert found["memory"]["ram_peak_bytes"] > 1_000_000
    assert found["model_load_ms"] > 0
    for state in found["system"].values():
        assert state["runtime"]["name"] == "litert"
        assert state["rss_bytes"] <= state["rss_peak_bytes"]
    shell.run("report", "litert", "--profile", "profile.json", "--out", "page.html")
    assert "What goes to the device" in (shell.folder / "page.html").read_text()


def test_without_flashing_it_says_what_to_do(shell: Shell, litert: Path) -> None:
    fresh = Shell(shell.folder, more={"EDGEPRUNE_STATE_DIR": str(shell.folder / "fresh")})
    said = fresh.refused("profile", "litert", status=5)
    assert "edgeprune flash" in said


def test_native_is_equal_bit_for_bit_and_tells_its_layers(shell: Shell, native: Path) -> None:
    held = set(files_of(native))
    assert held >= {*SCRIPTS, "runner", "model.tflite", "src/model.c"}
    assert "runner.pyz" not in held
    shell.run("flash", "native")
    found = shell.ask("profile", "native", "--runs", "10")
    assert found["parity"] == {"inputs": 4, "mismatches": 0}
    assert found["latency_us"]["median"] > 0
    ops = [layer["op"] for layer in found["layers"]]
    assert ops == ["CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED", "SOFTMAX"]
    assert all(layer["latency_us"] is not None for layer in found["layers"])
    assert found["memory"]["arena_bytes"] > 0


def test_a_board_that_runs_another_network_is_refused(shell: Shell, native: Path, litert: Path) -> None:
    shell.run("flash", "native", "--board", "linux")
    said = shell.refused("profile", "litert", status=6)
    assert "content" in said or "the board holds" in said
    shell.run("flash", "litert")


def test_a_lost_line_loses_no_results(shell: Shell, litert: Path) -> None:
    """The command is killed while the device measures; the next one fetches what was measured."""
    shell.run("flash", "litert")
    shell.run("boards", "start", "linux")
    try:
        command = ["profile", "litert", "--runs", "60000"]
        status, _ = shell.interrupt("has begun 60000 runs", *command, by=signal.SIGKILL)
        assert status == -signal.SIGKILL
        done = shell.run("profile", "litert", "--json")
        found = json.loads(done.stdout)
        assert "fetching the 60000 runs that were begun before" in done.stderr
        assert found["runs"] == 60000
        assert not (shell.folder / "state" / "boards" / "linux" / "job.json").exists()
        assert shell.ask("profile", "litert", "--runs", "7")["runs"] == 7
    finally:
        shell.run("boards", "stop", "linux")


def test_two_profiles_at_once_the_second_waits(shell: Shell, litert: Path) -> None:
    shell.run("flash", "litert")
    words = ["-c", "from edgeprune.cli.main import main; main()", "profile", "litert", "--runs", "3000"]
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as first:
        lock = shell.folder / "state" / "boards" / "linux" / "lock"
        deadline = time.monotonic() + 20
        while f"process {first.pid}" not in lock.read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert shell.ask("profile", "litert", "--runs", "5")["runs"] == 5
        assert first.wait(60) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "virtual-m4", "--quantize", "dynamic"), "--quantize dynamic is for LiteRT"),
        (("--target", "virtual-m4", "--runtime", "native"), "--runtime and --wheels are for Linux targets"),
        (("--target", "linux", "--runtime", "native", "--wheels"), "are for the runtime litert"),
        (("--target", "android-arm64", "--runtime", "litert"), "has no runtime litert"),
        (("--target", "rpi4", "--toolchain", "gcc-arm"), "does not build for rpi4"),
        (("--target", "rpi9"), "unknown target 'rpi9'"),
    ],
)
def test_what_a_target_cannot_do_is_refused_before_anything_runs(
    shell: Shell, words: tuple[str, ...], said: str
) -> None:
    refused = shell.refused("build", "tiny.tflite", *words, "--out", "refused")
    assert said in refused
    assert "hint:" in refused
    assert not (shell.folder / "refused").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rpi4", "--budget", "latency_ms<=1"), "latency_ms needs a rpi4 to measure it on"),
        (("linux", "--budget", "ram_kib<=1000"), "not known before it runs there"),
        (("linux", "--budget", "flash_kib<=900", "--board", "linux"), "only asked for latency_ms"),
        (("virtual-m4", "--budget", "latency_ms<=9", "--port", "/dev/null"), "only a Linux device"),
        (("linux", "--speedup", "2", "--board", "linux"), "only asked for the latency of a --budget"),
        (("linux", "--speedup", "2", "--speedup-in", "instructions"), "no model of the runtime litert"),
        (
            ("linux", "--runtime", "native", "--speedup", "2", "--speedup-in", "tiles"),
            "no model of the runtime native",
        ),
        (("virtual-m4", "--speedup", "2", "--speedup-in", "tiles"), "has no LiteRT"),
    ],
)
def test_what_a_budget_cannot_limit_is_refused(shell: Shell, words: tuple[str, ...], said: str) -> None:
    refused = shell.refused("build", DIGITS, "--data", "sklearn:digits", "--target", *words)
    assert said in refused
    assert "hint:" in refused


@pytest.mark.slow
def test_a_budget_of_measured_latency(shell: Shell) -> None:
    """No network is as fast as a nanosecond; a minute holds every one."""
    words = ("--data", "sklearn:digits", "--target", "linux", "--runtime", "native", "--epochs", "1")
    shell.run("build", DIGITS, *words, "--budget", "latency_ms<=60000", "--out", "roomy")
    found = json.loads((shell.folder / "roomy" / "manifest.json").read_text())["budget"]
    assert found["latency_from"] == "linux (hardware)"
    assert found["binding"] == "latency_ms" and found["speedup"] is None
    assert all(0 < point["latency_ms"] < 60000 for point in found["points"])
    assert "linux (hardware)" in (shell.folder / "roomy" / "report.html").read_text()
    shell.run("build", "roomy/recipe.toml", "--out", "again")  # nothing is pruned, and no option left over

    words = (*words, "--board", "linux", "--budget", "latency_ms<=0.000001", "--out", "never")
    refused = shell.refused("build", DIGITS, *words, status=3)
    assert "latency_ms binds" in refused and "out of reach" in refused
    assert not (shell.folder / "never").exists()
    assert "linux (hardware)" in (shell.folder / "never-budget.html").read_text()


def test_a_speedup_in_tiles(shell: Shell) -> None:
    words = ("--data", "sklearn:digits", "--target", "linux", "--epochs", "1", "--out", "tiles")
    made = shell.ask("build", DIGITS, *words, "--speedup", "1.5", "--speedup-in", "tiles")
    assert made["pruned"]["speedup"] > 1.5
    assert 'speedup_in = "tiles"' in (shell.folder / "tiles" / "recipe.toml").read_text()


@pytest.mark.parametrize(("quantize", "dtype"), [("float32", "float32"), ("dynamic", "float32")])
def test_float_networks_ship_too(shell: Shell, quantize: str, dtype: str) -> None:
    words = ("--data", "sklearn:digits", "--quantize", quantize, "--out", quantize)
    result = shell.ask("build", DIGITS, "--target", "linux", *words)
    manifest: dict[str, Any] = json.loads((shell.folder / quantize / "manifest.json").read_text())
    assert manifest["io"]["inputs"][0]["dtype"] == dtype
    assert abs(result["int8"]["accuracy"] - result["float"]["accuracy"]) < 0.02
    size = (shell.folder / quantize / "model.tflite").stat().st_size
    whole = (shell.folder / "float32" / "model.tflite").stat().st_size
    assert quantize == "float32" or size < 0.6 * whole
