"""Wheels for a device: which ones pip takes, and what is said where it cannot."""

import os
import zipfile
from pathlib import Path

import pytest

from edgeprune.device.target import find_target
from edgeprune.device.wheels import download_wheels
from edgeprune.errors import UsageError

TAGS_OF_VERSIONS = (
    ("1.0", "py3-none-any"),
    ("1.1", "cp311-cp311-manylinux_2_27_aarch64"),
    ("1.1", "cp313-cp313-manylinux_2_34_aarch64.manylinux_2_35_aarch64"),
    ("1.2", "cp311-cp311-manylinux2014_x86_64"),
    ("1.3", "cp311-cp311-manylinux_2_35_aarch64"),
    ("1.4", "cp312-cp312-manylinux_2_27_aarch64"),
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, all that pip can see."""
    folder = tmp_path / "index"
    folder.mkdir()
    for version, tags in TAGS_OF_VERSIONS:
        write_wheel(folder, version, tags)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def write_wheel(folder: Path, version: str, tags: str) -> None:
    about = f"demo-{version}.dist-info"
    with zipfile.ZipFile(folder / f"demo-{version}-{tags}.whl", "w") as wheel:
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n")
        wheel.writestr(f"{about}/RECORD", "")


def test_wheels_are_those_of_the_device(index: Path, tmp_path: Path) -> None:
    """Of its machine, no newer than its glibc (2.34), for both releases of Raspberry Pi OS."""
    found = download_wheels("demo>=1  # any\n", find_target("rpi4"), tmp_path / "wheels")
    assert [path.name for path in found] == [
        "demo-1.1-cp311-cp311-manylinux_2_27_aarch64.whl",
        "demo-1.1-cp313-cp313-manylinux_2_34_aarch64.manylinux_2_35_aarch64.whl",
    ]
    assert found == sorted((tmp_path / "wheels").iterdir())
    (one,) = download_wheels("demo\n", find_target("rpi4"), tmp_path / "one", ["3.12"])
    assert one.name == "demo-1.4-cp312-cp312-manylinux_2_27_aarch64.whl"
    (one,) = download_wheels("demo", find_target("linux"), tmp_path / "here", ["3.11"])
    assert one.name == "demo-1.2-cp311-cp311-manylinux2014_x86_64.whl"


def test_a_package_without_a_wheel_is_refused(index: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"for rpi4 and Python 3\.13: .*No matching distribution") as refused:
        download_wheels("demo==1.3", find_target("rpi4"), tmp_path / "wheels", ["3.13"])
    assert "python3 --version" in (refused.value.hint or "")


def test_without_a_network_that_is_said(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the port `discard`: nobody is there
    monkeypatch.setenv("PIP_RETRIES", "1")
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with pytest.raises(UsageError, match="no way to the package index") as refused:
        download_wheels("another", find_target("rpi4"), tmp_path / "wheels")
    assert "without --wheels" in (refused.value.hint or "")


def test_a_target_without_python_has_no_wheels(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="android-arm64 runs no Python"):
        download_wheels("demo", find_target("android-arm64"), tmp_path / "wheels")
