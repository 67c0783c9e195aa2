"""The last stage: pack what the others left into the Bundle, with its manifest and report.

The manifest holds nothing that differs between two builds of the same inputs: no times, no paths of
the machine. Stages stand in it by name, with null for what only one run has.
"""

import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeprune import __version__
from edgeprune.artifact import (
    BUNDLE_SCHEMA,
    MANIFEST,
    Stage,
    files_below,
    install_folder,
    is_replaceable,
    sha256_file,
    to_json,
    write_atomic,
)
from edgeprune.data import Dataset
from edgeprune.device.target import Target
from edgeprune.errors import UsageError, refused_by_system
from edgeprune.recipe import Recipe
from edgeprune.report.html import render
from edgeprune.stages.network import Trained
from edgeprune.stages.ship import Shipped

PACKAGES = ("numpy", "keras", "tensorflow-cpu", "tensorflow", "ziglang", "ai-edge-litert")


def check_place(out: Path) -> None:
    """Refuse, before any work is done, an output folder that is not ours to replace, or to make."""
    if out.name in ("", ".."):
        raise UsageError(f"--out {out} cannot be replaced as a whole", hint="name a new folder")
    if out.exists() and not is_replaceable(out):
        raise UsageError(f"{out} exists and is not a Bundle", hint="choose another --out, or remove it")
    parent = next(folder for folder in out.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise UsageError(f"{out}: {parent} is not a folder", hint="choose another --out")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(f"{out}: no permission to write in {parent}", hint="choose another --out")


def assemble(
    out: Path,
    recipe: Recipe,
    target: Target,
    tflite: Stage,
    trained: Trained | None,
    shipped: Shipped,
    data: Dataset | None,
    extras: Mapping[str, Any],
) -> dict[str, Any]:
    """Make the Bundle at `out`, replacing an older one as a whole; returns its manifest.

    `extras` are further entries of the manifest.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name[:100]}.new-"))
    except OSError as error:
        raise refused_by_system(error, f"cannot write {out}") from error
    try:
        made.chmod(0o755)
        shutil.copyfile(tflite.folder / "model.tflite", made / "model.tflite")
        for stage in (shipped.compiled, shipped.tested):
            shutil.copytree(stage.folder / "bundle", made, dirs_exist_ok=True)
        write_atomic(made / "recipe.toml", recipe.to_toml())
        profile = None if shipped.measured is None else shipped.measured.json("profile.json")
        manifest = _describe(recipe, target, tflite, trained, shipped, data)
        manifest |= {"measured": profile, **extras}
        manifest["files"] = _hashes(made)
        write_atomic(made / "report.html", render(manifest, profile))
        manifest["files"] = _hashes(made)
        write_atomic(made / MANIFEST, to_json(manifest))
        install_folder(made, out)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return manifest


def _hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files_below(folder)}


def _describe(
    recipe: Recipe,
    target: Target,
    tflite: Stage,
    trained: Trained | None,
    shipped: Shipped,
    data: Dataset | None,
) -> dict[str, Any]:
    firmware, test = shipped.compiled.json("compile.json"), shipped.tested.json("evaluate.json")
    ran = (*(trained.stages if trained else ()), tflite, *shipped.stages)
    return {
        "schema": BUNDLE_SCHEMA,
        "bundle": ".",
        "name": Path(recipe.model).stem,
        "target": target.name,
        "target_title": target.title,
        "target_status": target.status,
        "seed": recipe.seed,
        "model_sha256": sha256_file(tflite.folder / "model.tflite"),
        "model_hash": firmware["model_hash"],
        "float": _float(trained, firmware),
        "pruned": _pruned(trained, recipe),
        "int8": {key: test[key] for key in ("accuracy", "agreement", "reference_agreement") if key in test},
        "optimize": firmware["optimize"],
        "memory": firmware["memory"],
        "fits": True,
        "runtime": firmware.get("runtime"),
        "quantize": recipe.quantize,
        "stages": [{"name": stage.name, "seconds": None, "cached": None} for stage in ran],
        "data": None if data is None else _describe_data(data),
        "accuracy_stages": _accuracy_stages(trained, test, recipe),
        "network": _network(trained),
        "io": tflite.json("io.json"),
        "layers": firmware["layers"],
        "plan": firmware["plan"],
        "parity": test["parity"],
        "versions": _versions(),
    }


def _describe_data(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "sha256": data.sha256,
        "train_examples": len(data.x_train),
        "test_examples": len(data.x_test),
    }


def _float(trained: Trained | None, firmware: Mapping[str, Any]) -> dict[str, Any]:
    if trained is None:
        return {"accuracy": None, "macs": firmware["macs"], "params": firmware["params"]}
    network = trained.loaded.json("network.json")
    score = trained.score.json("score.json")["accuracy"]
    return {"accuracy": score, "macs": network["macs"], "params": network["params"]}


def _pruned(trained: Trained | None, recipe: Recipe) -> dict[str, Any] | None:
    if trained is None or not trained.steps:
        return None
    before, after = trained.loaded.json("network.json"), trained.final_network
    return {
        "method": recipe.method,
        "accuracy": trained.final.json("tuning.json")["accuracy"],
        "macs": after["macs"],
        "params": after["params"],
        "speedup": before["macs"] / after["macs"],
    }


def _accuracy_stages(
    trained: Trained | None, test: Mapping[str, Any], recipe: Recipe
) -> list[dict[str, Any]]:
    label = {"float32": "converted", "dynamic": "int8 weights"}.get(recipe.quantize, "int8")
    if trained is None:
        return [{"stage": label, "accuracy": test["accuracy"]}]
    macs = trained.loaded.json("network.json")["macs"]
    found = [("float", trained.score.json("score.json")["accuracy"])]
    for step in trained.steps:
        tuning = step.tuned.json("tuning.json")
        if len(trained.steps) == 1:
            found += [("pruned", tuning["accuracy_before"]), ("fine-tuned", tuning["accuracy"])]
        else:
            speedup = macs / step.pruned.json("network.json")["macs"]
            found.append((f"{speedup:.2f}x fewer MACs", tuning["accuracy"]))
    found.append((label, test["accuracy"]))
    return [{"stage": stage, "accuracy": accuracy} for stage, accuracy in found]


def _network(trained: Trained | None) -> list[dict[str, Any]]:
    """Cost of each layer before and after pruning."""
    if trained is None:
        return []
    before = trained.loaded.json("network.json")["layers"]
    after = {layer["name"]: layer for layer in trained.final_network["layers"]}
    return [
        {
            "name": layer["name"],
            "kind": layer["kind"],
            "macs_before": layer["macs"],
            "macs_after": after[layer["name"]]["macs"],
            "parameters_before": layer["params"],
            "parameters_after": after[layer["name"]]["params"],
        }
        for layer in before
    ]


def _versions() -> dict[str, str]:
    found = {"edgeprune": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
