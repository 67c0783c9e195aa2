"""What BATCH_MATMUL reads alike for every type: shapes, and how the operands are walked."""

from dataclasses import dataclass

import numpy as np

from edgeprune.ops.base import Field
from edgeprune.ops.loops import OUTER_LOOPS, Shape, broadcast_strides
from edgeprune.ops.operands import Operands
from edgeprune.ops.window import MAX_STEPS
from edgeprune.tflite.options import BatchMatMulOptions

MAX_RANK = 5


@dataclass(frozen=True)
class Matrices:
    """`batches` is what the operands' dimensions before the last two broadcast to.

    `batches_a`, `batches_b` are those of each operand; each output is `depth` products.
    """

    batches_a: Shape
    batches_b: Shape
    batches: Shape
    rows: int
    columns: int
    depth: int
    options: BatchMatMulOptions

    @property
    def macs(self) -> int:
        return int(np.prod(self.batches, dtype=object)) * self.rows * self.columns * self.depth

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of a kernel's params struct; strides are in elements."""
        idle = OUTER_LOOPS - len(self.batches)
        strides = []
        for own, size in ((self.batches_a, self.rows), (self.batches_b, self.columns)):
            walked = broadcast_strides(own, self.batches)
            strides.append((0,) * idle + tuple(stride * size * self.depth for stride in walked))
        adj_x, adj_y = self.options.adj_x, self.options.adj_y
        steps = {
            "rows": self.rows,
            "columns": self.columns,
            "depth": self.depth,
            "row_a": 1 if adj_x else self.depth,
            "step_a": self.rows if adj_x else 1,
            "column_b": self.depth if adj_y else 1,
            "step_b": 1 if adj_y else self.columns,
        }
        return (
            Field("int32_t", "extents", (1,) * idle + self.batches),
            Field("int32_t", "strides_a", strides[0]),
            Field("int32_t", "strides_b", strides[1]),
            *(Field("int32_t", name, value) for name, value in steps.items()),
        )


def read_matrices(operands: Operands, dtype: str) -> Matrices:
    """The shapes of a node whose tensors must be of `dtype`; raises ModelError."""
    operands.count(2, 2)
    a, b, out = operands.input(0), operands.input(1), operands.output()
    for x in (a, b):
        operands.same_dtype(x, out, (dtype,))
        if not 2 <= len(x.shape) <= MAX_RANK:
            raise operands.error(f"{x.name!r} is {x.shape}, matrices have 2 to {MAX_RANK} dimensions")
    options = operands.options(BatchMatMulOptions)
    rows, depth = a.shape[-2:][::-1] if options.adj_x else a.shape[-2:]
    columns, other = b.shape[-2:] if options.adj_y else b.shape[-2:][::-1]
    try:
        batches = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        batches = (0,)
    if depth != other or out.shape != (*batches, rows, columns):
        raise operands.error(
            f"{a.name!r} of {a.shape} times {b.name!r} of {b.shape} does not give {out.name!r} of {out.shape}"
        )
    matrices = Matrices(a.shape[:-2], b.shape[:-2], batches, rows, columns, depth, options)
    if matrices.macs > MAX_STEPS:
        raise operands.error(
            f"there are {matrices.macs} multiplications, at most {MAX_STEPS} are supported",
            hint="make the matrices smaller",
        )
    return matrices
