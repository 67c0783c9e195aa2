"""The flow, as code. Read this first.

    MODEL ──load──► prune ──► fine-tune ──► quantize ──► .tflite ──► compile ──► firmware
                                                                       │            │
                                              evaluate (host, exact) ◄─┘            ▼
                                                       Bundle ◄── report ◄── measure (virtual board)

Every stage is a function from files to files, kept in the store under the hash of what it depends
on: a build that is repeated reuses what has not changed, and an interrupted one goes on. Only the
stages that train or convert import TensorFlow, and only when they run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgeprune.artifact import Stage, Store, write_atomic
from edgeprune.data import SCALES, Dataset
from edgeprune.device.board import Board
from edgeprune.device.board import find_board as find
from edgeprune.device.target import Target, find_target
from edgeprune.device.toolchain import TOOLCHAINS
from edgeprune.errors import BudgetError, UsageError
from edgeprune.prune.allocate import ALLOCATIONS
from edgeprune.prune.methods import METHODS
from edgeprune.quant.qat import check_installed
from edgeprune.recipe import DEFAULT_METHOD, TUNING, Recipe
from edgeprune.report.front import render_front
from edgeprune.stages import bundle, int8, linux, network, prunability, pruning
from edgeprune.stages.budget import Search, read_budget
from edgeprune.stages.ship import ship


@dataclass(frozen=True)
class Build:
    """What a build leaves: the Bundle's folder and manifest, and how each stage went."""

    bundle: Path
    manifest: dict[str, Any]
    stages: tuple[Stage, ...]

    def result(self) -> dict[str, Any]:
        """The JSON of INTERFACE.md section 3."""
        keys = ("target", "seed", "float", "pruned", "int8", "memory", "fits")
        return {
            "bundle": str(self.bundle),
            **{key: self.manifest[key] for key in keys},
            "stages": [stage.record() for stage in self.stages],
        }


def build(recipe: Recipe, store: Store, find_board: Callable[[], Board] | None = None) -> Build:
    """Run the whole pipeline and leave a Bundle at the recipe's `out`.

    `find_board` finds the Linux device on which a budget's latency is measured; this computer is found
    without.
    """
    target = find_target(recipe.target)
    model, out = Path(recipe.model), output_folder(recipe)
    bundle.check_place(out)
    _check_names(recipe)
    _check_used(recipe, model.suffix == ".tflite")
    _check_target(recipe, target)
    extras: dict[str, Any] = {}
    if recipe.budget is not None:
        recipe, extras["budget"] = _within_budget(recipe, store, target, out, find_board)
    elif find_board is not None:
        raise UsageError("a board is only asked for the latency of a --budget", hint="leave it out")
    trained, tflite, data = _network(recipe, model, store)
    shipped = ship(store, tflite, target, recipe, data, trained)
    if trained is not None and trained.prunability is not None:
        extras["prunability"] = prunability.describe(trained.prunability, recipe)
    if trained is not None and trained.steps:
        extras["pruning"] = pruning.describe(trained.steps, recipe)
    if trained is not None and data is not None:
        extras["quantization"] = int8.describe(store, trained, tflite, shipped.tested, data, recipe)
    stages = (*(trained.stages if trained else ()), tflite, *shipped.stages)
    manifest = bundle.assemble(out, recipe, target, tflite, trained, shipped, data, extras)
    return Build(out, manifest, stages)


def _within_budget(
    recipe: Recipe, store: Store, target: Target, out: Path, find_board: Callable[[], Board] | None
) -> tuple[Recipe, dict[str, Any]]:
    """The recipe that holds the budget, and the search for the manifest.

    Where none does, the points that were seen are left as a page beside `out`.
    """
    assert recipe.budget is not None
    limits = read_budget(recipe.budget)
    if Path(recipe.model).suffix == ".tflite":
        raise UsageError(
            "a .tflite cannot be pruned to a budget", hint="give the Keras model it was made from"
        )
    if recipe.speedup is not None:
        raise UsageError("--budget and --speedup both say how far to prune", hint="leave one out")
    if find_board is not None and (target.linux is None or "latency_ms" not in limits):
        raise UsageError(
            "a board is only asked for latency_ms, and only a Linux device: a serial line puts no firmware "
            "on a microcontroller",
            hint="leave it out",
        )
    if find_board is None and target.board == "process":
        find_board = partial(find, target)
    method = DEFAULT_METHOD if recipe.method is None else recipe.method
    loaded = network.load(store, Path(recipe.model))
    data = network.load_training_data(recipe, loaded)
    search = Search(
        store=store,
        loaded=loaded,
        scored=network.score(store, loaded, data),
        data=data,
        recipe=recipe.model_copy(update={"method": method}),
        target=target,
        limits=limits,
        find_board=find_board,
    )
    try:
        found = search.run()
    except BudgetError as error:
        page = out.with_name(f"{out.name}-budget.html")
        write_atomic(
            page,
            render_front(out.name, limits, [vars(point) for point in search.points], search.latency_from),
        )
        raise BudgetError(error.message, hint=f"{error.hint}; what was tried: {page}") from error
    return found.recipe, found.to_json(limits)


