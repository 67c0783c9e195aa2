"""The virtual Pi: what its programs see, a virtual environment in it, and LiteRT's bytes on its CPUs."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.pi import VirtualPi, lend_venv, litert_venv, virtual_pi
from support.tools import require_module

from edgeprune.device.emulator import pi as pi_module
from edgeprune.device.emulator.pi import PROCESSORS, environment, find_qemu_user, hide
from edgeprune.device.emulator.pi_root import root_folder
from edgeprune.device.target import find_target, target_names
from edgeprune.errors import NotFoundError, ToolError, UsageError
from edgeprune.runner.linux.system import EMULATED

EMULATED_TARGETS = [name for name in target_names() if find_target(name).board == "qemu-user"]
BOARDS = {
    "rpi3": ("0xd03", "Raspberry Pi 3 Model B+"),
    "rpi4": ("0xd08", "Raspberry Pi 4 Model B"),
    "rpi5": ("0xd0b", "Raspberry Pi 5"),
    "rpi-zero2w": ("0xd03", "Raspberry Pi Zero 2 W"),
}
LOOK = """
import json, os, sys
print(json.dumps({
    "machine": os.uname().machine,
    "executable": sys.executable,
    "prefix": sys.prefix,
    "libc": os.confstr("CS_GNU_LIBC_VERSION"),
    "cpuinfo": open("/proc/cpuinfo").read(),
    "board": open("/proc/device-tree/model").read(),
    "possible": open("/sys/devices/system/cpu/possible").read(),
}))
"""
# Writes LiteRT's outputs, one after the other, to the file `outputs`.
LITERT = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
with open("outputs", "wb") as file:
    for x in np.load(sys.argv[2]):
        interpreter.set_tensor(given["index"], x)
        interpreter.invoke()
        file.write(interpreter.get_tensor(made["index"]).tobytes())
"""


@pytest.fixture
def pi(tmp_path: Path) -> VirtualPi:
    return virtual_pi(tmp_path / "a pi's folder", "rpi4")


@pytest.mark.parametrize("name", EMULATED_TARGETS)
def test_programs_of_a_virtual_pi_see_that_board(tmp_path: Path, name: str) -> None:
    pi = virtual_pi(tmp_path / "pi", name)
    seen = SimpleNamespace(**json.loads(pi.run("python3", "-c", LOOK)))
    assert (seen.machine, seen.executable) == ("aarch64", str(pi.folder / "bin" / "python3"))
    part, board = BOARDS[name]
    cores = [line for line in seen.cpuinfo.splitlines() if line.startswith("CPU part")]
    assert [line.split()[-1] for line in cores] == [part] * 4
    assert seen.board == f"{board} (emulated by QEMU)\0"
    assert seen.possible == "0-3\n"


def test_what_an_installer_asks_for(pi: VirtualPi) -> None:
    assert pi.run("uname", "-m") == "aarch64\n"
    assert pi.run("sh", "-c", "uname -sm") == "Linux aarch64\n"
    assert pi.run("getconf", "LONG_BIT") == "64\n"
    seen = json.loads(pi.run("python3", "-c", LOOK))
    assert pi.run("getconf", "GNU_LIBC_VERSION").strip() == seen["libc"]
    pi.run("systemctl", "--user", "show-environment", status=1)
    assert pi.environment[EMULATED] == "1"


def test_the_environment_is_the_pis_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "LD_PRELOAD", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "QEMU_STRACE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "pip.conf").write_text("")
    pi = virtual_pi(tmp_path / "pi", "rpi4")
    passed = {name for name in pi.environment if pi.environment[name] == os.environ.get(name)}
    assert {"PIP_INDEX_URL", "https_proxy"} <= passed
    assert not {"PYTHONPATH", "LD_PRELOAD", "XDG_RUNTIME_DIR", "QEMU_STRACE"} & set(pi.environment)
    assert pi.environment["PIP_CONFIG_FILE"] == str(tmp_path / "pip" / "pip.conf")
    assert pi.environment["HOME"] == str(pi.home)
    assert pi.run("sh", "-c", "echo ~") == f"{pi.home}\n"


