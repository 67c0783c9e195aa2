"""Budgets: prune until the target holds them, by what the board says.

A budget such as "latency_ms<=60,ram_kib<=48,accuracy_drop<=1.5" is met in two searches.

What the board feels (latency, RAM, flash) hardly depends on the values of weights, so it is measured on
networks that are pruned, made int8 and compiled, but not yet trained: seconds each. Latency falls as a
model of the device says (layer_cost.py), so the search runs along that, corrected by what was measured, and
ends at the least pruned network that holds the limits.

Latency is that of a virtual board of our own, which is modelled; or it is measured on a Linux device: every
network of the search is installed there and timed, and the last one stays until something else is flashed.

Accuracy needs training. The network found is fine-tuned once; when only the accuracy is limited, the
speed-up rises step by step for as long as it holds.

Every network that was measured is kept in `points`, which is the front that the report draws. A budget
that cannot be held ends in a BudgetError that names the constraint which binds and the best point found.
"""

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeprune.artifact import Stage, Store
from edgeprune.data import Dataset
from edgeprune.device.board import Board
from edgeprune.device.target import Target
from edgeprune.errors import BudgetError, UsageError
from edgeprune.prune.methods import METHODS
from edgeprune.recipe import DEFAULT_METHOD, TUNING, Recipe
from edgeprune.stages import firmware, int8, network, pruning
from edgeprune.stages.linux import runtime_of
from edgeprune.stages.pruning import Step
from edgeprune.stages.ship import Shipped, ship
from edgeprune.table import did_you_mean

log = logging.getLogger("edgeprune")

INFINITY = float("inf")
TARGET = "target"
UNITS = {"latency_ms": "ms", "ram_kib": "KiB", "flash_kib": "KiB", "accuracy_drop": "points"}
WORDS = {"latency_ms": "latency", "ram_kib": "RAM", "flash_kib": "flash", "accuracy_drop": "accuracy drop"}
DEVICE = ("latency_ms", "ram_kib", "flash_kib")
MOST_PROBES = 10
CLOSE = 0.04  # of the speed-up: no more probes between two that are as close as this
LADDER = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0)


@dataclass(frozen=True)
class Point:
    """A network of the search: what it costs on the target; `accuracy_drop` only once it was trained.

    `speedup` is in what the device is modelled to compute. A value that this target cannot give is None, and
    all are where the firmware does not fit at all, which `refused` says.
    """

    speedup: float
    latency_ms: float | None
    ram_kib: float | None
    flash_kib: float | None
    accuracy_drop: float | None = None
    refused: str | None = None

    def over(self, limits: Mapping[str, float]) -> dict[str, float]:
        """The limits that this point breaks, with the value / the limit."""
        if self.refused is not None:
            return {TARGET: 1.5}
        return {name: share for name, share in self.shares(limits).items() if share > 1}

    def shares(self, limits: Mapping[str, float]) -> dict[str, float]:
        """Each value that is known over its limit: 1 is just held."""
        values = {name: getattr(self, name) for name in limits}
        known = {name: value for name, value in values.items() if value is not None}
        return {name: value / max(limits[name], 1e-9) for name, value in known.items()}


@dataclass(frozen=True)
class Found:
    """What the search ended with: the recipe that holds the budget, its training, all points seen.

    `latency_from` says which board gave the latency, and what kind of evidence that is.
    """

    recipe: Recipe
    steps: tuple[Step, ...]
    points: tuple[Point, ...]
    latency_from: str | None = None

    def to_json(self, limits: Mapping[str, float]) -> dict[str, Any]:
        """For the manifest."""
        shares = self.points[-1].shares(limits)
        return {
            "limits": dict(limits),
            "speedup": self.recipe.speedup,
            "binding": max(shares, key=lambda name: shares[name], default=None),
            "latency_from": self.latency_from,
            "points": [vars(point) for point in self.points],
        }


