"""Releases: whole or refused; the content is what both sides compute."""

import hashlib
import json
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from support.tools import require_tool

from edgeprune.errors import ModelError
from edgeprune.runner.linux.release import content_of, listed, open_release, release_id, sums_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release with a file in a folder."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a-1.whl").write_bytes(b"wheel" * 1000)
    (tmp_path / "model.tflite").write_bytes(b"model")
    described = {"schema": 1, "target": "rpi4", "runtime": "litert", "edgeprune": "0.1.0", "model_hash": "ab"}
    (tmp_path / "release.json").write_text(json.dumps(described))
    names = ["wheels/a-1.whl", "model.tflite", "release.json"]
    (tmp_path / "SHA256SUMS").write_bytes(sums_of(tmp_path, names))
    (tmp_path / "not_shipped").write_bytes(b"x")
    return tmp_path


def test_the_content_is_all_files_in_the_order_of_the_sums(folder: Path) -> None:
    names = ["model.tflite", "release.json", "wheels/a-1.whl", "SHA256SUMS"]
    whole = b"".join((folder / name).read_bytes() for name in names)
    content = content_of(folder)
    assert (content.length_bytes, content.crc32) == (len(whole), zlib.crc32(whole))


def test_the_id_is_of_the_sums(folder: Path) -> None:
    release = open_release(folder)
    sums = (folder / "SHA256SUMS").read_bytes()
    assert release.id == release_id(sums) == hashlib.sha256(sums).hexdigest()[:12]
    assert (release.target, release.runtime, release.edgeprune, release.model_hash) == (
        *("rpi4", "litert", "0.1.0", "ab"),
    )


def test_sha256sum_agrees(folder: Path) -> None:
    program = require_tool("sha256sum")
    subprocess.run(
        [program, "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True
    )
    names = ["model.tflite", "release.json", "wheels/a-1.whl"]
    said = subprocess.run([program, *names], cwd=folder, check=True, capture_output=True).stdout
    assert said == (folder / "SHA256SUMS").read_bytes()


@pytest.mark.parametrize("name", ["model.tflite", "wheels/a-1.whl", "release.json"])
def test_one_changed_bit_is_found(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=f"{name} is damaged"):
        open_release(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    shutil.rmtree(folder / "wheels")
    with pytest.raises(ModelError, match=r"wheels/a-1\.whl cannot be read: No such file") as raised:
        open_release(folder)
    assert raised.value.hint


ZEROS = "0" * 64


@pytest.mark.parametrize(
    "sums",
    [
        "",
        "rubbish\n",
        f"{ZEROS}  ../outside\n",
        f"{ZEROS}  /etc/passwd\n",
        f"{ZEROS}  a/../../b\n",
        f"{ZEROS}  a\\b\n",
        f"{ZEROS[:-1]}  short\n",
        f"{ZEROS}  twice\n{ZEROS}  twice\n",
        "\xff\n",
    ],
)
def test_sums_that_lead_elsewhere_or_nowhere_are_refused(sums: str) -> None:
    with pytest.raises(ModelError, match="SHA256SUMS"):
        listed(sums.encode("latin-1"))


@pytest.mark.parametrize("change", [{"schema": 2}, {"target": None}, "text"])
def test_descriptions_are_read_strictly(folder: Path, change: object) -> None:
    described = json.loads((folder / "release.json").read_text())
    if isinstance(change, dict):
        described |= change
        described = {key: value for key, value in described.items() if value is not None}
    (folder / "release.json").write_text(json.dumps(described) if isinstance(change, dict) else "{")
    (folder / "SHA256SUMS").write_bytes(sums_of(folder, ["release.json"]))
    with pytest.raises(ModelError, match=r"release\.json|release schema 2"):
        open_release(folder)