def test_what_this_machine_measures_is_hidden(pi: VirtualPi, tmp_path: Path) -> None:
    temperature = tmp_path / "temp"
    temperature.write_text("42000\n")
    read = ("python3", "-c", f"print(open({str(temperature)!r}).read())")
    assert pi.run(*read) == "42000\n\n"
    hide(pi.folder, temperature)
    pi.run(*read, status=1)
    for pattern in pi_module.HIDDEN:
        shown = [
            path
            for path in Path("/").glob(pattern)
            if not (pi.folder / "root" / path.relative_to("/")).is_dir()
        ]
        assert not shown


def test_a_second_look_leaves_a_running_pi_alone(pi: VirtualPi) -> None:
    files = [path for path in pi.folder.rglob("*") if path.is_file() or path.is_symlink()]
    assert len(files) >= 10
    before = {path: path.lstat() for path in files}
    again = environment(pi.folder, find_target("rpi4"))
    assert again == pi.environment
    assert {path: path.lstat().st_ino for path in files} == {path: s.st_ino for path, s in before.items()}
    (pi.folder / "bin" / "uname").write_text("damaged")
    (pi.folder / "bin" / "python3").chmod(0o644)
    environment(pi.folder, find_target("rpi4"))
    assert pi.run("uname", "-m") == "aarch64\n"
    assert pi.run("python3", "-c", "print(1)") == "1\n"


def test_a_virtual_environment_is_one_of_the_pi(pi: VirtualPi) -> None:
    """Made by `python3 -m venv` and pip under emulation; here only looked at, it takes half a minute."""
    python = litert_venv() / "bin" / "python"
    look = "import sys, serial, os; print(sys.prefix, sys.executable, os.uname().machine, serial.__file__)"
    prefix, executable, machine, module = pi.run(python, "-I", "-c", look).split()
    assert (prefix, executable, machine) == (str(python.parents[1]), str(python), "aarch64")
    assert Path(module).is_relative_to(prefix)
    assert "aarch64" in next((python.parents[1] / "lib").glob("python3*/site-packages/numpy/_core/*.so")).name
    # pip's own scripts start it by its path, as those of a Pi do.
    assert "ai-edge-litert" in pi.run(python.parent / "pip", "list")


@pytest.mark.parametrize("target", ["rpi4", "rpi5"])
def test_litert_on_the_pi_gives_the_bytes_of_litert_here(
    target: str, tmp_path: Path, shared_data: Path
) -> None:
    require_module("ai_edge_litert.interpreter")
    model = shared_data / "mlperf_tiny" / "ic" / "pretrainedResnet_quant.tflite"
    inputs = np.random.default_rng(7).integers(-128, 128, (32, 1, 32, 32, 3), np.int8)
    np.save(tmp_path / "inputs.npy", inputs)
    pi = virtual_pi(tmp_path / "pi", target)
    python = lend_venv(tmp_path / "venv", pi)
    pi.run(python, "-c", LITERT, model, tmp_path / "inputs.npy")
    there = np.frombuffer((pi.home / "outputs").read_bytes(), np.int8).reshape(len(inputs), 10)
    here = _litert_here(model, inputs)
    assert len(np.unique(here, axis=0)) > 16  # the inputs do matter
    assert np.array_equal(there, here)


def _litert_here(model: Path, inputs: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    outputs = []
    for x in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.array(outputs)


def test_what_is_not_emulated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="QEMU emulates no linux") as refused:
        environment(tmp_path, find_target("linux"))
    assert refused.value.hint is not None
    assert all(name in refused.value.hint for name in BOARDS)
    assert {find_target(name).core for name in EMULATED_TARGETS} <= set(PROCESSORS)


def test_a_machine_without_the_tools_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("EDGEPRUNE_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(NotFoundError, match="qemu-aarch64") as told:
        find_qemu_user()
    assert (told.value.exit_status, told.value.hint) == (5, "sudo apt-get install qemu-user")
    with pytest.raises(NotFoundError, match="apt-get") as told:
        root_folder()
    assert told.value.exit_status == 5


def test_a_root_that_cannot_be_fetched_is_no_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = shutil.which("sh")
    for name, script in (("apt-get", "echo E: no route >&2; exit 100"), ("dpkg-deb", "exit 0")):
        (tmp_path / name).write_text(f"#!{shell}\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("EDGEPRUNE_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(ToolError, match="no route") as told:
        root_folder()
    assert "network" in (told.value.hint or "")
    assert not list((tmp_path / "cache" / "stages").iterdir())
