"""What ADD_N reads alike for every type: inputs of the output's shape."""

from edgeprune.ops.operands import Operands


def read_shape(operands: Operands, dtype: str) -> None:
    """Require two or more inputs, which like the output are of `dtype` and of one shape."""
    operands.count(2, max(2, len(operands.node.inputs)))
    for position in range(len(operands.node.inputs)):
        operands.same_dtype(operands.input(position), operands.output(), (dtype,))
        operands.same_shape(operands.input(position), operands.output())
