"""Channel LASSO: choose the channels that an L1 penalty leaves to explain the next layer's outputs.

A factor on each channel's contribution to the next layer is fitted to the layer's outputs under an L1
penalty, which grows until few enough factors are not zero. Then the next layer's kernel is fitted to its
outputs before by least squares, layer by layer.

Source:  He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017,
         arXiv:1707.06168, section 3.1, equations 1 to 4
Cost:    one pass in numpy over the examples and one LASSO path for the choice, two passes for the repair
Differs: the penalty takes 100 values from where all factors are zero down to a thousandth; where none
         leaves the number wanted, the next smaller choice is filled up with those that come in next.
         Where several layers read a group, their outputs are fitted together, each relative to the sum of
         squares of its single contributions. The choice looks at the whole network, the repair at the cut
         one. A layer in front of an addition is fitted to its own outputs, and no 1x1 layer samples
         channels at the entrance of a residual block
"""

import numpy as np
import numpy.typing as npt

from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.contributions import Contributions, contributions
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.methods.base import Method, Scores, relative_to_mean
from edgeprune.prune.reconstruct import refit

Array = npt.NDArray[np.float64]

_PENALTIES = 100
_SMALLEST = 1e-3  # penalty, of the largest


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Mean over the penalties of |factor| * the size of the contribution, relative to the group."""
    found = contributions(evidence, group)
    return relative_to_mean(np.abs(_path(evidence, group)).mean(axis=0) * np.sqrt(np.diag(found.moments)))


def select(evidence: Evidence, group: ChannelGroup, scores: Scores, kept: int) -> npt.NDArray[np.int64]:
    """The places of the `kept` units that stay, rising."""
    return choose(_path(evidence, group), kept, scores)


def choose(factors: Array, kept: int, scores: Scores) -> npt.NDArray[np.int64]:
    """The largest choice of `factors` (penalties, units), falling penalties, with at most `kept` units.

    Missing ones are those that come in next, of equals those with the best scores, then the last.
    """
    used = factors != 0
    counts = used.sum(axis=1)
    step = int(np.flatnonzero(counts <= kept)[np.argmax(counts[counts <= kept])])
    comes_in = np.where(used.any(axis=0), used.argmax(axis=0), len(used))
    order = np.lexsort((-np.arange(len(scores)), -scores, comes_in, ~used[step]))
    return np.sort(order[:kept])


def _path(evidence: Evidence, group: ChannelGroup) -> Array:
    return evidence.once(("channel-lasso", group.name), lambda: lasso_path(contributions(evidence, group)))


def lasso_path(found: Contributions) -> Array:
    """Factors by penalty, (penalties, units), of contributions whose weights have the norm 1.

    The regression is written with the root of the moments, which has the same normal equations.
    """
    from sklearn.linear_model import lasso_path as solve

    norms = np.sqrt(found.squares)
    scales = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    values, vectors = np.linalg.eigh(found.moments * np.outer(scales, scales))
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    if not root.any():
        return np.zeros((_PENALTIES, len(norms)))
    wanted = root @ norms
    largest = float(np.abs(root.T @ wanted).max()) / len(root)
    penalties = np.geomspace(largest, _SMALLEST * largest, _PENALTIES)
    _, factors, _ = solve(root, wanted, alphas=penalties, max_iter=20000, tol=1e-6)
    return np.asarray(factors, np.float64).T


CHANNEL_LASSO = Method(
    "channel-lasso",
    "L1 penalty on channels for the next layer's outputs, then least squares",
    score,
    needs_examples=True,
    select=select,
    repair=refit,
    allocation="uniform",
)
