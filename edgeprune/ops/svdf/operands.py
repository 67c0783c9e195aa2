"""The five inputs of SVDF, a dense layer with a memory: what its types have in common.

Each of `units` x `rank` filters gives one feature of the input, remembers the last `memory` of them in
the state, and weighs these; a unit adds up its filters and a bias. The state is a variable
(batches, filters, memory), the newest feature last.
"""

from dataclasses import dataclass

from edgeprune.ops.base import Field
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Tensor
from edgeprune.tflite.options import SvdfOptions

FEATURE_WEIGHTS, TIME_WEIGHTS, BIAS, STATE = 1, 2, 3, 4


@dataclass(frozen=True)
class Geometry:
    batches: int
    inputs: int
    units: int
    rank: int
    memory: int

    @property
    def filters(self) -> int:
        return self.units * self.rank

    @property
    def macs(self) -> int:
        """One for each weight and batch."""
        return self.filters * (self.inputs + self.memory) * self.batches

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of the kernels' params."""
        names = ("batches", "inputs", "units", "rank", "memory")
        return tuple(Field("int32_t", name, getattr(self, name)) for name in names)


def read_geometry(operands: Operands) -> Geometry:
    """Check which operands there are, and their shapes; raises ModelError."""
    operands.count(5, 5)
    source, result = operands.input(0), operands.output()
    features, times = operands.constant(FEATURE_WEIGHTS), operands.constant(TIME_WEIGHTS)
    bias, state = operands.constant(BIAS), operands.variable(STATE)
    rank = operands.options(SvdfOptions).rank
    if len(source.shape) != 2 or len(features.shape) != 2 or len(times.shape) != 2:
        raise operands.error("input and weights must have two dimensions")
    batches, inputs = source.shape
    filters, memory = features.shape[0], times.shape[1]
    if rank < 1 or filters % rank:
        raise operands.error(f"{filters} filters are no groups of {rank}")
    units = filters // rank
    wanted: list[tuple[Tensor, tuple[int, ...]]] = [
        (features, (filters, inputs)),
        (times, (filters, memory)),
        (bias, (units,)),
        (state, (batches, memory * filters)),
        (result, (batches, units)),
    ]
    for tensor, shape in wanted:
        if tensor.shape != shape:
            raise operands.error(f"{tensor.name!r} is {tensor.shape}, must be {shape}")
    return Geometry(batches, inputs, units, rank, memory)


def check_dtypes(operands: Operands, *dtypes: str) -> None:
    """Require the types of input, feature weights, time weights, bias, state and output."""
    tensors = [*(operands.input(position) for position in range(5)), operands.output()]
    for tensor, dtype in zip(tensors, dtypes, strict=True):
        if tensor.dtype != dtype:
            raise operands.error(f"{tensor.name!r} is {tensor.dtype}, must be {dtype}")
