"""Networks of one SUM: those of MEAN."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.mean.cases import cases as mean_cases


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Axes of every kind, extreme scales."""
    for case in mean_cases(rng):
        (node,) = case.graph.nodes
        yield replace(case, graph=replace(case.graph, nodes=(replace(node, op="SUM"),)))
