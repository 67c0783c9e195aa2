"""PFP: one error eps for all layers; each keeps what its bound on the error asks for.

The rungs are values of eps, evenly in their logarithm, up to where every layer draws once. A group keeps
the most that any layer reading it keeps: a unit dies only when all of them drop it.

The plan puts the eps of its rung into the report. With eps of 1 or more, which is the rule, the bound
promises nothing (`is_vacuous`): it then only says how to share the cut. Rounding, floors and units given
back for the exact speed-up come after the bound.

Source:  Liebenwein et al., "Provable Filter Pruning for Efficient Neural Networks", ICLR 2020,
         arXiv:1911.07412; ALGORITHMS section 2.3
Differs: the budget is MACs, in place of parameters; the plan's exact count of them replaces the outer
         search for the true size. Image channels are never pruned. Where a layer reads several groups,
         each has the expected distinct channels of its own part
"""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.prune.allocate.base import Allocation, Ladder, Scores
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.pfp.bound import channels_kept, difficulty, draws, probabilities, vacuous_from
from edgeprune.prune.pfp.sensitivity import FAILURE, LayerSensitivity, sensitivities

_LOWEST = 1e-6
_STEPS = 20_000


def ladder(evidence: Evidence, scores: Sequence[Scores]) -> Ladder:
    """Rung 0 has eps 0 and keeps everything."""
    layers = tuple(sensitivities(evidence).values())
    ends = np.cumsum([0, *map(len, scores)])
    highest = max((vacuous_from(_difficulty(layer)) for layer in layers), default=0.0)
    grid = np.concatenate([[0.0], np.geomspace(_LOWEST, max(_LOWEST, 1.001 * highest), _STEPS)])

    def kept(rung: int) -> list[float]:
        if rung == 0:
            return [float(len(group)) for group in scores]
        return [
            max((_kept_of(layer, float(grid[rung]), start, stop) for layer in layers), default=0.0)
            for start, stop in itertools.pairwise(ends)
        ]

    return Ladder(len(grid), kept, lambda rung: describe(layers, float(grid[rung])))


def _difficulty(layer: LayerSensitivity) -> float:
    return difficulty(float(layer.values.sum()), layer.patches, layer.window)


def _kept_of(layer: LayerSensitivity, eps: float, start: int, stop: int) -> float:
    """How many of the units start <= unit < stop the layer keeps; 0 when it reads none of them."""
    inside = (layer.channels >= start) & (layer.channels < stop)
    if not inside.any():
        return 0.0
    q = probabilities(layer.values)
    return float(channels_kept(q[inside], draws(eps, _difficulty(layer))))


def describe(layers: Sequence[LayerSensitivity], eps: float) -> Mapping[str, object]:
    """For the report: eps, whether the bound is empty, and for each layer what followed from it."""
    return {
        "eps": eps,
        "failure_probability": FAILURE,
        "is_vacuous": eps >= 1,
        "layers": {layer.layer: _describe_layer(layer, eps) for layer in layers},
    }


def _describe_layer(layer: LayerSensitivity, eps: float) -> Mapping[str, object]:
    count = draws(eps, _difficulty(layer))
    return {
        "channels": len(layer.values),
        "sensitivity_sum": float(layer.values.sum()),
        "draws": int(count) if math.isfinite(count) else None,
        "kept": channels_kept(probabilities(layer.values), count) if eps > 0 else len(layer.values),
    }


PFP = Allocation("pfp", "one bound on the error for all layers", ladder, needs_examples=True)
