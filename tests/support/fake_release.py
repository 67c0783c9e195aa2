"""Releases whose runner is `fake_runner.py`, in folders that pass for Bundles."""

import json
import platform
import random
import shlex
import sys
import zipfile
from pathlib import Path

from edgeprune.artifact import Bundle
from edgeprune.runner.linux.release import release_id, sums_of
from support.fake_runner import MODEL_HASH

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "edgeprune" / "runner" / "linux" / "install"
FAKE_RUNNER = Path(__file__).with_name("fake_runner.py")
PYTHON = str(Path(sys.executable).absolute())


def fake_bundle(
    folder: Path,
    behaviour: str = "good",
    *,
    runtime: str = "native",
    machine: str | None = None,
    glibc: str | None = None,
    python: str | None = None,
    filling: int = 0,
    note: str = "",
    wheels: tuple[Path, ...] = (),
    requirements: str = "",
) -> Bundle:
    """Write a release into `folder`; `note` makes another release of it, `filling` adds so many bytes."""
    folder.mkdir(parents=True)
    files: dict[str, bytes] = {path.name: path.read_bytes() for path in SCRIPTS.iterdir()}
    if runtime == "native":
        words = shlex.join([PYTHON, "-E", "-S", str(FAKE_RUNNER), behaviour])
        files["runner"] = f'#!/bin/sh\n# {note}\nexec {words} "$PWD" "$@"\n'.encode() + noise(filling, note)
    else:
        files["runner.pyz"] = (
            f"import os, runpy, sys  # {note}\n"
            "import tiny_wheel  # which the virtual environment must have\n"
            f"sys.argv = [{str(FAKE_RUNNER)!r}, {behaviour!r}, os.getcwd(), *sys.argv[1:]]\n"
            f"runpy.run_path({str(FAKE_RUNNER)!r}, run_name='__main__')\n"
        ).encode()
        files["model.tflite"] = noise(filling, note)
        files["requirements.txt"] = requirements.encode()
    for wheel in wheels:
        files[f"wheels/{wheel.name}"] = wheel.read_bytes()
    description = {
        "schema": 1,
        "target": "linux",
        "machine": machine or platform.machine(),
        "runtime": runtime,
        "edgeprune": "0",
        "model_hash": MODEL_HASH,
        "glibc": glibc,
        "python": python,
        "layers": [{"index": 0, "name": 'a, "machine": {', "op": "conv2d", "macs": 1}],
    }
    files["release.json"] = json.dumps(description, indent=1).encode()
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "SHA256SUMS").write_bytes(sums_of(folder, files))
    return Bundle(folder, {"target": "linux", "model_hash": MODEL_HASH})


def id_of(bundle: Bundle) -> str:
    """The name of the Bundle's release."""
    return release_id((bundle.path / "SHA256SUMS").read_bytes())


def tiny_wheel(folder: Path, version: str) -> Path:
    """A wheel with one module, which `runner.pyz` of a fake release imports."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"tiny_wheel-{version}-py3-none-any.whl"
    about = f"tiny_wheel-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny_wheel.py", f"VERSION = {version!r}\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: tiny-wheel\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        names = ("tiny_wheel.py", f"{about}/METADATA", f"{about}/WHEEL", f"{about}/RECORD")
        wheel.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in names))
    return path


def litert_bundle(tmp_path: Path, note: str, version: str = "1.0", wanted: str = "") -> Bundle:
    """A release that needs the tiny wheel in a virtual environment."""
    wheel = tiny_wheel(tmp_path / "wheels", version)
    requirements = f"tiny-wheel=={wanted or version}\n"
    return fake_bundle(
        tmp_path / note,
        runtime="litert",
        glibc="2.0",
        python="3.0",
        note=note,
        wheels=(wheel,),
        requirements=requirements,
    )


def noise(count: int, note: str) -> bytes:
    """Bytes that no compression makes small, and that a shell takes for a comment that never ends."""
    return b"# " + random.Random(note).randbytes(count).replace(b"\n", b" ") if count else b""
