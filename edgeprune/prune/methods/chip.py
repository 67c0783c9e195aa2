"""CHIP: remove the channels that the others of their layer make up for: least channel independence.

The independence of a channel is what the nuclear norm of all maps, stacked as the rows of one matrix,
loses when its row is set to zero.

Source:  Sui et al., "CHIP: CHannel Independence-based Pruning for Compact Neural Networks", NeurIPS 2021,
         arXiv:2110.13981, section 3.2 (equation 3 and 4, one channel at a time)
Cost:    for C channels of P positions and each example, C eigenvalue problems of size min(C, P)
Differs: singular values are the roots of the eigenvalues of the Gram matrix, less a row and a column: exact
         up to rounding, about 1e-7 of the largest singular value. 50 examples, the paper takes 5 batches
         of 128; maps as in apoz, the mean over all places where a next layer reads the group, each
         relative to its mean
"""

import numpy as np

from edgeprune.graph.ir import Node
from edgeprune.prune.channels import ChannelGroup
from edgeprune.prune.evidence import Array, Evidence
from edgeprune.prune.feature_maps import averages, mean_over_places
from edgeprune.prune.methods.base import Method, Scores, relative_to_mean

EXAMPLES = 50


def score(evidence: Evidence, group: ChannelGroup) -> Scores:
    """Relative channel independence of each unit, averaged over examples."""
    found = averages(evidence, group, "chip", independence, limit=EXAMPLES)
    return mean_over_places([relative_to_mean(each) for each in found])


def independence(maps: Array, node: Node) -> Array:
    """What the nuclear norm loses without each unit, (units, N) of maps (units, N, positions)."""
    stacks = np.moveaxis(maps, 1, 0).astype(np.float64)
    found: Array = np.stack([_losses(stack) for stack in stacks], axis=1)
    return found


def _losses(stack: Array) -> Array:
    """Of one example, (units, positions)."""
    units, positions = stack.shape
    if units <= positions:
        gram = stack @ stack.T
        others = np.array([np.delete(np.arange(units), unit) for unit in range(units)], dtype=np.int64)
        without = gram[others[:, :, None], others[:, None, :]]
    else:
        gram = stack.T @ stack
        without = gram - stack[:, :, None] * stack[:, None, :]
    found: Array = np.maximum(_nuclear_norm(gram) - _nuclear_norm(without), 0.0)
    return found


def _nuclear_norm(gram: Array) -> Array:
    """Sum of singular values of the matrices with these Gram matrices (..., n, n)."""
    found: Array = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0)).sum(axis=-1)
    return found


CHIP = Method(
    "chip", "least independent of the other channels", score, needs_examples=True, allocation="uniform"
)
