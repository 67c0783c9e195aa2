"""What an operator is: its parameters, rules, reference meaning, cases and C kernel.

Every folder beside this file is one operator and ends in one `Op`; `ops/__init__.py` lists them.
Ops return data (kernel name, params, constants); `codegen/writer.py` alone turns data into C.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from edgeprune.errors import ModelError
from edgeprune.tflite.graph import Array, Node, QuantGraph

P = TypeVar("P")


@dataclass(frozen=True, eq=False)
class Constant:
    """An array that lives in flash; the params field that holds it is a pointer to const."""

    array: npt.NDArray[Any]


@dataclass(frozen=True)
class Field:
    """One field of a kernel's params struct, or "struct.field" of a struct in it, in the C's order.

    `ctype` is the field's C type without const or star ("int32_t", "int8_t", "float"); a
    Constant's pointer has that as its element type. None is a null pointer.
    """

    ctype: str
    name: str
    value: int | float | tuple[int, ...] | Constant | None


@dataclass(frozen=True)
class KernelCall:
    """One call in the generated C.

        void KERNEL(const KERNEL_params *p, const IN *in0, …, OUT *out[, STATE *state0, …][, void *scratch]);

    declared in KERNEL.h, defined in KERNEL.c, both in the operator's folder. `inputs` are indices
    of the graph's tensors, in the order of the arguments: constants are passed as pointers into
    flash. `scratch_bytes` > 0 asks for the last argument, a buffer alive during this call only.
    `state` are variables that the kernel reads and writes.

    `lags` says where input and output may share bytes: (position among inputs, lag in bytes, 0 or
    more). The kernel is still right when that input begins at least so far above output 0, because
    whatever it has written by then lies below the lowest byte of that input that it has yet to read.
    SAME_PLACE of ops/overlap.py as a lag: only when both begin at the same byte.
    """

    kernel: str
    params: tuple[Field, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    scratch_bytes: int = 0
    lags: tuple[tuple[int, int], ...] = ()
    state: tuple[int, ...] = ()

    @property
    def constant_bytes(self) -> int:
        """What the arrays of its params take in flash."""
        return sum(field.value.array.nbytes for field in self.params if isinstance(field.value, Constant))


@dataclass(frozen=True)
class Variant(Generic[P]):
    """Another kernel of an operator, for cores with the feature `needs` (ops/cores.py).

    fits          whether it can run a node at all
    kernel        its call: the same bytes as the operator's own, portable kernel
    instructions  what one inference of the node executes, by a formula that tests hold against counts
    is_larger     it spends flash on speed: only taken where speed is asked for
    """

    name: str
    needs: str
    fits: Callable[[P], bool]
    kernel: Callable[[P, Node], KernelCall]
    instructions: Callable[[P], float]
    is_larger: bool = False


@dataclass(frozen=True)
class Case:
    """A network of one operator, to run in every implementation: TFLM, reference and kernels."""

    name: str
    graph: QuantGraph


@dataclass(frozen=True)
class Op(Generic[P]):
    """One TFLite operator, on some element types.

    read       node to Params; raises ModelError where the node has not the shape of the operator
    rules      predicates on Params; the docstring is the user's message and the docs' line
    reference  Params and the arrays of the node's inputs (constants included, None if left out)
               to the arrays of its outputs, and behind them the new values of its variables: slow,
               plain, bit for bit what TFLM computes
    kernel     the portable C that does it
    cases      small networks that reach every branch
    macs       multiply-accumulates of one inference
    is_alias   the output is the input's bytes: no kernel runs (RESHAPE)
    types      of the node's first input (of its output where it has none); () takes any
    typed_by   the position of the input that `types` is about, where it is not the first
    others     the same operator on other types
    variants   faster kernels for some cores
    variables  positions of the inputs that are variables, which it reads and changes
    """

    name: str
    read: Callable[[QuantGraph, Node], P]
    rules: tuple[Callable[[P], bool], ...]
    reference: Callable[[P, Sequence[Array | None]], list[Array]]
    kernel: Callable[[P, Node], KernelCall]
    cases: Callable[[np.random.Generator], Iterator[Case]]
    macs: Callable[[P], int] = lambda params: 0
    is_alias: bool = False
    types: tuple[str, ...] = ()
    others: "tuple[Op[Any], ...]" = ()
    variants: tuple[Variant[P], ...] = ()
    typed_by: int = 0
    variables: tuple[int, ...] = ()

    def of(self, graph: QuantGraph, node: Node) -> "Op[Any]":
        """This operator on the types of `node`; itself, which will refuse them, where none fits."""
        present = [i for i in (*node.inputs[self.typed_by :], *node.outputs) if i >= 0]
        dtype = graph.tensors[present[0]].dtype if present else ""
        return next((op for op in (self, *self.others) if not op.types or dtype in op.types), self)

    def checked(self, graph: QuantGraph, node: Node) -> P:
        """Read the params of `node` and hold every rule against them; raises ModelError."""
        params = self.read(graph, node)
        for rule in self.rules:
            if not rule(params):
                raise ModelError(
                    f"{graph.place(node)} is not supported: {(rule.__doc__ or rule.__name__).strip()}",
                    hint="change that layer in the model, or report the model as an issue",
                )
        return params
