"""Networks of one BATCH_MATMUL."""

from collections.abc import Iterator

import numpy as np

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, constant, one_op, per_tensor
from edgeprune.ops.loops import Shape
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import BatchMatMulOptions

SCALES_ONLY = (
    "zero_points_lowest",
    "zero_points_apart",
    "multiplier_above_1",
    "multiplier_tiny",
    "product_rounds",
)

# Name, dimensions before the last two of a and of b, rows, columns, depth.
SHAPES: tuple[tuple[str, Shape, Shape, int, int, int], ...] = (
    ("matrices", (), (), 1, 5, 4),
    ("batch", (1,), (1,), 3, 5, 4),
    ("attention", (1, 4), (1, 4), 6, 6, 8),
    ("b_for_all", (1, 3), (), 2, 5, 4),
    ("b_broadcasts", (1, 3), (1, 1), 2, 5, 4),
    ("a_broadcasts", (1, 1), (1, 3), 2, 5, 4),
    ("both_broadcast", (1, 2, 1), (1, 1, 3), 2, 3, 4),
    ("alternating", (1, 3, 2), (1, 1, 2), 2, 3, 4),
    ("column", (1,), (1,), 7, 1, 3),
    ("one_product", (1,), (1,), 4, 3, 1),
)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Shapes and broadcasts as they are and transposed, constants on both sides, scales, zero points."""
    for name, batches_a, batches_b, rows, columns, depth in SHAPES:
        for adj_x, adj_y in ((False, False), (True, False), (False, True), (True, True)):
            a = (*batches_a, depth, rows) if adj_x else (*batches_a, rows, depth)
            b = (*batches_b, columns, depth) if adj_y else (*batches_b, depth, columns)
            suffix = f"{'_x' if adj_x else ''}{'_y' if adj_y else ''}"
            yield Case(f"{name}{suffix}", network(a, b, BatchMatMulOptions(adj_x, adj_y)))
    yield from _constants(rng)
    shapes = (1, 3, 6), (1, 6, 2)
    for name, low, high, scale in (
        ("zero_points_lowest", -128, -128, 0.4),
        ("zero_points_apart", -128, 127, 0.4),
        ("multiplier_above_1", 3, 4, 0.0007),
        ("multiplier_tiny", 3, 4, 3000.0),
    ):
        yield Case(name, network(*shapes, zero_points=(low, high), out_scale=scale))
    # The product of the scales is half the output's if it is rounded to float32. Exact, it is a little
    # more, and negative halves are rounded the other way.
    rounded = float(np.float32(0.1) * np.float32(0.3))
    one = constant(np.ones((1, 1), np.int8), per_tensor(0.3))
    x, out = activation((1, 99, 1), 0.1), activation((1, 99, 1), 2 * rounded)
    yield Case("product_rounds", one_op("BATCH_MATMUL", [x, one], out, BatchMatMulOptions()))


def _constants(rng: np.random.Generator) -> Iterator[Case]:
    fixed = constant(rng.integers(-128, 128, (4, 5)).astype(np.int8), per_tensor(0.02, -3))
    x, out = activation((1, 3, 4), 0.05, 7), activation((1, 3, 5), 0.3, 1)
    yield Case("constant_b", one_op("BATCH_MATMUL", [x, fixed], out, BatchMatMulOptions()))
    y, out = activation((1, 3, 5), 0.05, 7), activation((1, 4, 3), 0.3, 1)
    yield Case("constant_a", one_op("BATCH_MATMUL", [fixed, y], out, BatchMatMulOptions(adj_y=True)))
    out = activation((1, 4, 4), 0.3, 1)
    yield Case("same_tensor", one_op("BATCH_MATMUL", [x, x], out, BatchMatMulOptions(adj_x=True)))


def network(
    a: Shape,
    b: Shape,
    options: BatchMatMulOptions | None = None,
    *,
    zero_points: tuple[int, int] = (5, -8),
    out_scale: float = 0.3,
) -> QuantGraph:
    """One node on computed matrices."""
    options = options or BatchMatMulOptions()
    rows = a[-1] if options.adj_x else a[-2]
    columns = b[-2] if options.adj_y else b[-1]
    out = (*np.broadcast_shapes(a[:-2], b[:-2]), rows, columns)
    inputs = [activation(a, 0.05, zero_points[0]), activation(b, 0.04, zero_points[1])]
    return one_op("BATCH_MATMUL", inputs, activation(out, out_scale, 11), options)
