"""Firmware with the hand-made network of `tiny_model/`, and Bundles of it, without the code generator."""

import hashlib
import json
import os
import random
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgeprune import __version__
from edgeprune.artifact import BUNDLE_SCHEMA, sha256_file
from edgeprune.device.firmware import runner_files
from edgeprune.device.target import Target, find_target
from edgeprune.device.toolchain import TOOLCHAINS, compile_firmware
from edgeprune.device.wire import PROTOCOL

TINY = Path(__file__).parent / "tiny_model"
HASH = "0123456789abcdef"
INPUT_BYTES = (300, 4, 8)
WRITE, USE_STACK, LOOPS, AGE = 1, 2, 3, 4  # actions: see tiny_model/model.c
OUTPUT_BYTES = 300


@dataclass(frozen=True)
class Built:
    """A firmware in memory."""

    image: bytes
    elf: bytes


def tiny_output(first: bytes, second: bytes, _action: bytes = b"", age: int = 0) -> bytes:
    """What the tiny network computes; `age` runs before, where the action is AGE."""
    return bytes((3 * value + second[i % 4] + 7 + age) & 0xFF for i, value in enumerate(first))


def tiny_inputs(seed: int, action: int = 0, value: int = 0) -> tuple[bytes, bytes, bytes]:
    """Random inputs of the tiny network, and what it is to do besides."""
    draw = random.Random(seed)
    words = action.to_bytes(4, "little") + value.to_bytes(4, "little")
    return draw.randbytes(INPUT_BYTES[0]), draw.randbytes(INPUT_BYTES[1]), words


def tiny_sources(target: Target, protocol: int, state_bytes: int = 0) -> dict[str, str]:
    """All C of the tiny firmware, which claims to speak version `protocol` and to have a state."""
    files = runner_files(target)
    files |= {path.name: path.read_text(encoding="utf-8") for path in TINY.iterdir()}
    files["ep_wire.h"] = files["ep_wire.h"].replace(
        f"#define EP_WIRE_PROTOCOL {PROTOCOL}u", f"#define EP_WIRE_PROTOCOL {protocol}u"
    )
    files["model.h"] = files["model.h"].replace("EP_STATE_BYTES 0", f"EP_STATE_BYTES {state_bytes}")
    return files


@cache
def tiny_firmware(
    target_name: str, toolchain: str = "zig", protocol: int = PROTOCOL, state_bytes: int = 0
) -> Built:
    """The tiny firmware for `target_name`; built once, kept in the temporary folder."""
    target = find_target(target_name)
    files = tiny_sources(target, protocol, state_bytes)
    key = hashlib.sha256(json.dumps([target_name, toolchain, sorted(files.items())]).encode()).hexdigest()
    kept = Path(tempfile.gettempdir()) / f"edgeprune-tiny-{os.getuid()}-{key[:24]}"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent) as name:
            sources = Path(name) / "src"
            sources.mkdir()
            for file, text in files.items():
                (sources / file).write_text(text, encoding="utf-8")
            made = Path(tempfile.mkdtemp(dir=kept.parent))
            compile_firmware(sources, target, made, TOOLCHAINS[toolchain])
            try:
                made.rename(kept)
            except OSError:  # another test process was faster
                assert kept.exists()
    return Built((kept / "firmware.bin").read_bytes(), (kept / "firmware.elf").read_bytes())


def tiny_bundle(folder: Path, target_name: str, samples: int = 4) -> Path:
    """A Bundle of the tiny network in `folder`, as `build` would leave it."""
    folder.mkdir(parents=True)
    built = tiny_firmware(target_name)
    (folder / "firmware.bin").write_bytes(built.image)
    (folder / "firmware.elf").write_bytes(built.elf)
    inputs = [tiny_inputs(seed) for seed in range(samples)]
    (folder / "parity_inputs.bin").write_bytes(b"".join(b"".join(sample) for sample in inputs))
    (folder / "parity_outputs.bin").write_bytes(b"".join(tiny_output(*sample) for sample in inputs))
    layers = [
        {"index": i, "name": name, "op": "TINY", "macs": macs}
        for i, (name, macs) in enumerate([("multiply", 300), ("spin", 0), ("add", 0)])
    ]
    manifest = {
        "schema": BUNDLE_SCHEMA,
        "version": __version__,
        "target": target_name,
        "model_hash": HASH,
        "memory": {},
        "layers": layers,
        "parity": {"inputs": samples, "seed": 0},
        "io": {
            "inputs": [
                {"shape": [300], "dtype": "uint8"},
                {"shape": [2, 2], "dtype": "int8"},
                {"shape": [2], "dtype": "int32"},
            ],
            "outputs": [{"shape": [10, 30], "dtype": "uint8"}],
        },
        "files": {path.name: sha256_file(path) for path in sorted(folder.iterdir())},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
