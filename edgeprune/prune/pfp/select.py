"""Which channels stay, and by how much the weights that read them are multiplied.

deterministic   the k most sensitive, as they are
randomised      N draws with replacement with probabilities q; a channel drawn c times counts c / (N q),
                so that the expected output is the output of the whole layer
mixed           the channels with q >= 1/N for sure, as they are, and draws for the rest

Source:  Liebenwein et al., ICLR 2020, arXiv:1911.07412; the authors' code, ALGORITHMS section 2.4
Differs: the number of distinct channels in N draws varies, and the code corrects the size afterwards.
         Here the draws are repeated until exactly k channels are distinct, since k meets the speed-up;
         given that, a channel's expected factor is not 1: 0.93 to 1.02 over 4,000 draws of 8 of 16
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.errors import InternalError, UsageError
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.pfp.bound import draws_for, probabilities
from edgeprune.prune.pfp.sensitivity import Indices, Values, unit_sensitivities

_TRIES = 100_000
_TRIES_AT_ONCE = 100


@dataclass(frozen=True, eq=False)
class Selection:
    """The channels that stay, rising, and the factor of each for the weights that read it."""

    kept: Indices
    factors: Values


Choice = Callable[[Values, int, np.random.Generator], Selection]


def deterministic(sensitivities: Values, k: int) -> Selection:
    """The k most sensitive; of equals the later ones, as in the plan."""
    kept = np.sort(np.argsort(sensitivities, kind="stable")[len(sensitivities) - k :])
    return Selection(kept, np.ones(k))


def randomised(sensitivities: Values, k: int, rng: np.random.Generator) -> Selection:
    """k distinct channels by draws; without draws where no more than k have a probability."""
    q = probabilities(sensitivities)
    if k >= np.count_nonzero(q):
        return deterministic(q, k)
    draws = draws_for(q, k)
    counts = _draw_distinct(q, draws, k, rng)
    kept = np.flatnonzero(counts)
    return Selection(kept, factors(q, draws, counts)[kept])


def mixed(sensitivities: Values, k: int, rng: np.random.Generator) -> Selection:
    """The most sensitive for sure, the rest by draws; with k of 1 deterministic."""
    q = probabilities(sensitivities)
    if k <= 1 or k >= np.count_nonzero(q):
        return deterministic(sensitivities, k)
    sure = q >= 1 / draws_for(q, k)
    left = k - np.count_nonzero(sure)
    if left <= 0:
        return deterministic(sensitivities, k)
    others = np.flatnonzero(~sure)
    drawn = randomised(q[others], int(left), rng)
    all_factors = np.where(sure, 1.0, 0.0)
    all_factors[others[drawn.kept]] = drawn.factors
    kept = np.sort(np.concatenate([np.flatnonzero(sure), others[drawn.kept]]))
    return Selection(kept, all_factors[kept])


def draw(q: Values, draws: int, rng: np.random.Generator) -> Indices:
    """How often each channel is drawn, (channels,)."""
    return rng.multinomial(draws, q / q.sum())


def factors(q: Values, draws: int, counts: Indices) -> Values:
    """count / (N q), 0 for channels that were not drawn: its expectation is 1."""
    found = np.zeros(len(q))
    np.divide(counts, draws * q, out=found, where=counts > 0)
    return found


def _draw_distinct(q: Values, draws: int, k: int, rng: np.random.Generator) -> Indices:
    """Counts of draws that hit exactly k channels; by the choice of `draws` about k are expected."""
    for _ in range(0, _TRIES, _TRIES_AT_ONCE):
        counts = rng.multinomial(draws, q / q.sum(), size=_TRIES_AT_ONCE)
        fitting = counts[np.count_nonzero(counts, axis=1) == k]
        if len(fitting):
            return np.asarray(fitting[0], np.int64)
    raise InternalError(f"{draws} draws of {len(q)} channels never hit {k} distinct ones")


def drawn(evidence: Evidence, group: ChannelGroup, count: int, choose: Choice) -> Selection:
    """`count` units of a group, chosen with the evidence's generator, the same ones whenever asked again."""
    return evidence.once(
        ("pfp drawn", choose.__name__, group.name, count),
        lambda: choose(unit_sensitivities(evidence, group), count, evidence.rng),
    )


def factors_of(evidence: Evidence, kept: Sequence[Indices], choose: Choice | None = None) -> list[Values]:
    """For each group the factors of all its units, 0 for those that are not kept.

    Raises UsageError when the units were not drawn from this evidence.
    """
    found = []
    for group, stay in zip(evidence.channels.groups, kept, strict=True):
        factors = np.zeros(len(group.units))
        factors[stay] = 1.0
        if choose is not None and len(stay) < len(group.units):
            selection = drawn(evidence, group, len(stay), choose)
            if not np.array_equal(selection.kept, stay):
                raise UsageError(
                    f"the channels kept of {group.name} are not those that were drawn",
                    hint="repair a cut with the evidence that its plan was made from",
                )
            factors[stay] = selection.factors
        found.append(factors)
    return found
