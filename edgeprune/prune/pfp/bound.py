"""The bound: how many draws, and how many distinct channels, for a layer's outputs to be within (1 +- eps).

    S    = sum of the sensitivities of a layer's input channels,    q_j = s_j / S
    St   = S 2 C ln(8 (patches + 1) window / delta)
    m    = max(1, ceil(3 (6 + 2 eps) St / eps^2))         draws with replacement
    u    = sum_j 1 - (1 - q_j)^m                          expected number of distinct channels

With randomly drawn and re-weighted channels every output of the layer is within (1 +- eps) of what it
was, with probability 1 - delta, taken alone and for weights of one sign. At the sizes that pruning is
for eps is in the hundreds: the guarantee is then empty, and what the bound gives is the proportions
between the layers. A layer whose sensitivities are concentrated keeps less.

Source:  Liebenwein et al., ICLR 2020, arXiv:1911.07412; constants as in the authors' code, ALGORITHMS
         section 2.3
"""

import math

import numpy as np

from edgeprune.prune.pfp.sensitivity import CONSTANT, FAILURE, SMALLEST, Values

_ROUNDING = 1e-9  # a sum of probabilities may end so far above a whole number


def probabilities(sensitivities: Values) -> Values:
    """q_j: sensitivities as shares of their sum, tiny ones 0; all 0 where the sensitivities are."""
    total = float(sensitivities.sum())
    shares = sensitivities / total if total > 0 else np.zeros(len(sensitivities))
    return np.where(shares <= SMALLEST, 0.0, shares)


def difficulty(total: float, patches: int, window: int, failure: float = FAILURE) -> float:
    """St: what the number of draws is proportional to; `total` is S."""
    return total * 2 * CONSTANT * math.log(8 * (patches + 1) * window / failure)


def draws(eps: float, difficulty: float) -> float:
    """m, a whole number; infinite where eps is 0 or next to it."""
    if eps == 0:
        return math.inf
    wanted = 3 * (6 / eps + 2) / eps * difficulty
    return float(max(1, math.ceil(wanted))) if math.isfinite(wanted) else math.inf


def vacuous_from(difficulty: float) -> float:
    """The smallest eps at which a single draw is enough: beyond it nothing changes."""
    return 3 * difficulty + math.sqrt(9 * difficulty**2 + 18 * difficulty)


def seen(q: Values, draws: float) -> Values:
    """The probability of each channel to be among so many draws."""
    with np.errstate(divide="ignore", invalid="ignore"):
        missed = np.exp(draws * np.log1p(-np.minimum(q, 1.0)))
    found: Values = np.where(q > 0, 1 - missed, 0.0)
    return found


def expected_unique(q: Values, draws: float) -> float:
    """u before rounding: how many distinct channels so many draws are expected to hit."""
    return float(seen(q, draws).sum())


def channels_kept(q: Values, draws: float) -> int:
    """k: the expected number of distinct channels, rounded up, between 1 and all."""
    return max(1, min(len(q), math.ceil(expected_unique(q, draws) - _ROUNDING)))


def draws_for(q: Values, distinct: int) -> int:
    """N: the fewest draws that are expected to hit `distinct` channels, fewer than have a probability."""
    high = 1
    while expected_unique(q, high) < distinct - _ROUNDING:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if expected_unique(q, middle) < distinct - _ROUNDING:
            low = middle
        else:
            high = middle
    return high
