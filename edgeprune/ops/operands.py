"""What the operators' `read` functions share: fetching a node's tensors, and refusing them well."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edgeprune.errors import ModelError
from edgeprune.ops.fixedpoint import activation_range
from edgeprune.tflite.graph import Node, QuantGraph, Tensor
from edgeprune.tflite.options import Activation, Options

Kind = TypeVar("Kind", bound=Options)


@dataclass(frozen=True)
class Operands:
    """The tensors of one node; each method raises a ModelError that names the node."""

    graph: QuantGraph
    node: Node

    def error(self, message: str, hint: str | None = None) -> ModelError:
        """A ModelError that says where this node is."""
        return ModelError(f"{self.graph.place(self.node)}: {message}", hint=hint)

    def count(self, least: int, most: int, outputs: int = 1) -> None:
        """Require `least` to `most` inputs, both inclusive, and exactly `outputs` outputs."""
        given = len(self.node.inputs)
        if not least <= given <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self.error(f"has {given} inputs, the operator takes {wanted}")
        if len(self.node.outputs) != outputs:
            raise self.error(f"has {len(self.node.outputs)} outputs, the operator has {outputs}")

    def optional(self, position: int) -> Tensor | None:
        """The input at `position`, None where it was left out."""
        if position >= len(self.node.inputs) or self.node.inputs[position] < 0:
            return None
        return self.graph.tensors[self.node.inputs[position]]

    def input(self, position: int) -> Tensor:
        """The input at `position`."""
        tensor = self.optional(position)
        if tensor is None:
            raise self.error(f"input {position} is missing")
        return tensor

    def output(self, position: int = 0) -> Tensor:
        """The output at `position`."""
        return self.graph.tensors[self.node.outputs[position]]

    def constant(self, position: int) -> Tensor:
        """The input at `position`, which must be a constant."""
        tensor = self.input(position)
        if not tensor.is_constant:
            raise self.error(f"input {position} ({tensor.name!r}) must be a constant, it is computed")
        return tensor

    def variable(self, position: int) -> Tensor:
        """The input at `position`, which must be a variable that is no other operand of this node."""
        tensor = self.input(position)
        if not tensor.is_variable:
            raise self.error(f"input {position} ({tensor.name!r}) must be a variable")
        if self.node.inputs.count(self.node.inputs[position]) > 1:
            raise self.error(f"the variable {tensor.name!r} is given twice")
        return tensor

    def int8(self, tensor: Tensor) -> Tensor:
        """`tensor`, which must be int8 with one scale."""
        if tensor.dtype != "int8":
            raise self.error(
                f"{tensor.name!r} is {tensor.dtype}, only int8 is supported",
                hint="convert the model with full int8 quantization, inputs and outputs included",
            )
        return self.one_scale(tensor)

    def one_scale(self, tensor: Tensor) -> Tensor:
        """`tensor`, which must be quantized with one scale."""
        if tensor.quantization is None or len(tensor.quantization.scales) != 1:
            raise self.error(f"{tensor.name!r} must be quantized with one scale")
        return tensor

    def same_shape(self, tensor: Tensor, out: Tensor) -> None:
        """Require `out` to have the shape of `tensor`."""
        if tensor.shape != out.shape:
            raise self.error(f"{out.name!r} is {out.shape}, {tensor.name!r} is {tensor.shape}")

    def same_dtype(self, tensor: Tensor, out: Tensor, allowed: Container[str]) -> None:
        """Require `out` to have the type of `tensor`, which must be in `allowed`."""
        if tensor.dtype not in allowed:
            raise self.error(f"{tensor.name!r} is {tensor.dtype}, which is not supported")
        if tensor.dtype != out.dtype:
            raise self.error(f"{out.name!r} is {out.dtype}, {tensor.name!r} is {tensor.dtype}")

    def integers(self, position: int, dtypes: Sequence[str] = ("int32",)) -> tuple[int, ...]:
        """The values of the input at `position`, which must be a constant, by default int32."""
        tensor = self.constant(position)
        if tensor.dtype not in dtypes:
            wanted = " or ".join(dtypes)
            raise self.error(f"input {position} ({tensor.name!r}) is {tensor.dtype}, must be {wanted}")
        return tuple(int(value) for value in tensor.array().reshape(-1))

    def axis(self, axis: int, rank: int) -> int:
        """`axis` of a tensor of `rank` dimensions, counted from the front."""
        if not -rank <= axis < rank:
            raise self.error(f"axis {axis} is no axis of {rank} dimensions")
        return axis % rank

    def options(self, kind: type[Kind]) -> Kind:
        """The options, which must be of class `kind`."""
        if not isinstance(self.node.options, kind):
            raise self.error(f"carries {type(self.node.options).__name__}, not {kind.__name__}")
        return self.node.options

    def activation_range(self, activation: Activation, output: Tensor) -> tuple[int, int]:
        """The range that a fused activation clamps `output` to, both ends inclusive."""
        try:
            return activation_range(activation, output.scale, output.zero_point, output.dtype)
        except ModelError as error:
            raise self.error(error.message, hint=error.hint) from error
