"""The options of an operator, from its table in the file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edgeprune.errors import ModelError
from edgeprune.tflite import options
from edgeprune.tflite.flatbuffer import Table, damaged
from edgeprune.tflite.opcodes import ACTIVATIONS, PADDINGS
from edgeprune.tflite.options import Activation, Options, Padding

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Fields:
    """The fields of an options table, which may be absent as a whole: then all are defaults."""

    table: Table | None

    def integer(self, field: int, default: int = 0) -> int:
        return default if self.table is None else self.table.integer(field, "int32", default)

    def boolean(self, field: int) -> bool:
        return self.table is not None and self.table.boolean(field)

    def real(self, field: int) -> float:
        value = 0.0 if self.table is None else self.table.real(field)
        if not abs(value) < float("inf"):
            raise damaged(f"an option is {value}")
        return value

    def padding(self, field: int) -> Padding:
        return _pick(PADDINGS, self._byte(field), "padding")

    def activation(self, field: int) -> Activation:
        return _pick(ACTIVATIONS, self._byte(field), "fused activation")

    def _byte(self, field: int) -> int:
        return 0 if self.table is None else self.table.integer(field, "int8")


def _pick(names: tuple[_T, ...], code: int, what: str) -> _T:
    if not 0 <= code < len(names):
        raise damaged(f"{code} is no {what}")
    return names[code]


def _conv(f: _Fields) -> Options:
    return options.ConvOptions(
        padding=f.padding(0),
        stride_w=f.integer(1),
        stride_h=f.integer(2),
        activation=f.activation(3),
        dilation_w=f.integer(4, 1),
        dilation_h=f.integer(5, 1),
    )


def _depthwise(f: _Fields) -> Options:
    return options.DepthwiseConvOptions(
        padding=f.padding(0),
        stride_w=f.integer(1),
        stride_h=f.integer(2),
        depth_multiplier=f.integer(3),
        activation=f.activation(4),
        dilation_w=f.integer(5, 1),
        dilation_h=f.integer(6, 1),
    )


def _fully_connected(f: _Fields) -> Options:
    if f.table is not None and f.table.integer(1, "int8"):
        raise ModelError(
            "FULLY_CONNECTED with shuffled weights is not supported",
            hint="convert the model again for the reference kernels",
        )
    return options.FullyConnectedOptions(activation=f.activation(0), keep_num_dims=f.boolean(2))


def _pool(f: _Fields) -> Options:
    return options.PoolOptions(
        padding=f.padding(0),
        stride_w=f.integer(1),
        stride_h=f.integer(2),
        window_w=f.integer(3),
        window_h=f.integer(4),
        activation=f.activation(5),
    )


def _arithmetic(f: _Fields) -> Options:
    return options.ArithmeticOptions(f.activation(0))


def _concatenation(f: _Fields) -> Options:
    return options.ConcatenationOptions(f.integer(0), f.activation(1))


def _strided_slice(f: _Fields) -> Options:
    return options.StridedSliceOptions(
        begin_mask=f.integer(0),
        end_mask=f.integer(1),
        ellipsis_mask=f.integer(2),
        new_axis_mask=f.integer(3),
        shrink_axis_mask=f.integer(4),
        offset=f.boolean(5),
    )


_Maker = Callable[[_Fields], Options]

# By operator: the code of the options table in the schema's union, and what makes our options of it.
_READERS: dict[str, tuple[int, _Maker]] = {
    "CONV_2D": (1, _conv),
    "DEPTHWISE_CONV_2D": (2, _depthwise),
    "AVERAGE_POOL_2D": (5, _pool),
    "MAX_POOL_2D": (5, _pool),
    "FULLY_CONNECTED": (8, _fully_connected),
    "SOFTMAX": (9, lambda f: options.SoftmaxOptions(f.real(0))),
    "CONCATENATION": (10, _concatenation),
    "ADD": (11, _arithmetic),
    "MUL": (21, _arithmetic),
    "MEAN": (27, lambda f: options.ReducerOptions(f.boolean(0))),
    "SUB": (28, _arithmetic),
    "STRIDED_SLICE": (32, _strided_slice),
    "RESIZE_NEAREST_NEIGHBOR": (
        74,
        lambda f: options.ResizeNearestOptions(f.boolean(0), f.boolean(1)),
    ),
    "LEAKY_RELU": (75, lambda f: options.LeakyReluOptions(f.real(0))),
}


def read_options(op: str, code: int, table: Table | None) -> Options:
    """The options of operator `op`; `code` is the kind of `table` that its node states."""
    if op not in _READERS:
        return options.NoOptions()
    expected, make = _READERS[op]
    if table is not None and code != expected:
        raise damaged(f"{op} carries options of kind {code}, not {expected}")
    return make(_Fields(table))
