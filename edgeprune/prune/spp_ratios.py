"""Which share of its columns each convolution keeps, so that all convolutions together cost S times less.

uniform      the same share everywhere (the authors' choice for ResNet)
bands        first, second and last third of the layers as 1 : 1.5 : 2 (for VGG-16)
sensitivity  every layer may cost the same loss when its columns of lowest norm go, by a scan on examples
global       all columns in one list, by L1 norm / mean of the layer / root of what one costs

Source:  ALGORITHMS section 1.7; Wang et al., 2018, arXiv:1709.06994 (uniform, bands, as remembered there)
Differs: what layers without columns cost (depthwise convolutions) is made up for by the others
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.errors import BudgetError, UsageError
from edgeprune.graph.ir import FloatArray
from edgeprune.prune.allocate.bands import proportions, shares
from edgeprune.prune.allocate.base import Ladder, ranked
from edgeprune.prune.allocate.sensitivity import SHARES
from edgeprune.prune.guide import Array, Goal
from edgeprune.prune.spp import Values

ALLOCATIONS = ("uniform", "bands", "sensitivity", "global")

_STEPS = 400


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel whose columns are grouped: `shape` has 1 along the axes over which a group extends."""

    layer: str
    values: FloatArray
    shape: tuple[int, ...]
    macs: int

    @property
    def groups(self) -> int:
        return math.prod(self.shape)

    def norms(self, values: Array) -> Values:
        """The L1 norm of each group in `values`, of the kernel's shape."""
        over = tuple(axis for axis, extent in enumerate(self.shape) if extent == 1)
        summed: Values = np.abs(values).sum(axis=over, dtype=np.float64)
        return summed.reshape(-1)


def kept_shares(goal: Goal, kernels: Sequence[Kernel], rest: float) -> list[float]:
    """The share of its groups that each kernel keeps; `rest` is what convolutions without columns cost.

    Raises UsageError for an allocation without a meaning for columns, and BudgetError when one group in
    each kernel still costs too much.
    """
    if goal.allocation not in ALLOCATIONS:
        raise UsageError(
            f"allocation {goal.allocation!r} shares out channels, not columns",
            hint=f"choose one of {', '.join(ALLOCATIONS)}",
        )
    whole = rest + sum(kernel.macs for kernel in kernels)
    limit = whole / goal.speedup
    lowest = rest + sum(kernel.macs / kernel.groups for kernel in kernels)
    if lowest > limit:
        raise BudgetError(
            f"a speed-up of {goal.speedup:.3g} is out of reach: with one group of columns left in each "
            f"convolution {lowest:.0f} of {whole:.0f} MACs remain",
            hint="ask for less",
        )
    if goal.speedup == 1:
        return [1.0] * len(kernels)
    if goal.allocation in ("uniform", "bands"):
        return _proportional(goal.allocation, kernels, limit - rest)
    ladder = _sensitivity(goal, kernels) if goal.allocation == "sensitivity" else _ranked(kernels)
    return _first_rung(ladder, kernels, limit - rest)


def _proportional(allocation: str, kernels: Sequence[Kernel], limit: float) -> list[float]:
    """Shares in fixed proportions; a layer at its floor of one group is set apart, and the others pay."""
    weights = proportions(len(kernels)) if allocation == "bands" else [1.0] * len(kernels)
    found = [1.0 / kernel.groups for kernel in kernels]
    free = list(range(len(kernels)))
    while free:
        left = limit - sum(kernels[i].macs * found[i] for i in range(len(kernels)) if i not in free)
        macs = [float(kernels[i].macs) for i in free]
        shared = shares(macs, [weights[i] for i in free], sum(macs) / left)
        low = [i for i, share in zip(free, shared, strict=True) if share * kernels[i].groups < 1]
        if not low:
            for i, share in zip(free, shared, strict=True):
                found[i] = share
            break
        free = [i for i in free if i not in low]
    return found


def _ranked(kernels: Sequence[Kernel]) -> Ladder:
    worth = []
    for kernel in kernels:
        norms = kernel.norms(kernel.values)
        mean = max(float(norms.mean()), np.finfo(np.float64).tiny)
        worth.append(norms / mean / math.sqrt(max(1.0, kernel.macs / kernel.groups)))
    return ranked(worth)


def _sensitivity(goal: Goal, kernels: Sequence[Kernel]) -> Ladder:
    """Rungs are rises of the loss, spaced evenly in their logarithm."""
    evidence = goal.evidence
    base = evidence.loss()
    curves = [np.maximum.accumulate(np.maximum(0.0, scan(goal, kernel) - base)) for kernel in kernels]
    highest = max((float(curve[-1]) for curve in curves), default=0.0)
    tiny = max(1e-9, 1e-6 * highest)
    rises = np.concatenate([[0.0], np.geomspace(tiny, 1.001 * max(tiny, highest), _STEPS)])

    def kept(rung: int) -> list[float]:
        gone = [_share_at(curve, float(rises[rung])) if rung else 0.0 for curve in curves]
        return [kernel.groups * (1 - share) for kernel, share in zip(kernels, gone, strict=True)]

    return Ladder(len(rises), kept)


def scan(goal: Goal, kernel: Kernel) -> Values:
    """The loss at each of SHARES, the kernel's groups of lowest norm at zero."""
    evidence, order = goal.evidence, np.argsort(kernel.norms(kernel.values), kind="stable")
    losses = []
    for share in SHARES:
        live = np.ones(kernel.groups, np.float32)
        live[order[: int(share * kernel.groups)]] = 0
        weights = {(kernel.layer, "kernel"): kernel.values * live.reshape(kernel.shape)}
        losses.append(evidence.probe.loss(evidence.examples.x, evidence.examples.y, weights))
    return np.array(losses)


def _share_at(curve: Values, rise: float) -> float:
    """The largest share removed at which the loss has risen by at most `rise`; 1 beyond the last."""
    if curve[-1] <= rise:
        return 1.0
    at = int(np.searchsorted(curve, rise, side="right")) - 1
    return float(np.interp(rise, curve[at : at + 2], SHARES[at : at + 2]))


def _first_rung(ladder: Ladder, kernels: Sequence[Kernel], limit: float) -> list[float]:
    """The kept shares on the first rung within `limit`; no kernel has less than one group."""

    def kept(rung: int) -> list[float]:
        counts = zip(ladder.kept(rung), kernels, strict=True)
        return [max(1.0, count) / kernel.groups for count, kernel in counts]

    def fits(rung: int) -> bool:
        return sum(k.macs * share for k, share in zip(kernels, kept(rung), strict=True)) <= limit * (
            1 + 1e-12
        )

    return kept(bisect.bisect_left(range(ladder.rungs - 1), True, key=fits))