def read_budget(text: str) -> dict[str, float]:
    """The limits of a budget by name; raises UsageError that names the part and the way to write it."""
    limits: dict[str, float] = {}
    for part in text.split(","):
        name, separator, value = (piece.strip() for piece in part.partition("<="))
        example = "such as latency_ms<=60,ram_kib<=48,accuracy_drop<=1.5"
        if not separator:
            raise UsageError(f"--budget: {part.strip()!r} is no limit", hint=example)
        if name not in UNITS:
            raise UsageError(f"--budget: unknown limit {name!r}", hint=did_you_mean(name, UNITS))
        try:
            limits[name] = float(value)
        except ValueError:
            raise UsageError(f"--budget: {value!r} is no number", hint=example) from None
        if not 0 <= limits[name] < INFINITY:
            raise UsageError(f"--budget: {name} must be a number of at least 0, not {value}", hint=example)
    return limits


@dataclass
class Search:
    """One search; `points` grows as it goes.

    `find_board` finds the Linux device that latency is measured on.
    """

    store: Store
    loaded: Stage
    scored: Stage
    data: Dataset
    recipe: Recipe
    target: Target
    limits: Mapping[str, float]
    find_board: Callable[[], Board] | None = None
    points: list[Point] = field(default_factory=list)
    latency_from: str | None = None

    def run(self) -> Found:
        """Find the network; raises BudgetError when none holds the budget."""
        device = {name: limit for name, limit in self.limits.items() if name in DEVICE}
        self._check_limits()
        speedup = self._least(device) if device else None
        if "accuracy_drop" not in self.limits:
            return self._trained(speedup or 1.0)
        if speedup is None:
            return self._most_accurate_last()
        found = self._trained(speedup)
        if found.points[-1].over(self.limits):
            raise self._refusal(found.points[-1])
        return found

    def _check_limits(self) -> None:
        """Refuse limits that nothing says anything of on this target."""
        if "ram_kib" in self.limits and self.target.linux is not None:
            raise UsageError(
                f"ram_kib: what a network needs on {self.target.name} is not known before it runs there",
                hint="leave ram_kib out; `edgeprune profile` tells the runner's peak",
            )
        if "latency_ms" not in self.limits or self.target.board == "unicorn":
            return
        if self.target.linux is None:
            raise UsageError(
                f"{self.target.name} gives no latency while building",
                hint="choose a virtual target such as virtual-m4, or leave latency_ms out",
            )
        if self.find_board is None:
            raise UsageError(
                f"latency_ms needs a {self.target.name} to measure it on",
                hint="--host USER@HOST, --port PORT or --board ID",
            )

    def _least(self, limits: Mapping[str, float]) -> float:
        """The smallest speed-up at which the target holds `limits`."""
        low, speedup, high, too_far = 1.0, 1.0, INFINITY, INFINITY
        best: Point | None = None
        why = None
        for _ in range(MOST_PROBES):
            try:
                point = self._probe(speedup)
            except BudgetError as error:
                too_far, why = speedup, error.message
            else:
                best, over = point, point.over(limits)
                low, high = (speedup, high) if over else (low, speedup)
            end = min(high, too_far)
            if end / low <= 1 + CLOSE or high == 1.0:
                break
            if end < INFINITY:
                speedup = (low * end) ** 0.5
            else:
                speedup *= max(1.05, 1.01 * max(over.values()))
        if high == INFINITY:
            assert best is not None
            raise self._refusal(best, why)
        return high

    def _probe(self, speedup: float) -> Point:
        """What an untrained network of that speed-up costs on the target."""
        method = METHODS[str(self.recipe.method)]
        shape_method = method.name if method.guide is None and method.score is not None else DEFAULT_METHOD
        asked = self._asked(speedup, method=shape_method, epochs=0, steps=1)
        steps = pruning.shrink(self.store, self.loaded, self.data, asked) if speedup > 1 else ()
        point = self._measured(asked, steps)
        self.points.append(point)
        log.info("           %s", describe(point))
        return point

    def _asked(self, speedup: float, **changes: object) -> Recipe:
        is_litert = self.target.linux is not None and runtime_of(self.recipe, self.target) == "litert"
        counted = "tiles" if is_litert else "instructions"
        update = {"speedup": speedup, "speedup_in": counted, "budget": None, **changes}
        return self.recipe.model_copy(update=update)

    def _measured(self, recipe: Recipe, steps: Sequence[Step]) -> Point:
        trained = network.Trained(self.loaded, self.scored, tuple(steps))
        is_trained = recipe.epochs != 0 or not steps
        convert = int8.to_int8 if is_trained else _convert
        tflite = convert(self.store, trained, self.data, recipe)
        try:
            shipped = ship(self.store, tflite, self.target, recipe, self.data, trained)
        except BudgetError as error:
            return Point(float(recipe.speedup or 1.0), None, None, None, refused=error.message)
        memory = shipped.compiled.json("compile.json")["memory"]
        profile = self._profile(shipped, tflite)
        latency = profile["latency_us"]["median"] / 1000 if profile and profile["latency_us"] else None
        tested = shipped.tested
        whole, kept = self.scored.json("score.json")["accuracy"], tested.json("evaluate.json")["accuracy"]
        return Point(
            speedup=float(recipe.speedup or 1.0),
            latency_ms=latency,
            ram_kib=_kib(memory["ram_bytes"]),
            flash_kib=_kib(memory["flash_bytes"]),
            accuracy_drop=100 * (whole - kept) if is_trained else None,
        )

    def _profile(self, shipped: Shipped, tflite: Stage) -> dict[str, Any] | None:
        """What a virtual board said of a network, or a Linux device says now; None where none is asked."""
        found: dict[str, Any] | None = None
        if shipped.measured is not None:
            found = shipped.measured.json("profile.json")
        elif self.target.linux is not None and "latency_ms" in self.limits:
            assert self.find_board is not None
            with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
                stages = (shipped.compiled, shipped.tested, tflite)
                found = firmware.flash_and_profile(self.find_board(), Path(folder), *stages)
        if found is not None:
            self.latency_from = f"{found['board']} ({found['evidence']})"
        return found

    def _trained(self, speedup: float) -> Found:
        """The network of that speed-up after all its training, as the last of the points."""
        asked = self._asked(speedup)
        if speedup <= 1:
            unused = {name: Recipe.model_fields[name].default for name in TUNING}
            asked = asked.model_copy(update={**unused, "method": "none", "speedup": None})
        steps = pruning.shrink(self.store, self.loaded, self.data, asked) if speedup > 1 else ()
        point = self._measured(asked, steps)
        self.points.append(point)
        log.info("           trained: %s", describe(point))
        return Found(asked, steps, tuple(self.points), self.latency_from)

    def _most_accurate_last(self) -> Found:
        """Only the accuracy is limited: the largest speed-up of LADDER that holds it."""
        best: Found | None = None
        for speedup in LADDER:
            try:
                found = self._trained(speedup)
            except BudgetError:
                break
            if found.points[-1].over(self.limits):
                break
            best = found
        if best is None:
            raise self._refusal(self.points[-1])
        return replace(best, points=tuple(self.points))

    def _refusal(self, best: Point, why: str | None = None) -> BudgetError:
        """The error for a budget that cannot be held: what binds, and how near the best point came."""
        over = best.over(self.limits)
        binding = max(over, key=lambda name: over[name], default=TARGET)
        if binding == TARGET:
            binds = f"the memory of {self.target.name} binds ({best.refused})"
        else:
            limit = f"allowed {self.limits[binding]:g}"
            binds = f"{binding} binds ({getattr(best, binding):.4g} {UNITS[binding]}, {limit})"
        reason = "" if why is None else f"; {why}"
        return BudgetError(
            f"the budget cannot be held: {binds}; best point found: {describe(best)}{reason}",
            hint="allow more, train longer (--epochs), choose another --method, or a larger target",
        )


def _convert(store: Store, trained: network.Trained, data: Dataset, recipe: Recipe) -> Stage:
    """An untrained network as int8: only its shape counts."""
    return network.quantize(store, trained.final, data, recipe)


def _kib(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1024


def describe(point: Point) -> str:
    """A point in words."""
    parts = [f"{point.speedup:.2f}x less by the model"]
    for name, unit in UNITS.items():
        value = getattr(point, name)
        if value is not None:
            parts.append(f"{WORDS[name]} {value:.4g} {unit}")
    return ", ".join(parts)
