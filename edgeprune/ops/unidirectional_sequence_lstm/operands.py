"""The 24 inputs of UNIDIRECTIONAL_SEQUENCE_LSTM, and what its types have in common.

A step computes four gates from the input's row x and the hidden state h, unit by unit:

    gate = act(Wx x + b + Wh h)      act: sigmoid, for the cell gate tanh
    c    = forget * c + input * cell
    h    = output * tanh(c)

h is the output's row. c and h are variables: the state goes on from one run to the next. Only what
Keras' LSTM layer becomes exists in TFLM: no peepholes, projection or layer normalisation.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Field
from edgeprune.ops.operands import Operands
from edgeprune.tflite.graph import Array, Tensor
from edgeprune.tflite.options import SequenceLstmOptions

INPUTS = 24
GATES = ("input", "forget", "cell", "output")
"""In the order of the operands, and so of the first dimension of all stacked arrays."""
INPUT_GATE, FORGET_GATE, CELL_GATE, OUTPUT_GATE = range(4)
INPUT_WEIGHTS, RECURRENT_WEIGHTS, BIASES = 1, 5, 12
"""Where the four of each begin."""
HIDDEN, CELL = 18, 19
LEFT_OUT = (9, 10, 11, 16, 17, 20, 21, 22, 23)


@dataclass(frozen=True)
class Geometry:
    """Extents; the input's row of a batch and a step is batch * batch_stride + step * step_stride."""

    batches: int
    steps: int
    inputs: int
    units: int
    batch_stride: int
    step_stride: int

    @property
    def macs(self) -> int:
        """One for each weight, step and batch."""
        return 4 * self.units * (self.inputs + self.units) * self.steps * self.batches

    def c_fields(self) -> tuple[Field, ...]:
        """The first fields of the kernels' params."""
        names = ("batches", "steps", "inputs", "units", "batch_stride", "step_stride")
        return tuple(Field("int32_t", f"shape.{name}", getattr(self, name)) for name in names)

    def row(self, batch: int, step: int) -> int:
        """Which row of input and output a step works on."""
        return batch * self.batch_stride + step * self.step_stride


def read_geometry(operands: Operands) -> Geometry:
    """Check which operands there are, and their shapes; raises ModelError."""
    operands.count(INPUTS, INPUTS)
    for position in LEFT_OUT:
        if operands.optional(position) is not None:
            raise operands.error(
                f"input {position} is there: peepholes, projection and layer normalisation are not supported",
                hint="use the LSTM layer as Keras makes it",
            )
    options = operands.options(SequenceLstmOptions)
    if options.activation != "TANH":
        raise operands.error(
            f"the activation {options.activation} is not supported, only TANH",
            hint="use the LSTM layer with its usual activation, tanh",
        )
    source, result = operands.input(0), operands.output()
    if len(source.shape) != 3 or result.shape[:-1] != source.shape[:2]:
        raise operands.error(f"takes {source.shape} to {result.shape}: both need rows in two dimensions")
    hidden, cell = operands.variable(HIDDEN), operands.variable(CELL)
    first, second, inputs = source.shape
    units = result.shape[-1]
    steps, batches = (first, second) if options.time_major else (second, first)
    for state in (hidden, cell):
        if len(state.shape) != 2 or state.shape[1] != units or state.elements != batches * units:
            raise operands.error(f"the state {state.name!r} is {state.shape}, not ({batches}, {units})")
    for gate in range(len(GATES)):
        _check_shape(operands, INPUT_WEIGHTS + gate, (units, inputs))
        _check_shape(operands, RECURRENT_WEIGHTS + gate, (units, units))
        _check_shape(operands, BIASES + gate, (units,))
    strides = (1, batches) if options.time_major else (steps, 1)
    return Geometry(batches, steps, inputs, units, *strides)


def _check_shape(operands: Operands, position: int, shape: tuple[int, ...]) -> None:
    tensor = operands.constant(position)
    if tensor.shape != shape:
        raise operands.error(f"input {position} ({tensor.name!r}) is {tensor.shape}, must be {shape}")


def check_dtypes(operands: Operands, activations: str, weights: str, biases: str, cell: str) -> None:
    """Require the types of all operands; raises ModelError."""
    wanted: list[tuple[Tensor, str]] = [(operands.output(), activations)]
    wanted += [(operands.input(position), activations) for position in (0, HIDDEN)]
    wanted += [(operands.input(CELL), cell)]
    for gate in range(len(GATES)):
        wanted += [(operands.input(first + gate), weights) for first in (INPUT_WEIGHTS, RECURRENT_WEIGHTS)]
        wanted += [(operands.input(BIASES + gate), biases)]
    for tensor, dtype in wanted:
        if tensor.dtype != dtype:
            raise operands.error(f"{tensor.name!r} is {tensor.dtype}, must be {dtype}")


def stacked(operands: Operands, first: int) -> npt.NDArray[np.generic]:
    """The four constants from position `first`, one for each gate, as one array (4, ...)."""
    arrays: list[Array] = [operands.constant(first + gate).array() for gate in range(len(GATES))]
    return np.stack(arrays)
