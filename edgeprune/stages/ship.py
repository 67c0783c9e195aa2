"""From a `.tflite` to what its target takes: compiled, tested on the host, measured on a virtual board."""

from dataclasses import dataclass

from edgeprune.artifact import Stage, Store
from edgeprune.data import Dataset
from edgeprune.device.target import Target
from edgeprune.recipe import Recipe
from edgeprune.stages import firmware, linux
from edgeprune.stages.network import Trained


@dataclass(frozen=True)
class Shipped:
    """The stages of what ships; `measured` is None where the target has no virtual board of our own."""

    compiled: Stage
    tested: Stage
    measured: Stage | None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Those that ran, in order."""
        found = (self.compiled, self.tested)
        return found if self.measured is None else (*found, self.measured)


def ship(
    store: Store, tflite: Stage, target: Target, recipe: Recipe, data: Dataset | None, trained: Trained | None
) -> Shipped:
    """Firmware for a microcontroller, a release for Linux; BudgetError where it does not fit the target."""
    if target.linux is not None:
        packaged = linux.package(store, tflite, target, recipe)
        return Shipped(packaged, linux.evaluate(store, tflite, packaged, data, trained, recipe.seed), None)
    compiled = firmware.compile(store, tflite, target, recipe.toolchain, recipe.optimize)
    tested = firmware.evaluate(store, tflite, compiled, data, trained, recipe.seed)
    return Shipped(compiled, tested, firmware.measure(store, compiled, tested, tflite, target))