def _check_used(recipe: Recipe, is_tflite: bool) -> None:
    """Refuse options that this build would not look at, rather than ignore them."""
    is_trained_for_int8 = recipe.quantize == "int8-qat"
    if is_tflite and is_trained_for_int8:
        raise UsageError(
            "--quantize int8-qat: a .tflite is compiled as it is",
            hint="give the Keras model that it was made from",
        )
    if recipe.qat_epochs is not None and not is_trained_for_int8:
        raise UsageError("--qat-epochs would do nothing", hint="add --quantize int8-qat, or leave it out")
    if recipe.method not in (None, "none") or recipe.budget is not None:
        return
    names: tuple[str, ...] = (*TUNING, "samples") if is_tflite else TUNING
    if is_trained_for_int8:
        names = tuple(name for name in names if name not in ("batch_size", "augment", "distill"))
    unused = [name for name in names if getattr(recipe, name) != Recipe.model_fields[name].default]
    if unused:
        options = ", ".join("--" + name.replace("_", "-") for name in unused)
        why = "a .tflite is compiled as it is" if is_tflite else "nothing is pruned"
        fix = "leave it out" if is_tflite else "leave it out, or add --method l1 --speedup S"
        raise UsageError(f"{options} would do nothing: {why}", hint=fix)


def _check_target(recipe: Recipe, target: Target) -> None:
    """Refuse what this kind of target cannot do or does not look at."""
    if target.linux is None:
        if recipe.speedup_in == "tiles":
            raise UsageError(
                f"--speedup-in tiles is for Linux targets; {target.name} has no LiteRT",
                hint="--speedup-in instructions counts those of its own kernels",
            )
        if recipe.quantize == "dynamic":
            raise UsageError(
                f"--quantize dynamic is for LiteRT; firmware for {target.name} has no kernels for it",
                hint="--quantize int8, or a Linux target",
            )
        if recipe.runtime != "auto" or recipe.wheels:
            raise UsageError(
                f"--runtime and --wheels are for Linux targets; {target.name} gets firmware",
                hint="leave them out",
            )
        return
    runtime = linux.runtime_of(recipe, target)
    if runtime == "native" and (recipe.wheels or recipe.quantize == "dynamic"):
        raise UsageError(
            "--wheels and --quantize dynamic are for the runtime litert; the native one is a single program",
            hint="leave them out, or --runtime litert",
        )
    model = {"litert": "tiles", "native": "instructions"}[runtime]
    if recipe.speedup_in not in ("macs", model):
        raise UsageError(
            f"--speedup-in {recipe.speedup_in} is no model of the runtime {runtime}",
            hint=f"--speedup-in {model}, or macs",
        )
    if recipe.toolchain != "zig":
        raise UsageError(f"--toolchain {recipe.toolchain} does not build for {target.name}", hint="zig does")


def _check_names(recipe: Recipe) -> None:
    """Refuse what has no such name before anything runs, not when its stage comes."""
    TOOLCHAINS[recipe.toolchain]
    if find_target(recipe.target).linux is None:
        TOOLCHAINS[recipe.toolchain].flags(find_target(recipe.target).core)
    SCALES[recipe.scale]
    if recipe.method not in (None, "none"):
        METHODS[str(recipe.method)]
        if recipe.allocation is not None:
            ALLOCATIONS[recipe.allocation]
    if recipe.quantize == "int8-qat" and Path(recipe.model).suffix != ".tflite":
        check_installed()


def _network(
    recipe: Recipe, model: Path, store: Store
) -> tuple[network.Trained | None, Stage, Dataset | None]:
    """The int8 network of the recipe: pruned, fine-tuned and quantised, or taken as it is."""
    if model.suffix == ".tflite":
        if recipe.method not in (None, "none"):
            raise UsageError(
                f"{model.name} cannot be pruned (method {recipe.method}): a .tflite is compiled as it is",
                hint="give the Keras model that it was made from",
            )
        tflite = network.take_tflite(store, model)
        return None, tflite, network.load_test_data(recipe, tflite)
    loaded = network.load(store, model)
    data = network.load_training_data(recipe, loaded)
    score = network.score(store, loaded, data)
    is_pruned = recipe.method not in (None, "none")
    tolerated = prunability.before_pruning(store, loaded, data, recipe) if is_pruned else None
    steps = pruning.shrink(store, loaded, data, recipe) if is_pruned else ()
    trained = network.Trained(loaded, score, steps, tolerated)
    return trained, int8.to_int8(store, trained, data, recipe), data


def output_folder(recipe: Recipe) -> Path:
    """`--out`, or build/MODEL-TARGET."""
    return Path(recipe.out) if recipe.out else Path("build") / f"{Path(recipe.model).stem}-{recipe.target}"
