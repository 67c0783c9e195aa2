"""Allocation: how many units of each group stay, as one number is turned.

An allocation is a *ladder*: rung 0 keeps everything, and from rung to rung no group gets more. The plan
finds the rung that meets the speed-up by bisection, with exact costs, whatever the ladder is made of.
So any scoring goes with any allocation.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.prune.evidence import Evidence

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ladder:
    """`kept(rung)`, 0 <= rung < rungs: how many units of each group stay, before rounding.

    `describe(rung)` is what a report should say of that rung, as JSON values.
    """

    rungs: int
    kept: Callable[[int], list[float]]
    describe: Callable[[int], Mapping[str, object]] | None = None


@dataclass(frozen=True)
class Allocation:
    """A way to share out the cut; `ladder` takes the scores of all groups, in their order."""

    name: str
    summary: str
    ladder: Callable[[Evidence, Sequence[Scores]], Ladder]
    needs_examples: bool = False


def worths(evidence: Evidence, scores: Sequence[Scores]) -> list[Scores]:
    """What each unit is worth for what it costs: score * layers of its group / sqrt(MACs of one unit).

    Plain scores take most where the parameters are and the MACs are not, in the last layers; without the
    root the first layers are starved down to their floors.
    """
    costs = evidence.unit_macs
    return [
        score * len(group.layers) / math.sqrt(max(1, macs))
        for score, group, macs in zip(scores, evidence.channels.groups, costs, strict=True)
    ]


def by_share(kept_shares: Callable[[float], list[float]], sizes: Sequence[int]) -> Ladder:
    """The ladder of one share from 1 down to 0: `kept_shares(share)` gives each group's."""
    count = 4 * max(sizes, default=1)

    def kept(rung: int) -> list[float]:
        shares = kept_shares(1 - rung / count)
        return [min(1.0, share) * size for share, size in zip(shares, sizes, strict=True)]

    return Ladder(count + 1, kept)


def ranked(worth: Sequence[Scores]) -> Ladder:
    """The ladder of one list of all units, the least worth first; of equals those of earlier groups."""
    sizes = [len(group) for group in worth]
    ranks = sorted((float(score), place) for place, group in enumerate(worth) for score in group)
    order = np.array([place for _, place in ranks], dtype=np.int64)

    def kept(rung: int) -> list[float]:
        lost = np.bincount(order[:rung], minlength=len(sizes))
        return [float(size - gone) for size, gone in zip(sizes, lost, strict=True)]

    return Ladder(len(ranks) + 1, kept)
