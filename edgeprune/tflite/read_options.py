"""The options of an operator, from its table in the file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edgeprune.errors import ModelError
from edgeprune.tflite import options
from edgeprune.tflite.flatbuffer import Table, damaged
from edgeprune.tflite.opcodes import ACTIVATIONS, MIRROR_MODES, PADDINGS
from edgeprune.tflite.options import Activation, MirrorMode, Options, Padding

_T = TypeVar("_T")

MAX_VALUES = 8
MAX_TEXT_BYTES = 4096
"""Of an option that is a list: it names dimensions."""


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
        return _pick(PADDINGS, self.byte(field), "padding")

    def activation(self, field: int) -> Activation:
        return _pick(ACTIVATIONS, self.byte(field), "fused activation")

    def mirror_mode(self, field: int) -> MirrorMode:
        return _pick(MIRROR_MODES, self.byte(field), "mirror mode")

    def integers(self, field: int) -> tuple[int, ...]:
        return () if self.table is None else self.table.integers(field, "int32", "options", MAX_VALUES)

    def text(self, field: int) -> str:
        return "" if self.table is None else self.table.string(field, MAX_TEXT_BYTES)

    def byte(self, field: int) -> int:
        """An enumeration's number, 0 where it is absent."""
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
        quantized_bias_type=f.byte(6),
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
    return options.FullyConnectedOptions(
        activation=f.activation(0), keep_num_dims=f.boolean(2), quantized_bias_type=f.byte(4)
    )


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


def _reducer(f: _Fields) -> Options:
    return options.ReducerOptions(f.boolean(0))


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


def _transpose_conv(f: _Fields) -> Options:
    return options.TransposeConvOptions(
        padding=f.padding(0), stride_w=f.integer(1), stride_h=f.integer(2), activation=f.activation(3)
    )


_Maker = Callable[[_Fields], Options]


def _sequence_lstm(f: _Fields) -> Options:
    if f.boolean(5):
        raise ModelError(
            "UNIDIRECTIONAL_SEQUENCE_LSTM with diagonal recurrent tensors is not supported",
            hint="use the ordinary LSTM layer",
        )
    return options.SequenceLstmOptions(
        activation=f.activation(0), cell_clip=f.real(1), proj_clip=f.real(2), time_major=f.boolean(3)
    )


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
    "MEAN": (27, _reducer),
    "SUB": (28, _arithmetic),
    "DIV": (29, _arithmetic),
    "L2_NORMALIZATION": (12, _arithmetic),
    "SUM": (27, _reducer),
    "REDUCE_MAX": (27, _reducer),
    "REDUCE_MIN": (27, _reducer),
    "STRIDED_SLICE": (32, _strided_slice),
    "RESIZE_NEAREST_NEIGHBOR": (
        74,
        lambda f: options.ResizeNearestOptions(f.boolean(0), f.boolean(1)),
    ),
    "RESIZE_BILINEAR": (15, lambda f: options.ResizeBilinearOptions(f.boolean(2), f.boolean(3))),
    "SPACE_TO_DEPTH": (19, lambda f: options.BlockOptions(f.integer(0))),
    "GATHER": (23, lambda f: options.GatherOptions(f.integer(0), f.integer(1))),
    "SQUEEZE": (30, lambda f: options.SqueezeOptions(f.integers(0))),
    "TRANSPOSE_CONV": (49, _transpose_conv),
    "PACK": (59, lambda f: options.PackOptions(f.integer(0), f.integer(1))),
    "UNPACK": (64, lambda f: options.UnpackOptions(f.integer(0), f.integer(1))),
    "MIRROR_PAD": (77, lambda f: options.MirrorPadOptions(f.mirror_mode(0))),
    "DEPTH_TO_SPACE": (94, lambda f: options.BlockOptions(f.integer(0))),
    "BATCH_MATMUL": (101, lambda f: options.BatchMatMulOptions(f.boolean(0), f.boolean(1))),
    "CUMSUM": (102, lambda f: options.CumsumOptions(f.boolean(0), f.boolean(1))),
    "VAR_HANDLE": (111, lambda f: options.VarHandleOptions(f.text(0), f.text(1))),
    "CALL_ONCE": (103, lambda f: options.CallOnceOptions(f.integer(0))),
    "SVDF": (6, lambda f: options.SvdfOptions(f.integer(0), f.activation(1))),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (71, _sequence_lstm),
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
