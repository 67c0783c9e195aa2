"""The stages that prune: training under a method's guide, the cut, and their order with fine-tuning.

loaded ──► (sparsify: train under the guide) ──► prune ──► finetune        once, or in steps
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import replace as with_fields
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.artifact import Stage, Store, code_hash, to_json, write_atomic
from edgeprune.data import Dataset
from edgeprune.device.target import find_target
from edgeprune.errors import UsageError
from edgeprune.graph.cost import Zeros, count
from edgeprune.graph.ir import Graph
from edgeprune.ops import cores
from edgeprune.prune.check import check_pruned
from edgeprune.prune.evidence import Evidence, Examples
from edgeprune.prune.guide import Goal, Guide
from edgeprune.prune.methods import METHODS
from edgeprune.prune.methods.base import Method
from edgeprune.prune.plan import PrunePlan, gather, plan, plan_without
from edgeprune.recipe import Recipe
from edgeprune.stages.describe import describe_network
from edgeprune.stages.keras_import import import_keras
from edgeprune.stages.layer_cost import InstructionCosts, TileCosts
from edgeprune.stages.progress import progress_bar
from edgeprune.stages.tuning import (
    EPOCHS,
    batch_size,
    finetune,
    learning_rate,
    load_teacher,
    training_settings,
)

log = logging.getLogger("edgeprune")

ROUND_TO = (4, 2, 1)
EXAMPLES = 512  # that criteria look at
GUIDED_RATE = 0.25  # learning rate under a guide, constant, of the fine-tuning's highest


@dataclass(frozen=True)
class Step:
    """One round of pruning, its stages in order, and the fine-tuning after it."""

    before: tuple[Stage, ...]
    tuned: Stage

    @property
    def pruned(self) -> Stage:
        """The stage that cut the network."""
        return self.before[-1]


def shrink(store: Store, loaded: Stage, data: Dataset, recipe: Recipe) -> tuple[Step, ...]:
    """Prune and fine-tune, in one step or several: a little goes, the rest recovers, more goes.

    The speed-ups of the steps are a geometric series up to the recipe's. Every step but the last has one
    epoch; the last has all that are left. A method that guides training has its share of the epochs first.
    """
    method = METHODS[str(recipe.method)]
    epochs = EPOCHS if recipe.epochs is None else recipe.epochs
    count = recipe.steps
    if count > max(1, epochs):
        raise UsageError(f"{count} steps need at least {count} epochs, --epochs is {epochs}")
    if method.guide is not None:
        return (_guided_step(store, loaded, data, recipe, epochs),)
    steps: list[Step] = []
    for number in range(1, count + 1):
        is_last = number == count
        source = steps[-1].tuned if steps else loaded
        pruned = prune(
            store,
            loaded,
            source,
            recipe,
            data=data,
            share=number / count,
            name=_numbered("prune", number, count),
        )
        share = epochs - (count - 1) if is_last else 1
        name = _numbered("finetune", number, count)
        tuned = finetune(
            store,
            loaded,
            pruned,
            data,
            recipe,
            epochs=share,
            is_last=is_last,
            hold_zeros=method.structure != "channels",
            name=name,
        )
        steps.append(Step((pruned,), tuned))
    return tuple(steps)


def _guided_step(store: Store, loaded: Stage, data: Dataset, recipe: Recipe, epochs: int) -> Step:
    """Train under the method's guide, prune what it decided on, fine-tune with the epochs that are left."""
    method = METHODS[str(recipe.method)]
    if recipe.steps > 1:
        raise UsageError(
            f"method {recipe.method} prunes while it trains, not in {recipe.steps} steps",
            hint="leave out --steps",
        )
    if epochs < 1:
        raise UsageError(
            f"method {recipe.method} prunes while it trains and needs epochs",
            hint="give --epochs of 2 or more",
        )
    guided = min(epochs, max(1, round(epochs * method.guided_share)))
    sparse = sparsify(store, loaded, data, recipe, epochs=guided)
    pruned = prune(store, loaded, sparse, recipe, data=data)
    tuned = finetune(
        store, loaded, pruned, data, recipe, epochs=epochs - guided, hold_zeros=method.structure != "channels"
    )
    return Step((sparse, pruned), tuned)


def _numbered(name: str, number: int, count: int) -> str:
    return name if count == 1 else f"{name}-{number}"


def describe(steps: tuple[Step, ...], recipe: Recipe) -> dict[str, Any]:
    """What the manifest says of the last cut: who shared it out and how, and what the method has to tell."""
    plan = steps[-1].pruned.json("plan.json")
    return {
        "method": recipe.method,
        "allocation": plan["allocation"],
        "kept": plan["kept"],
        "notes": plan["notes"],
    }


