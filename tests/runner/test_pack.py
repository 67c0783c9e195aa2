"""runner.pyz: one file that runs alone; requirements.txt: pins that all have wheels."""

import ast
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from runner.releases import ROOT, environment
from support.tools import require_module

from edgeprune.errors import UsageError
from edgeprune.runner.linux.operators import VERSION
from edgeprune.runner.linux.pack import ENVIRONMENTS, modules, requirements, runner_pyz
from edgeprune.runner.linux.release import SUMS, sums_of

HEAVY = {"numpy", "pydantic", "click", "serial", "ai_edge_litert", "tflite_runtime", "unicorn", "tensorflow"}


@pytest.fixture(scope="module")
def release(tiny_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with its runner, far from our sources."""
    folder = tmp_path_factory.mktemp("packed")
    for name in ("model.tflite", "release.json"):
        (folder / name).write_bytes((tiny_release / name).read_bytes())
    (folder / "runner.pyz").write_bytes(runner_pyz())
    (folder / SUMS).write_bytes(sums_of(folder, ["model.tflite", "release.json", "runner.pyz"]))
    return folder


def test_it_runs_alone(release: Path, tmp_path: Path) -> None:
    """Isolated, from another folder, and although our package is installed here: its own modules run."""
    done = subprocess.run(
        [sys.executable, "-I", release / "runner.pyz", "check"],
        capture_output=True,
        cwd=tmp_path,
        env=environment(PYTHONPATH=""),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True


def test_only_its_own_modules_are_used(release: Path, tmp_path: Path) -> None:
    script = f"""
import runpy, sys
sys.argv = [{str(release / "runner.pyz")!r}, "check"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    assert end.code == 0, end.code
ours = {{name: module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "edgeprune"}}
assert len(ours) > 10
assert all({str(release)!r} in file for file in ours.values()), ours
"""
    subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=tmp_path, env=environment(), timeout=60, check=True
    )


def test_the_same_sources_give_the_same_bytes() -> None:
    code = "import sys, hashlib; from edgeprune.runner.linux.pack import runner_pyz; "
    code += "print(hashlib.sha256(runner_pyz()).hexdigest())"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment(PYTHONHASHSEED=seed, TZ=zone),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert said == {hashlib.sha256(runner_pyz()).hexdigest()}


def test_the_archive_is_plain() -> None:
    with zipfile.ZipFile(io.BytesIO(runner_pyz())) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert names == ["__main__.py", *modules()]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_it_holds_what_it_needs_and_nothing_else() -> None:
    paths = modules()
    assert "edgeprune/device/wire.py" in paths
    assert "edgeprune/runner/linux/pack.py" not in paths
    for path in paths:
        for node in ast.parse((ROOT / path).read_text("utf-8")).body:  # at import time
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & HEAVY, path


def test_old_pythons_can_read_it() -> None:
    """Python 3.10 is the oldest that there is LiteRT for; what is newer must not be needed."""
    newer = r"\b(tomllib|datetime\.UTC|file_digest|ExceptionGroup|StrEnum|Self|assert_never|LiteralString)\b"
    for path in modules():
        text = (ROOT / path).read_text("utf-8")
        ast.parse(text, feature_version=(3, 10))
        assert not re.search(newer, text), path


@pytest.mark.parametrize("runtime", ENVIRONMENTS.names)
def test_every_requirement_is_pinned(runtime: str) -> None:
    lines = requirements(runtime).splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) > 3
    for line in lines[1:]:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9.]+", line)


def test_the_pins_are_complete_and_what_is_tested_here() -> None:
    """All that LiteRT asks for is named, and its version is that of the profiler's layouts."""
    require_module("ai_edge_litert")
    pins = dict(pin.split("==") for pin in ENVIRONMENTS["litert"].pins)
    needed = [
        re.split(r"[ ;<>=!~]", each)[0]
        for each in metadata.requires("ai-edge-litert") or ()
        if "extra" not in each
    ]
    plain = {name.replace("_", "-").lower() for name in pins}
    assert {name.replace("_", "-").lower() for name in needed} <= plain
    assert pins["ai-edge-litert"] == VERSION == metadata.version("ai-edge-litert")


@pytest.mark.parametrize(
    ("runtime", "python"), [("litert", "3.9"), ("litert", "3.14"), ("tflite-runtime", "3.12")]
)
def test_pythons_without_wheels_are_refused(runtime: str, python: str) -> None:
    with pytest.raises(UsageError, match=f"is not for Python {python}"):
        requirements(runtime, python)
    with pytest.raises(UsageError, match="unknown runtime"):
        requirements("onnx")


def test_requirements_do_not_change_with_our_version() -> None:
    """Their hash names the environment, which releases share."""
    from edgeprune import __version__

    assert __version__ not in requirements().replace("ai-edge-litert==2.3.0", "").splitlines()[0]
