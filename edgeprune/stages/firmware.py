"""Stages on the int8 network: compile it for a target, test it on the host, measure it on a virtual board."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt

from edgeprune.artifact import Bundle, Stage, Store, code_hash, sha256_file, to_json, write_atomic
from edgeprune.codegen.generate import GeneratedC
from edgeprune.data import Dataset
from edgeprune.device.board import Board
from edgeprune.device.target import Target
from edgeprune.errors import BudgetError, InternalError, ModelError
from edgeprune.memory.plan import MemoryPlan
from edgeprune.ops.cores import PORTABLE, Goal, Optimize
from edgeprune.stages.network import Trained, check_is_file
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph, Tensor

if TYPE_CHECKING:
    from edgeprune.device.toolchain.build import Firmware

PARITY_INPUTS = 4
COMPILE_CODE = (
    "tflite",
    "ops",
    "memory",
    "codegen",
    "device/toolchain",
    "device/elf.py",
    "runner",
    "device/wire.py",
    "device/firmware.py",
    "stages",
)


def compile(store: Store, tflite: Stage, target: Target, toolchain: str, optimize: str) -> Stage:
    """From `.tflite` to firmware: read, plan memory, generate C, compile and link for `target`.

    `optimize` is a Goal's, or "auto": the fastest firmware that fits. Raises BudgetError if none does.
    """

    def make(result: Path, work: Path) -> None:
        graph, digest = _read(tflite)
        found: list[tuple[dict[str, Any], Path]] = []
        failed: BudgetError | None = None
        for number, goal in enumerate(_goals(target.core, optimize)):
            if found and goal.optimize != found[0][0]["optimize"]:
                break  # a faster one fits
            folder = work / str(number)
            try:
                found.append((_compiled(graph, digest, target, toolchain, goal, folder), folder))
            except BudgetError as error:
                failed = error
        if not found:
            assert failed is not None
            raise failed
        described, folder = min(found, key=lambda made: made[0]["memory"]["flash_bytes"])
        shutil.copytree(folder, result / "bundle", dirs_exist_ok=True)
        write_atomic(result / "compile.json", to_json(described))

    inputs = {
        "tflite": sha256_file(tflite.folder / "model.tflite"),
        "target": {p.name: sha256_file(p) for p in sorted(target.folder.iterdir()) if p.is_file()},
        "toolchain": toolchain,
        "optimize": optimize,
        "code": code_hash(*COMPILE_CODE),
    }
    return store.stage("compile", inputs, make)


def _goals(core: str, optimize: str) -> list[Goal]:
    """What to try, in this order; for size also the portable kernels, whose code is often smaller."""
    goals: list[Goal] = []
    for each in get_args(Optimize):
        if optimize in (each, "auto"):
            goals.append(Goal(core, each))
            goals += [Goal(core, each, is_portable=True)] if each == "size" and core != "host" else []
    return goals


def _compiled(
    graph: QuantGraph, digest: str, target: Target, toolchain: str, goal: Goal, folder: Path
) -> dict[str, Any]:
    """Compile into `folder`; what the manifest says about it."""
    from edgeprune.codegen.generate import generate
    from edgeprune.device.firmware import runner_files
    from edgeprune.device.toolchain import TOOLCHAINS, compile_firmware
    from edgeprune.device.toolchain.makefile import build_files
    from edgeprune.memory.order import plan_reordered
    from edgeprune.memory.planners import PLANNERS

    graph, plan = plan_reordered(graph, PLANNERS["exact"], goal)
    generated = generate(graph, plan, name=target.name, model_sha256=digest, goal=goal)
    sources = folder / "src"
    for name, text in {**generated.files, **runner_files(target)}.items():
        write_atomic(sources / name, text)
    tool = TOOLCHAINS[toolchain]
    made = compile_firmware(sources, target, folder, tool, goal.optimize)
    others = [other for other in TOOLCHAINS if other.name != toolchain]
    stack_bytes = made.sizes.stack_bytes if made.sizes else 0
    for name, text in build_files(target, [tool, *others], stack_bytes, goal.optimize).items():
        write_atomic(sources / name, text)
    return {
        "model_hash": digest[:16],
        "optimize": goal.optimize,
        "memory": _memory(plan, made, target),
        "macs": sum(layer.macs for layer in generated.layers),
        "params": sum(t.elements for t in graph.tensors if t.is_constant and t.dtype != "int32"),
        "layers": [asdict(layer) for layer in generated.layers],
        "plan": describe_plan(plan),
    }


def _memory(plan: MemoryPlan, made: "Firmware", target: Target) -> dict[str, Any]:
    sizes = made.sizes
    return {
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound_bytes": plan.lower_bound_bytes,
        "arena_is_optimal": plan.is_optimal,
        "stack_bytes": sizes.stack_bytes if sizes else None,
        "stack_bound_bytes": sizes.stack_bound_bytes if sizes else None,
        "ram_bytes": sizes.ram_bytes if sizes else None,
        "flash_bytes": sizes.flash_bytes if sizes else made.binary.stat().st_size,
        "ram_available_bytes": target.ram_available_bytes,
        "flash_available_bytes": target.flash_available_bytes,
    }


def _read(tflite: Stage) -> tuple[QuantGraph, str]:
    from edgeprune.ops.fold import fold
    from edgeprune.tflite.read import read

    path = tflite.folder / "model.tflite"
    return fold(read(path.read_bytes())), sha256_file(path)


def describe_plan(plan: MemoryPlan) -> list[dict[str, Any]]:
    """The buffers of a memory plan as JSON values."""
    return [
        {
            "name": buffer.name,
            "offset": offset,
            "size": buffer.size_bytes,
            "start": buffer.start,
            "stop": buffer.stop,
        }
        for buffer, offset in sorted(plan.offsets.items(), key=lambda item: (item[0].start, item[1]))
    ]


def write_c(model: Path, folder: Path, goal: Goal) -> tuple[GeneratedC, MemoryPlan]:
    """The C of the `.tflite` file `model`, alone, in `folder`; for a firmware that is not ours."""
    from edgeprune.codegen.generate import generate
    from edgeprune.memory.order import plan_reordered
    from edgeprune.memory.planners import PLANNERS
    from edgeprune.ops.fold import fold
    from edgeprune.tflite.read import read

    check_is_file(model)
    try:
        graph = fold(read(model.read_bytes()))
    except ModelError as error:
        raise ModelError(f"{model.name}: {error.message}", hint=error.hint) from error
    graph, plan = plan_reordered(graph, PLANNERS["exact"], goal)
    generated = generate(graph, plan, name=model.stem, model_sha256=sha256_file(model), goal=goal)
    for name, text in generated.files.items():
        write_atomic(folder / name, text)
    return generated, plan


def evaluate(
    store: Store, tflite: Stage, compiled: Stage, data: Dataset | None, trained: Trained | None, seed: int
) -> Stage:
    """Run portable C on the host: accuracy on the test set, and reference vectors for the board."""

    def make(result: Path, work: Path) -> None:
        from edgeprune.device.hostlib import HostModel

        write_c(tflite.folder / "model.tflite", work / "src", PORTABLE)
        graph, _ = _read(tflite)
        host = HostModel(work / "src", graph)
        accuracy, agreement = None, None
        if data is not None:
            top1 = classes_of(host, graph, data)
            accuracy = float(np.mean(top1 == data.y_test))
            if trained is not None:
                agreement = float(np.mean(top1 == np.load(trained.score.folder / "top1.npy")))
        parity = write_parity(result / "bundle", host, graph, seed)
        described = {"accuracy": accuracy, "agreement": agreement, "parity": parity}
        write_atomic(result / "evaluate.json", to_json(described))

    inputs = {
        "compile": compiled.key,
        "data": None if data is None else data.sha256,
        "score": trained.score.key if trained else None,
        "seed": seed,
        "code": code_hash("device/hostlib.py", "stages", "ops", "memory", "codegen", "tflite"),
    }
    return store.stage("evaluate", inputs, make)


def measure(store: Store, compiled: Stage, tested: Stage, tflite: Stage, target: Target) -> Stage | None:
    """Flash and profile on a virtual board of our own; None for a target that has none in this process."""
    if target.board != "unicorn":
        return None

    def make(result: Path, work: Path) -> None:
        board = Board(target.name, target, work / "board")
        profile = flash_and_profile(board, work / "bundle", compiled, tested, tflite, runs=1)
        write_atomic(result / "profile.json", to_json(profile))

    inputs = {
        "compile": compiled.key,
        "evaluate": tested.key,
        "code": code_hash("device", "profile"),
    }
    return store.stage("measure", inputs, make)


def flash_and_profile(
    board: Board, folder: Path, compiled: Stage, tested: Stage, tflite: Stage, *, runs: int | None = None
) -> dict[str, Any]:
    """The JSON of a Profile of what the stages have made, put together in `folder`, on `board`."""
    from edgeprune.device.flash import flash
    from edgeprune.profile.measure import profile

    made, test = compiled.json("compile.json"), tested.json("evaluate.json")
    for stage in (compiled, tested):
        shutil.copytree(stage.folder / "bundle", folder, dirs_exist_ok=True)
    manifest = {
        "target": board.target.name,
        "model_hash": made["model_hash"],
        "memory": made["memory"],
        "layers": made["layers"],
        "parity": test["parity"],
        "io": tflite.json("io.json"),
    }
    bundle = Bundle(folder, manifest)
    flash(bundle, board)
    return profile(bundle, board, runs).to_json()


def to_input(examples: Array, tensor: Tensor) -> Array:
    """Float examples as the network takes them: quantised for an integer input, rounding as TFLite does.

    Raises ModelError for an input type that examples cannot become.
    """
    if tensor.dtype == "float32":
        return examples.astype(np.float32)
    if tensor.dtype not in ("int8", "uint8", "int16"):
        raise ModelError(f"input {tensor.name!r} is {tensor.dtype}; examples are float32, int8 or uint8")
    limits = np.iinfo(DTYPES[tensor.dtype])
    scaled = np.asarray(examples, np.float32) / np.float32(tensor.scale)
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)) + tensor.zero_point
    quantized: Array = np.clip(rounded, limits.min, limits.max).astype(DTYPES[tensor.dtype])
    return quantized


def classify(tflite: Stage, data: Dataset, work: Path) -> npt.NDArray[np.int64]:
    """The class of each test example by the portable C of a `.tflite`, compiled in `work`."""
    from edgeprune.device.hostlib import HostModel

    write_c(tflite.folder / "model.tflite", work / "src", PORTABLE)
    graph, _ = _read(tflite)
    return classes_of(HostModel(work / "src", graph), graph, data)


def classes_of(host: Any, graph: QuantGraph, data: Dataset) -> npt.NDArray[np.int64]:
    """The class of each test example, by the generated C."""
    tensor = graph.tensors[graph.inputs[0]]
    found = []
    for start in range(0, len(data.x_test), 256):
        batch = to_input(data.batch(data.x_test[start : start + 256]), tensor)
        outputs = host.run_many(batch.reshape(-1, *tensor.shape[1:]))
        found.append(outputs.reshape(len(outputs), -1).argmax(axis=1))
    return np.concatenate(found)


def write_parity(folder: Path, host: Any, graph: QuantGraph, seed: int) -> dict[str, Any]:
    """Reference vectors: random inputs, run in a row, and what the operators' references make of them.

    The generated C must agree with the references on all of them, or there is no Bundle.
    """
    from edgeprune.ops import ReferenceModel

    rng = np.random.default_rng(seed)
    inputs, outputs = bytearray(), bytearray()
    reference = ReferenceModel(graph)
    host.reset()
    for number in range(PARITY_INPUTS):
        given = [random_input(graph.tensors[i], rng) for i in graph.inputs]
        expected = reference.run(given)
        for made, wanted, index in zip(host.run(given), expected, graph.outputs, strict=True):
            if made.tobytes() != wanted.tobytes():
                name = graph.tensors[index].name
                raise InternalError(
                    f"the generated C and the reference differ in {name!r}, input {number}",
                    hint="please report it with the model",
                )
        inputs += b"".join(np.ascontiguousarray(array).tobytes() for array in given)
        outputs += b"".join(np.ascontiguousarray(array).tobytes() for array in expected)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parity_inputs.bin").write_bytes(inputs)
    (folder / "parity_outputs.bin").write_bytes(outputs)
    return {"inputs": PARITY_INPUTS, "seed": seed}


def random_input(tensor: Tensor, rng: np.random.Generator) -> Array:
    """A random array of the tensor's shape and type; floats from 0 to 1."""
    dtype = DTYPES[tensor.dtype]
    if dtype.kind == "f":
        return rng.random(tensor.shape, np.float32)
    if dtype.kind == "b":
        return rng.integers(0, 2, tensor.shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, tensor.shape, dtype, endpoint=True)
