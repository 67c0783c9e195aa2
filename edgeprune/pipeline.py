"""The flow, as code. Read this first.

    MODEL ──load──► prune ──► fine-tune ──► quantize ──► .tflite ──► compile ──► firmware
                                                                       │            │
                                              evaluate (host, exact) ◄─┘            ▼
                                                       Bundle ◄── report ◄── measure (virtual board)

Every stage is a function from files to files, kept in the store under the hash of what it depends
on: a build that is repeated reuses what has not changed, and an interrupted one goes on. Only the
stages that train or convert import TensorFlow, and only when they run.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.artifact import Stage, Store
from edgeprune.data import SCALES, Dataset
from edgeprune.device.target import find_target
from edgeprune.device.toolchain import TOOLCHAINS
from edgeprune.errors import UsageError
from edgeprune.prune.allocate import ALLOCATIONS
from edgeprune.prune.methods import METHODS
from edgeprune.recipe import Recipe
from edgeprune.stages import bundle, firmware, network, pruning


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


def build(recipe: Recipe, store: Store) -> Build:
    """Run the whole pipeline and leave a Bundle at the recipe's `out`."""
    target = find_target(recipe.target)
    model, out = Path(recipe.model), output_folder(recipe)
    bundle.check_place(out)
    _check_names(recipe)
    _check_used(recipe, model.suffix == ".tflite")
    trained, tflite, data = _network(recipe, model, store)
    compiled = firmware.compile(store, tflite, target, recipe.toolchain, recipe.optimize)
    tested = firmware.evaluate(store, tflite, compiled, data, trained, recipe.seed)
    measured = firmware.measure(store, compiled, tested, tflite, target)
    stages = (*(trained.stages if trained else ()), tflite, compiled, tested)
    stages += () if measured is None else (measured,)
    manifest = bundle.assemble(out, recipe, target, tflite, trained, compiled, tested, measured, data)
    return Build(out, manifest, stages)


TUNING = (
    "allocation",
    "round_to",
    "keep",
    "steps",
    "epochs",
    "batch_size",
    "learning_rate",
    "augment",
    "distill",
)


def _check_used(recipe: Recipe, is_tflite: bool) -> None:
    """Refuse options that this build would not look at, rather than ignore them."""
    if recipe.method not in (None, "none"):
        return
    names = (*TUNING, "samples") if is_tflite else TUNING
    unused = [name for name in names if getattr(recipe, name) != Recipe.model_fields[name].default]
    if unused:
        options = ", ".join("--" + name.replace("_", "-") for name in unused)
        why = "a .tflite is compiled as it is" if is_tflite else "nothing is pruned"
        fix = "leave it out" if is_tflite else "leave it out, or add --method l1 --speedup S"
        raise UsageError(f"{options} would do nothing: {why}", hint=fix)


def _check_names(recipe: Recipe) -> None:
    """Refuse what has no such name before anything runs, not when its stage comes."""
    TOOLCHAINS[recipe.toolchain].flags(find_target(recipe.target).core)
    SCALES[recipe.scale]
    if recipe.method not in (None, "none"):
        METHODS[str(recipe.method)]
        if recipe.allocation is not None:
            ALLOCATIONS[recipe.allocation]


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
    steps = pruning.shrink(store, loaded, data, recipe) if is_pruned else ()
    trained = network.Trained(loaded, score, steps)
    return trained, network.quantize(store, trained.final, data, recipe), data


def output_folder(recipe: Recipe) -> Path:
    """`--out`, or build/MODEL-TARGET."""
    return Path(recipe.out) if recipe.out else Path("build") / f"{Path(recipe.model).stem}-{recipe.target}"