def sparsify(store: Store, loaded: Stage, data: Dataset, recipe: Recipe, *, epochs: int) -> Stage:
    """Train `loaded` under the method's guide; leaves the network whole, and which units are to go."""
    method = METHODS[str(recipe.method)]
    settings = training_settings(recipe, data, epochs, learning_rate(recipe) * GUIDED_RATE)

    def make(result: Path, work: Path) -> None:
        keras = import_keras()

        from edgeprune.prune.finetune import finetune as train

        model = keras.models.load_model(loaded.folder / "model.keras", compile=False)
        guide = _guide(loaded, data, recipe, epochs)
        trained = train(
            model,
            data,
            **settings,
            checkpoint_dir=work,
            teacher_dir=store.root / "teachers",
            log=log.info,
            distill_from=load_teacher(recipe, loaded),
            on_step=progress_bar("sparsify"),
            guide=guide,
        )
        gone = guide.gone()
        model.save(result / "model.keras", include_optimizer=False)
        described = {
            "gone": None if gone is None else [int(unit) for unit in np.flatnonzero(gone)],
            "epochs": [vars(epoch) for epoch in trained.epochs],
        }
        write_atomic(result / "guide.json", to_json(described))

    inputs = {
        "load": loaded.key,
        "data": data.sha256,
        "method": method.name,
        "speedup": recipe.speedup,
        "core": _device(recipe),
        "allocation": recipe.allocation,
        "round_to": list(_round_to(recipe)),
        "keep": list(recipe.keep),
        "distill": recipe.distill,
        **settings,
        "code": code_hash("data", "graph", "prune"),
    }
    return store.stage("sparsify", inputs, make)


def _guide(loaded: Stage, data: Dataset, recipe: Recipe, epochs: int) -> Guide:
    """The method's guide, with what it is to lead to."""
    method = METHODS[str(recipe.method)]
    assert method.guide is not None

    from edgeprune.prune.finetune import steps_per_epoch

    evidence = _evidence(_read(loaded), recipe, data)
    kept: tuple[int, ...] = ()
    if method.structure == "channels":
        planned = _plan(evidence, recipe, _cost_before(loaded, recipe) / _speedup(recipe), is_last=True)
        kept = tuple(group.kept for group in planned.groups)
    steps = steps_per_epoch(len(data.x_train), batch_size(recipe, data))
    return method.guide(
        Goal(
            evidence=evidence,
            kept=kept,
            speedup=_speedup(recipe),
            allocation=recipe.allocation or method.allocation,
            steps=epochs * steps,
            learning_rate=learning_rate(recipe) * GUIDED_RATE,
        )
    )


def prune(
    store: Store,
    loaded: Stage,
    source: Stage,
    recipe: Recipe,
    *,
    data: Dataset | None,
    share: float = 1.0,
    name: str = "prune",
) -> Stage:
    """Remove channels of `source` physically, and prove the smaller network equal to the masked one.

    The network then costs the MACs of `loaded` / speedup^share. A method of another structure sets
    columns or single weights to zero instead.
    """
    method = METHODS[str(recipe.method)]
    speedup = _speedup(recipe) ** share
    arguments: Mapping[str, Any] = {
        "method": recipe.method,
        "load": loaded.key,
        "speedup": speedup,
        "core": _device(recipe),
        "is_last": share == 1,
        "allocation": recipe.allocation,
        "round_to": list(_round_to(recipe)),
        "keep": list(recipe.keep),
        "seed": recipe.seed,
        "data": data.sha256 if data is not None else None,
    }

    def make(result: Path, work: Path) -> None:
        from edgeprune.graph.keras_out import to_keras

        graph = _read(source)
        evidence = _evidence(graph, recipe, data)
        if method.structure == "channels":
            wanted = _cost_before(loaded, recipe) / speedup
            pruned, described = _cut(evidence, source, recipe, wanted, is_last=share == 1)
        else:
            pruned, described = _mask(evidence, method, speedup)
        to_keras(pruned).save(result / "model.keras")
        zeros: Zeros | None = None if method.structure == "channels" else method.structure
        write_atomic(result / "network.json", to_json(describe_network(pruned, zeros)))
        write_atomic(result / "plan.json", to_json(described))

    inputs = {source.name: source.key, **arguments, "code": code_hash("graph", "prune")}
    return store.stage(name, inputs, make)


def _read(stage: Stage) -> Graph:
    keras = import_keras()

    from edgeprune.graph.keras_in import from_keras

    return from_keras(keras.models.load_model(stage.folder / "model.keras", compile=False))


def _evidence(graph: Graph, recipe: Recipe, data: Dataset | None) -> Evidence:
    """The network with examples of the training set, the classes in equal shares."""
    rng = np.random.default_rng(recipe.seed)
    examples = None
    if data is not None:
        chosen = data.pick_train(EXAMPLES, np.random.default_rng([recipe.seed, 1]))
        examples = Examples(data.batch(data.x_train[chosen]), data.y_train[chosen].astype(np.int64))
    return gather(graph, rng, keep=recipe.keep, examples=examples)


