"""Stages for devices with an operating system: the release that ships, and what it computes, on the host.

A release is what goes to the device: for LiteRT the `.tflite` and the runner in Python, for the native
runtime one static program of our compiler's C; both with the same installer. Its files lie at the top of
the Bundle and are named in SHA256SUMS.

What is right differs by runtime. Our C computes what TensorFlow Lite Micro does, bit for bit. LiteRT's
XNNPACK kernels round otherwise here and there, so its reference is LiteRT itself on this computer, and how
often both agree on the class is said beside the accuracy.
"""

import logging
import shutil
import tempfile
from dataclasses import asdict
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune import __version__
from edgeprune.artifact import Stage, Store, code_hash, files_below, sha256_file, to_json, write_atomic
from edgeprune.data import Dataset
from edgeprune.device.target import LinuxSystem, Target
from edgeprune.errors import ModelError, UsageError
from edgeprune.ops.cores import Optimize
from edgeprune.recipe import Recipe
from edgeprune.runner.linux.release import SUMS, sums_of
from edgeprune.stages.firmware import PARITY_INPUTS, describe_plan, random_input, to_input, write_parity
from edgeprune.stages.network import Trained
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph
from edgeprune.tflite.read import read

log = logging.getLogger("edgeprune")

SCRIPTS = ("install.sh", "uninstall.sh", "start.sh", "supervise.sh", "edgeprune-runner.service")
# XNNPACK takes other kernels on other CPUs. A unit here and there becomes tens of units behind a softmax (87
# on one of 600 photographs, ResNet-8 on x86 against the reference kernels), but only in few outputs: by mean
# difference what rounds otherwise (2 units) is far from what is wrong (50 for scores of another class).
ALLOWED = {"i": 12.0, "u": 12.0, "f": 0.05, "b": 0.05}
PACKAGE_CODE = ("runner", "device", "stages/linux.py", "table.py", "errors.py")


def runtime_of(recipe: Recipe, target: Target) -> str:
    """The runtime that the recipe means; UsageError where the target does not serve it."""
    system = system_of(target)
    if recipe.runtime == "auto":
        return system.runtimes[0]
    if recipe.runtime not in system.runtimes:
        raise UsageError(
            f"target {target.name} has no runtime {recipe.runtime}",
            hint=f"--runtime {' or '.join(system.runtimes)}",
        )
    return recipe.runtime


def system_of(target: Target) -> LinuxSystem:
    """The Linux of a target of that kind."""
    assert target.linux is not None
    return target.linux


def package(store: Store, tflite: Stage, target: Target, recipe: Recipe) -> Stage:
    """Everything that goes to the device, in the stage's folder `bundle`; `compile.json` describes it."""
    runtime = runtime_of(recipe, target)

    def make(result: Path, work: Path) -> None:
        folder = result / "bundle"
        folder.mkdir()
        model = tflite.folder / "model.tflite"
        graph = read(model.read_bytes())
        layers = _layers(graph)
        described: dict[str, Any] = {
            "model_hash": sha256_file(model)[:16],
            "runtime": runtime,
            "optimize": recipe.optimize,
            "layers": layers,
            "plan": [],
            "macs": sum(layer["macs"] or 0 for layer in layers),
            "params": sum(t.elements for t in graph.tensors if t.is_constant and t.dtype != "int32"),
        }
        if runtime == "litert":
            _litert(folder, model, target, recipe)
            arena = dict.fromkeys(("arena_bytes", "arena_lower_bound_bytes", "arena_is_optimal"))
        else:
            arena = _native(folder, work, model, target, recipe, described)
        _finish(folder, target, described)
        described["memory"] = _memory(folder, target, arena)
        write_atomic(result / "compile.json", to_json(described))

    inputs = {
        "tflite": sha256_file(tflite.folder / "model.tflite"),
        "target": {p.name: sha256_file(p) for p in sorted(target.folder.iterdir()) if p.is_file()},
        "runtime": runtime,
        "wheels": recipe.wheels,
        "optimize": recipe.optimize if runtime == "native" else None,
        "code": code_hash(*PACKAGE_CODE, *(("ops", "memory", "codegen") if runtime == "native" else ())),
    }
    return store.stage("package", inputs, make)


def _litert(folder: Path, model: Path, target: Target, recipe: Recipe) -> None:
    from edgeprune.device.wheels import download_wheels
    from edgeprune.runner.linux.pack import requirements, runner_pyz

    (folder / "model.tflite").write_bytes(model.read_bytes())
    (folder / "runner.pyz").write_bytes(runner_pyz())
    wanted = requirements()
    (folder / "requirements.txt").write_text(wanted, encoding="utf-8")
    if recipe.wheels:
        download_wheels(wanted, target, folder / "wheels")


