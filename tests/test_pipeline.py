"""The whole pipeline: what a Bundle holds, that it is made again byte for byte, and that nothing is lost."""

import json
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from support.commands import BUILD_DIGITS, Built, Shell, files_of
from support.tools import require_tool

from edgeprune.artifact import Store

STAGES = ["load", "score", "prunability", "prune", "finetune", "quantize", "compile", "evaluate", "measure"]


def test_build_json_is_that_of_the_interface(digits: Built) -> None:
    result = digits.result
    assert set(result) == {
        *("bundle", "target", "seed", "float", "pruned", "int8", "memory", "fits", "stages"),
    }
    assert set(result["float"]) == {"accuracy", "macs", "params"}
    assert set(result["pruned"]) == {"method", "accuracy", "macs", "params", "speedup"}
    assert set(result["int8"]) == {"accuracy", "agreement"}
    assert set(result["memory"]) == {
        *("arena_bytes", "arena_lower_bound_bytes", "arena_is_optimal", "stack_bytes"),
        *("stack_bound_bytes", "ram_bytes"),
        *("flash_bytes", "ram_available_bytes", "flash_available_bytes"),
    }
    assert [stage["name"] for stage in result["stages"]] == STAGES
    assert all(set(stage) == {"name", "seconds", "cached"} for stage in result["stages"])
    assert not any(stage["cached"] for stage in result["stages"])
    assert (result["target"], result["seed"], result["fits"]) == ("virtual-m4", 0, True)


def test_build_gives_what_was_asked(digits: Built) -> None:
    result, memory = digits.result, digits.result["memory"]
    pruned = result["pruned"]
    assert pruned["speedup"] == result["float"]["macs"] / pruned["macs"]
    assert 2.0 <= pruned["speedup"] < 2.1
    assert result["float"]["accuracy"] > 0.95
    assert pruned["accuracy"] > 0.8
    assert result["int8"]["accuracy"] > pruned["accuracy"] - 0.05
    assert 0.8 < result["int8"]["agreement"] <= 1
    assert memory["arena_lower_bound_bytes"] <= memory["arena_bytes"] < memory["ram_bytes"]
    assert memory["arena_is_optimal"] == (memory["arena_bytes"] == memory["arena_lower_bound_bytes"])
    assert memory["ram_bytes"] <= memory["ram_available_bytes"]
    assert memory["flash_bytes"] == (digits.bundle / "firmware.bin").stat().st_size


def test_build_says_nothing_but_its_own_words(digits: Built) -> None:
    """TensorFlow, Keras and absl talk on neither stream."""
    for word in ("oneDNN", "absl", "WARNING", "I0000", "tensorflow", "Keras"):
        assert word not in digits.said.stderr
    assert digits.said.stderr.startswith("load ")


def test_bundle_holds_what_the_interface_says(digits: Built) -> None:
    manifest = json.loads((digits.bundle / "manifest.json").read_text())
    held = set(files_of(digits.bundle))
    assert held == {*manifest["files"], "manifest.json"}
    assert held >= {
        "model.tflite",
        "recipe.toml",
        "report.html",
        "firmware.elf",
        "firmware.bin",
        "src/Makefile",
    }
    result = digits.result
    for key in set(result) - {"bundle", "stages"}:
        assert manifest[key] == result[key]
    assert manifest["schema"] == 1
    assert manifest["versions"]["edgeprune"]
    assert str(digits.shell.folder) not in (digits.bundle / "manifest.json").read_text()


def test_second_build_reuses_every_stage(digits: Built) -> None:
    recipe = digits.bundle / "recipe.toml"
    again = digits.shell.ask("build", recipe, "--out", "again")
    assert all(stage["cached"] for stage in again["stages"])
    assert files_of(digits.shell.folder / "again") == files_of(digits.bundle)


def test_seed_on_the_command_line_wins_over_the_recipe(digits: Built) -> None:
    model = digits.bundle / "model.tflite"
    (digits.shell.folder / "r.toml").write_text(f"model = {json.dumps(str(model))}\nseed = 3\n")
    assert digits.shell.ask("build", "r.toml", "--out", "s3")["seed"] == 3
    assert digits.shell.ask("build", "r.toml", "--seed", "4", "--out", "s4")["seed"] == 4


