"""Sensitivity scan: every layer loses as much as costs the same loss when it is cut alone.

For each group and several shares, the loss on examples is measured with the group's lowest units held at
zero and nothing else touched. A rung is a rise of the loss that every layer may cost; each group keeps
as much as stays below it, between the measured shares by a straight line.

Source:  Li et al., "Pruning Filters for Efficient ConvNets", 2017, arXiv:1608.08710, section 3.2
         (the scan); turning it into one number is ours
Cost:    groups * 8 passes over the examples
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeprune.prune.allocate.base import Allocation, Ladder, Scores
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence

SHARES = np.array([0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875])  # of the group's units, removed
_STEPS = 400


def ladder(evidence: Evidence, scores: Sequence[Scores]) -> Ladder:
    """Rungs are rises of the loss, spaced evenly in their logarithm."""
    base = evidence.loss()
    curves = [
        np.maximum.accumulate([max(0.0, loss - base) for loss in scan(evidence, group, score)])
        for group, score in zip(evidence.channels.groups, scores, strict=True)
    ]
    highest = max((float(curve[-1]) for curve in curves), default=0.0)
    tiny = max(1e-9, 1e-6 * highest)
    rises = np.concatenate([[0.0], np.geomspace(tiny, max(tiny, highest) * 1.001, _STEPS)])

    def kept(rung: int) -> list[float]:
        return [
            len(score) * (1 - _share_at(curve, float(rises[rung])) * (rung > 0))
            for curve, score in zip(curves, scores, strict=True)
        ]

    return Ladder(len(rises), kept)


def scan(evidence: Evidence, group: ChannelGroup, score: Scores) -> list[float]:
    """The loss at each of SHARES, the group's lowest units held at zero."""
    order = np.argsort(score, kind="stable")
    losses = []
    for share in SHARES:
        gone = np.zeros(len(score), dtype=bool)
        gone[order[: int(share * len(score))]] = True
        losses.append(evidence.loss(group, gone))
    return losses


def _share_at(curve: npt.NDArray[np.float64], rise: float) -> float:
    """The largest share removed at which the loss has risen by at most `rise`; 1 beyond the last."""
    if curve[-1] <= rise:
        return 1.0
    at = int(np.searchsorted(curve, rise, side="right")) - 1
    span = curve[at + 1] - curve[at]
    return float(SHARES[at] + (SHARES[at + 1] - SHARES[at]) * (rise - curve[at]) / span)


SENSITIVITY = Allocation(
    "sensitivity", "every layer may cost the same loss, measured by a scan", ladder, needs_examples=True
)