def _native(
    folder: Path, work: Path, model: Path, target: Target, recipe: Recipe, described: dict[str, Any]
) -> dict[str, Any]:
    """Compile the runner; returns the memory of its arena, and puts its layers and plan in `described`."""
    from edgeprune.device.native import RUNNER, build_native
    from edgeprune.ops.fold import fold

    optimize: Optimize = "speed" if recipe.optimize == "auto" else recipe.optimize
    graph = fold(read(model.read_bytes()))
    made = build_native(graph, target, work, model_sha256=sha256_file(model), optimize=optimize)
    (folder / RUNNER).write_bytes(made.elf.read_bytes())
    (folder / RUNNER).chmod(0o755)
    shutil.copytree(work / "src", folder / "src")
    described |= {
        "layers": [asdict(layer) for layer in made.layers],
        "plan": describe_plan(made.plan),
        "optimize": optimize,
    }
    return {
        "arena_bytes": made.plan.arena_bytes,
        "arena_lower_bound_bytes": made.plan.lower_bound_bytes,
        "arena_is_optimal": made.plan.is_optimal,
    }


def _finish(folder: Path, target: Target, described: dict[str, Any]) -> None:
    """The scripts, release.json, and the sums of all that goes to the device."""
    install = resources.files("edgeprune.runner.linux") / "install"
    for name in SCRIPTS:
        (folder / name).write_text((install / name).read_text(encoding="utf-8"), encoding="utf-8")
        (folder / name).chmod(0o755 if name.endswith(".sh") else 0o644)
    system, is_litert = system_of(target), described["runtime"] == "litert"
    release = {
        "schema": 1,
        "target": target.name,
        "machine": system.machine,
        "runtime": described["runtime"],
        "edgeprune": __version__,
        "model_hash": described["model_hash"],
        "glibc": system.glibc if is_litert else None,
        "python": system.python if is_litert else None,
        "layers": [
            {key: layer[key] for key in ("index", "name", "op", "macs")} for layer in described["layers"]
        ],
    }
    write_atomic(folder / "release.json", to_json(release))
    names = [path.relative_to(folder).as_posix() for path in files_below(folder)]
    shipped = sorted(name for name in names if not name.startswith("src/"))
    write_atomic(folder / SUMS, sums_of(folder, shipped))


def _memory(folder: Path, target: Target, arena: dict[str, Any]) -> dict[str, Any]:
    shipped = [path for path in files_below(folder) if (folder / "src") not in path.parents]
    return {
        **arena,
        "stack_bytes": None,
        "ram_bytes": None,
        "flash_bytes": sum(path.stat().st_size for path in shipped),
        "ram_available_bytes": target.ram_available_bytes,
        "flash_available_bytes": None,
    }


def _layers(graph: QuantGraph) -> list[dict[str, Any]]:
    """The operators of the `.tflite`; MACs of those that we have ourselves."""
    from edgeprune.ops import OPS

    layers = []
    for index, node in enumerate(graph.nodes):
        macs: int | None = None
        try:
            op = OPS[node.op].of(graph, node)
            macs = op.macs(op.checked(graph, node))
        except (ModelError, UsageError):  # LiteRT runs more than we compile: then the cost is not known
            log.debug("%s: its cost is not known", graph.place(node))
        name = graph.tensors[node.outputs[0]].name if node.outputs else node.op
        layers.append({"index": index, "name": name, "op": node.op, "macs": macs})
    return layers