def test_interrupted_training_resumes_to_the_same_bytes(digits: Built) -> None:
    """In another cache, so nothing of the first build is reused: the same bytes twice."""
    shell = Shell(digits.shell.folder, cache="other-cache")
    status, said = shell.interrupt("epoch 2/3", *BUILD_DIGITS, "--out", "resumed")
    assert status == 130, said
    assert "Traceback" not in said
    assert not (shell.folder / "resumed").exists()
    done = shell.run(*BUILD_DIGITS, "--out", "resumed")
    assert "resuming after epoch" in done.stderr
    assert files_of(shell.folder / "resumed") == files_of(digits.bundle)


def test_two_builds_at_once_make_a_stage_once(tmp_path: Path) -> None:
    made = []

    def make(result: Path, work: Path) -> None:
        made.append(work)
        time.sleep(0.2)
        (result / "file").write_text("made")

    with ThreadPoolExecutor(3) as pool:
        stages = list(pool.map(lambda _: Store(tmp_path).stage("one", {"of": 1}, make), range(3)))
    assert len(made) == 1
    assert sorted(stage.cached for stage in stages) == [False, True, True]
    assert {(stage.folder / "file").read_text() for stage in stages} == {"made"}


def test_damaged_store_is_made_again(digits: Built) -> None:
    model = digits.bundle / "model.tflite"
    shell = Shell(digits.shell.folder, cache="damaged-cache")
    shell.run("build", model, "--out", "first", "-q")
    image = next(shell.folder.glob("damaged-cache/stages/compile-*/bundle/firmware.bin"))
    image.write_bytes(image.read_bytes()[:-1])
    done = shell.run("build", model, "--out", "second")
    assert "stored stage is damaged" in done.stderr
    assert files_of(shell.folder / "second") == files_of(shell.folder / "first")


def test_sources_build_by_themselves_to_the_same_firmware(digits: Built, tmp_path: Path) -> None:
    require_tool("make")
    sources = shutil.copytree(digits.bundle / "src", tmp_path / "src")
    command = ["make", "-s", f"PYTHON={sys.executable}"]
    done = subprocess.run(
        command, cwd=sources, env=digits.shell.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (sources / "firmware.elf").read_bytes() == (digits.bundle / "firmware.elf").read_bytes()


def test_report_needs_nothing_else(digits: Built) -> None:
    page = (digits.bundle / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|<link|<img|<iframe|@import|url\(", page)
    assert "modelled" in page
    assert digits.shell.ask("report", digits.bundle, "--out", "own.html") == {"report": "own.html"}
    assert (digits.shell.folder / "own.html").read_text(encoding="utf-8") == page


def test_profile_of_the_bundle_is_that_of_the_interface(digits: Built) -> None:
    digits.shell.run("flash", digits.bundle)
    profile = digits.shell.ask("profile", digits.bundle, "--runs", "1")
    assert profile["evidence"] == "modelled"
    assert profile["parity"] == {"inputs": 4, "mismatches": 0}
    assert profile["latency_us"]["median"] == profile["cycles"] * 1e6 / profile["clock_hz"]
    assert sum(layer["instructions"] for layer in profile["layers"]) <= profile["instructions"]
    assert profile["memory"]["stack_peak_bytes"] <= digits.result["memory"]["stack_bytes"]
    manifest = json.loads((digits.bundle / "manifest.json").read_text())
    assert profile["instructions"] == manifest["measured"]["instructions"]


def test_what_is_optimized_for_is_what_gets_better(digits: Built) -> None:
    def built(goal: str) -> dict[str, Any]:
        words = ["build", digits.bundle / "model.tflite", "--optimize", goal, "--out", f"for-{goal}"]
        digits.shell.run(*words)
        manifest = json.loads((digits.shell.folder / f"for-{goal}" / "manifest.json").read_text())
        assert manifest["measured"]["parity"]["mismatches"] == 0
        return dict(manifest)

    speed, balanced, size, auto = map(built, ("speed", "balanced", "size", "auto"))
    assert size["memory"]["flash_bytes"] < balanced["memory"]["flash_bytes"]
    assert speed["measured"]["instructions"] <= balanced["measured"]["instructions"]
    assert balanced["measured"]["instructions"] < size["measured"]["instructions"]
    assert (auto["optimize"], auto["measured"]["instructions"]) == (
        "speed",
        speed["measured"]["instructions"],
    )
