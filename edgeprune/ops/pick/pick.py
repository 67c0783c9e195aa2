"""Operators that read at places that no stride describes (MIRROR_PAD, GATHER): a table per dimension.

The kernel moves bytes: trailing dimensions that are read in order are one run.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field, KernelCall
from edgeprune.ops.loops import OUTER_LOOPS
from edgeprune.ops.overlap import run_lags
from edgeprune.tflite.graph import DTYPES, Node

Table = npt.NDArray[np.int64]

MAX_ENTRIES = 1 << 16
"""Of all tables together, which take flash: operators have a rule on it, and on their dimensions."""


@dataclass(frozen=True, eq=False)
class Pick:
    """One table for each dimension of the output, outermost first, at most `OUTER_LOOPS`.

    At (i, j, ...) is the input's element tables[0][i] + tables[1][j] + ..., and the `run` - 1 that
    follow it.
    """

    dtype: str
    tables: tuple[Table, ...]
    run: int = 1


def pick_call(pick: Pick, node: Node) -> KernelCall:
    """The kernel call that copies; only the first input of `node` is data."""
    item = DTYPES[pick.dtype].itemsize
    run = pick.run * item
    places = [table * item for table in pick.tables]
    while places and np.array_equal(places[-1] - places[-1][0], np.arange(len(places[-1])) * run):
        run *= len(places[-1])
        start = places.pop()[0]
        if start:
            places = [*places, np.array([start])]
            break
    return _call(places, run, node)


def _call(places: list[Table], run: int, node: Node) -> KernelCall:
    start = sum(int(table[0]) for table in places)
    used = [table - table[0] for table in places if len(table) > 1]
    tables = [np.zeros(1, np.int64)] * (OUTER_LOOPS - len(used)) + used
    fields = (
        Field("int32_t", "extents", tuple(len(table) for table in tables)),
        Field("int32_t", "offsets", Constant(np.concatenate(tables).astype(np.int32))),
        Field("int32_t", "start", start),
        Field("int32_t", "run", run),
    )
    lags = run_lags(start, tables, run)
    return KernelCall("ep_pick_x8", fields, node.inputs[:1], node.outputs, lags=lags)