class LiteRt:
    """A `.tflite` in LiteRT on this computer, with the kernels (XNNPACK) that it takes by itself."""

    def __init__(self, model: Path) -> None:
        """NotFound packages and models that LiteRT refuses are a UsageError and a ModelError."""
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise UsageError(
                "a Linux target needs LiteRT on this computer too: ai-edge-litert is not installed",
                hint="pip install 'edgeprune[linux]'",
            ) from error
        try:
            self._interpreter = Interpreter(model_path=str(model), num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{model.name}: LiteRT refuses it: {error}") from error
        self.version = metadata.version("ai-edge-litert")

    def run(self, inputs: list[Array]) -> list[Array]:
        """One inference; arrays have the shapes of the graph's tensors."""
        described = self._interpreter.get_input_details()
        for place, array in zip(described, inputs, strict=True):
            self._interpreter.set_tensor(place["index"], array)
        self._interpreter.invoke()
        return [
            np.array(self._interpreter.get_tensor(place["index"]))
            for place in self._interpreter.get_output_details()
        ]

    def classes(self, graph: QuantGraph, data: Dataset) -> npt.NDArray[np.int64]:
        """The class of each test example."""
        tensor = graph.tensors[graph.inputs[0]]
        found = np.empty(len(data.x_test), np.int64)
        for at in range(0, len(data.x_test), 256):
            batch = to_input(data.batch(data.x_test[at : at + 256]), tensor)
            for number, example in enumerate(batch):
                found[at + number] = self.run([example.reshape(tensor.shape)])[0].argmax()
        return found


def on_host(model: Path, runtime: str, data: Dataset) -> dict[str, npt.NDArray[np.int64]]:
    """The class of each test example by the runtime that ships (`host`) and by the `reference` kernels.

    What cannot be computed here is left out: the reference, where LiteRT runs what we do not compile.
    """
    graph = read(model.read_bytes())
    found: dict[str, npt.NDArray[np.int64]] = {}
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as work:
        compiled = _portable(model, Path(work))
        if compiled is not None:
            found["reference"] = compiled.classes(data)
    if runtime == "litert":
        found["host"] = LiteRt(model).classes(graph, data)
    return found


def evaluate(
    store: Store, tflite: Stage, packaged: Stage, data: Dataset | None, trained: Trained | None, seed: int
) -> Stage:
    """Accuracy of what ships, computed on the host by the same runtime, and reference vectors."""
    runtime = packaged.json("compile.json")["runtime"]

    def make(result: Path, work: Path) -> None:
        model = tflite.folder / "model.tflite"
        graph = read(model.read_bytes())
        compiled = _portable(model, work)
        described: dict[str, Any] = {"accuracy": None, "agreement": None, "reference_agreement": None}
        reference = None if data is None or compiled is None else compiled.classes(data)
        if runtime == "native":
            assert compiled is not None
            top1 = reference
            described["parity"] = compiled.parity(result / "bundle", seed)
        else:
            runner = LiteRt(model)
            top1 = None if data is None else runner.classes(graph, data)
            described["parity"] = _litert_parity(result / "bundle", runner, graph, seed)
        if data is not None and top1 is not None:
            described["accuracy"] = float(np.mean(top1 == data.y_test))
            if reference is not None:
                described["reference_agreement"] = float(np.mean(top1 == reference))
            if trained is not None:
                described["agreement"] = float(np.mean(top1 == np.load(trained.score.folder / "top1.npy")))
        write_atomic(result / "evaluate.json", to_json(described))

    inputs = {
        "package": packaged.key,
        "data": None if data is None else data.sha256,
        "score": trained.score.key if trained else None,
        "seed": seed,
        "code": code_hash("device/hostlib.py", "stages", "ops", "memory", "codegen", "tflite"),
    }
    return store.stage("evaluate", inputs, make)


def _litert_parity(folder: Path, runner: LiteRt, graph: QuantGraph, seed: int) -> dict[str, Any]:
    """Random inputs, and what LiteRT makes of them here."""
    rng = np.random.default_rng(seed)
    inputs, outputs = bytearray(), bytearray()
    for _ in range(PARITY_INPUTS):
        given = [random_input(graph.tensors[index], rng) for index in graph.inputs]
        inputs += b"".join(np.ascontiguousarray(array).tobytes() for array in given)
        outputs += b"".join(np.ascontiguousarray(array).tobytes() for array in runner.run(given))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parity_inputs.bin").write_bytes(inputs)
    (folder / "parity_outputs.bin").write_bytes(outputs)
    return {
        "inputs": PARITY_INPUTS,
        "seed": seed,
        "reference": f"LiteRT {runner.version} with XNNPACK on the build host",
        "output_dtypes": [DTYPES[graph.tensors[index].dtype].name for index in graph.outputs],
        "allowed_mean_difference": max(
            ALLOWED[DTYPES[graph.tensors[index].dtype].kind] for index in graph.outputs
        ),
    }


class _Portable:
    """The portable C of a network on this computer: what TensorFlow Lite Micro computes."""

    def __init__(self, model: Path, work: Path) -> None:
        from edgeprune.device.hostlib import HostModel
        from edgeprune.ops.cores import PORTABLE
        from edgeprune.ops.fold import fold
        from edgeprune.stages.firmware import write_c

        write_c(model, work / "portable", PORTABLE)
        self._graph = fold(read(model.read_bytes()))
        self._host = HostModel(work / "portable", self._graph)

    def classes(self, data: Dataset) -> npt.NDArray[np.int64]:
        from edgeprune.stages.firmware import classes_of

        return classes_of(self._host, self._graph, data)

    def parity(self, folder: Path, seed: int) -> dict[str, Any]:
        return write_parity(folder, self._host, self._graph, seed)


def _portable(model: Path, work: Path) -> _Portable | None:
    """None where LiteRT runs the network and our compiler does not."""
    try:
        return _Portable(model, work)
    except ModelError as error:
        log.info("           not compared with the reference: %s", error.message)
        return None
