"""The benchmark tool from end to end, on the smallest network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.tools import require_module

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_bench_measures_compares_and_draws(tmp_path: Path, shared_data: Path) -> None:
    require_module("tflite_micro")
    command = [sys.executable, "-m", "tools.bench", "--models", "ad", "--targets", "virtual-m4"]
    done = subprocess.run(
        [*command, "--inputs", "2", "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "virtual-m4: flash_bytes, --optimize size" in done.stdout
    rows = json.loads((tmp_path / "cores.json").read_text())["results"]
    assert [(row["model"], row["optimize"]) for row in rows] == [
        ("ad", g) for g in ("balanced", "size", "speed")
    ]
    for row in rows:
        assert row["mismatches"] == 0 and row["bytes_compared"] == 2 * 640
        assert 0 <= row["instructions"] - sum(layer["instructions"] for layer in row["layers"]) < 10
        assert row["stack_peak_bytes"] <= row["stack_bound_bytes"] <= 1.25 * row["stack_peak_bytes"]
    page = (tmp_path / "cores.html").read_text()
    assert page.count("<svg") == len({"instructions", "cycles", "ram", "flash"})