def _speedup(recipe: Recipe) -> float:
    if recipe.speedup is None:
        raise UsageError(f"--method {recipe.method} needs --speedup S, the MACs before / after")
    return recipe.speedup


def _cut(
    evidence: Evidence, source: Stage, recipe: Recipe, wanted: float, *, is_last: bool
) -> tuple[Graph, dict[str, Any]]:
    """The network without the channels that go, and what is to be told of it."""
    from edgeprune.graph.check import check
    from edgeprune.prune.apply import apply

    method = METHODS[str(recipe.method)]
    gone = source.json("guide.json")["gone"] if method.guide is not None else None
    if gone is None:
        planned = _plan(evidence, recipe, wanted, is_last=is_last)
    else:
        flags = np.zeros(sum(len(group.units) for group in evidence.channels.groups), dtype=bool)
        flags[gone] = True
        allocation = recipe.allocation or method.allocation
        planned = plan_without(evidence, flags, method=method.name, allocation=allocation)
    for frozen in planned.frozen:
        log.info("           %s is left alone: %s", frozen.layer, frozen.reason)
    pruned = apply(evidence.graph, planned)
    check(pruned)
    worst = check_pruned(evidence.graph, pruned, planned.removed, evidence.rng)
    log.info("           %.2fx fewer MACs; equal to the masked network within %.1e", planned.speedup, worst)
    if method.repair is not None:
        pruned = method.repair(evidence, planned, pruned)
        check(pruned)
    return pruned, {
        "allocation": planned.allocation,
        "kept": {group.group.name: [group.kept, len(group.group.units)] for group in planned.groups},
        "removed": {layer: list(indices) for layer, indices in planned.removed.items()},
        "left_alone": {frozen.layer: frozen.reason for frozen in planned.frozen},
        "masked_difference": worst,
        "notes": evidence.notes,
    }


def _mask(evidence: Evidence, method: Method, speedup: float) -> tuple[Graph, dict[str, Any]]:
    """The network with columns or single weights at zero; a guide has done it already."""
    graph = evidence.graph
    if method.masks is not None:
        goal = Goal(evidence, (), speedup, method.allocation, 0, 0.0)
        masks = method.masks(goal)
        nodes = []
        for node in graph.nodes:
            weights = {
                name: np.asarray(array * masks.get((node.layer, name), 1.0), np.float32)
                for name, array in node.weights.items()
            }
            nodes.append(with_fields(node, weights=weights))
        graph = with_fields(graph, nodes=tuple(nodes))
    zeros: Zeros = "columns" if method.structure == "columns" else "weights"
    reached = count(graph).macs / max(1, count(graph, zeros).macs)
    log.info("           %.2fx fewer MACs where the zeros of %s are left out", reached, method.structure)
    if method.structure == "weights":
        log.warning("single zero weights cost the same on every target: %s is for comparison", method.name)
    return graph, {
        "allocation": method.allocation,
        "kept": {},
        "removed": {},
        "left_alone": {},
        "masked_difference": 0.0,
        "notes": evidence.notes,
    }


def _plan(evidence: Evidence, recipe: Recipe, wanted: float, *, is_last: bool) -> PrunePlan:
    """What to remove so that a cost of `wanted` stays; only the last step rounds."""
    cost = _cost(recipe)
    return plan(
        evidence,
        method=METHODS[str(recipe.method)],
        speedup=max(1.0, cost(evidence.graph) / wanted),
        allocation=recipe.allocation,
        round_to=_round_to(recipe) if is_last or recipe.round_to else (1,),
        cost=None if recipe.speedup_in == "macs" else cost,
    )


def _round_to(recipe: Recipe) -> tuple[int, ...]:
    """Keep multiples of the first number where that meets the wanted cost closely, else of the next.

    Our kernels for microcontrollers compute four channels at a time, those of XNNPACK sixteen or eight.
    """
    if recipe.round_to:
        return (recipe.round_to,)
    linux = find_target(recipe.target).linux
    return ROUND_TO if linux is None else linux.channel_multiples


def _device(recipe: Recipe) -> dict[str, Any] | None:
    """What a speed-up in anything but MACs depends on."""
    if recipe.speedup_in == "macs":
        return None
    target, code = find_target(recipe.target), code_hash("ops", "stages")
    if recipe.speedup_in == "tiles":
        assert target.linux is not None
        return {"tile": target.linux.tile, "code": code}
    return {"core": target.core, "optimize": recipe.optimize, "code": code}


def _cost(recipe: Recipe) -> Callable[[Graph], float]:
    """What the recipe's speed-up counts."""
    device = _device(recipe)
    if device is None:
        return lambda graph: count(graph).macs
    if "tile" in device:
        return TileCosts(device["tile"]).total
    optimize = "balanced" if device["optimize"] == "auto" else device["optimize"]
    return InstructionCosts(cores.Goal(device["core"], optimize)).total  # type: ignore[arg-type]


def _cost_before(loaded: Stage, recipe: Recipe) -> float:
    return _cost(recipe)(_read(loaded))
