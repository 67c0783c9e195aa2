"""What operators that move, join and cut tensors do not support is refused by name and reason."""

import numpy as np
import pytest
from support.tflite_writer import write

from edgeprune.errors import ModelError
from edgeprune.ops import bind
from edgeprune.ops.builder import activation, constant, one_op, per_channel, per_tensor
from edgeprune.tflite.graph import QuantGraph, Tensor
from edgeprune.tflite.options import (
    BatchMatMulOptions,
    BlockOptions,
    CumsumOptions,
    GatherOptions,
    MirrorMode,
    MirrorPadOptions,
    PackOptions,
    ResizeBilinearOptions,
    SqueezeOptions,
    TransposeConvOptions,
    UnpackOptions,
)
from edgeprune.tflite.read import read

X = activation((1, 4, 6), 0.1, 3)
BYTES = activation((1, 4, 6), 0.1, 3, dtype="uint8")
LONGS = activation((1, 4, 6), dtype="int64")
IMAGE = activation((1, 4, 6, 3), 0.1, 3)
COMPUTED = activation((1,), dtype="int32")


def like(*shape: int) -> Tensor:
    return activation(shape, 0.1, 3)


def ints(*values: int) -> Tensor:
    return constant(np.array(values, np.int32))


def split(axis: Tensor, *outputs: Tensor) -> QuantGraph:
    return one_op("SPLIT", [axis, X], outputs)


def split_v(axis: Tensor, *outputs: Tensor) -> QuantGraph:
    return one_op("SPLIT_V", [X, ints(1, 3), axis], outputs)


def pack(axis: int, count: int, out: Tensor, inputs: tuple[Tensor, ...] = (X, X)) -> QuantGraph:
    return one_op("PACK", inputs, out, PackOptions(count, axis))


def unpack(axis: int, num: int, *outputs: Tensor) -> QuantGraph:
    return one_op("UNPACK", [X], outputs, UnpackOptions(num, axis))


def cut(begin: Tensor, size: Tensor, out: Tensor) -> QuantGraph:
    return one_op("SLICE", [X, begin, size], out)


def gather(indices: Tensor, out: Tensor, axis: int = 1, batch_dims: int = 0, x: Tensor = X) -> QuantGraph:
    return one_op("GATHER", [x, indices], out, GatherOptions(axis, batch_dims))


def places(indices: Tensor, out: Tensor) -> QuantGraph:
    return one_op("GATHER_ND", [X, indices], out)


def mirror(*paddings: int, out: Tensor, mode: MirrorMode = "REFLECT") -> QuantGraph:
    pairs = constant(np.array(paddings, np.int32).reshape(-1, 2))
    return one_op("MIRROR_PAD", [X, pairs], out, MirrorPadOptions(mode))


def blocks(op: str, block: int, out: Tensor) -> QuantGraph:
    return one_op(op, [IMAGE], out, BlockOptions(block))


def batches(
    op: str, block: tuple[int, ...], ends: tuple[int, ...], out: Tensor, x: Tensor = IMAGE
) -> QuantGraph:
    return one_op(op, [x, ints(*block), constant(np.array(ends, np.int32).reshape(-1, 2))], out)


def resized(
    height: int, width: int, *, align: bool = False, half: bool = False, x: Tensor = IMAGE
) -> QuantGraph:
    out = activation((1, height, width, 3), 0.1, 3, dtype=x.dtype)
    return one_op("RESIZE_BILINEAR", [x, ints(height, width)], out, ResizeBilinearOptions(align, half))


def transposed(filters: Tensor, out: Tensor, x: Tensor = IMAGE, stride: int = 1) -> QuantGraph:
    return one_op(
        "TRANSPOSE_CONV", [ints(*out.shape), filters, x], out, TransposeConvOptions("SAME", stride, stride)
    )


def weights(*shape: int, value: int = 1) -> Tensor:
    return constant(np.full(shape, value, np.int8), per_tensor(0.1))


def product(a: Tensor, b: Tensor, out: Tensor) -> QuantGraph:
    return one_op("BATCH_MATMUL", [a, b], out, BatchMatMulOptions())


HALVES = like(1, 2, 6), like(1, 2, 6)
LONG_A, LONG_B = like(1, 1, 33026), like(1, 33026, 1)
TINY = activation((1, 4, 6), 1e-8)

REFUSED: dict[str, tuple[QuantGraph, str]] = {
    "SPLIT type": (one_op("SPLIT", [ints(1), BYTES], [BYTES]), "is uint8, which is not supported"),
    "SPLIT axis": (split(ints(3), *HALVES), "axis 3 is no axis of 3 dimensions"),
    "SPLIT axes": (split(ints(1, 2), *HALVES), "has 2 axes"),
    "SPLIT computed axis": (split(COMPUTED, *HALVES), "must be a constant"),
    "SPLIT unequal": (split(ints(1), like(1, 1, 6), like(1, 3, 6)), "the same shape"),
    "SPLIT short": (split(ints(1), like(1, 1, 6), like(1, 1, 6)), "add up to it"),
    "SPLIT rank": (split(ints(1), like(2, 6), like(2, 6)), "is (2, 6)"),
    "SPLIT_V short": (split_v(ints(1), like(1, 1, 6), like(1, 2, 6)), "add up to it"),
    "SPLIT_V other dimension": (split_v(ints(1), like(1, 1, 5), like(1, 3, 6)), "agree with the input"),
    "PACK count": (pack(0, 3, like(2, 1, 4, 6)), "one input for each index"),
    "PACK shape": (pack(0, 2, like(3, 1, 4, 6)), "one input for each index"),
    "PACK shapes": (pack(0, 2, like(2, 1, 4, 6), (X, like(1, 6, 4))), "with the output's shape less"),
    "PACK axis": (pack(4, 2, like(2, 1, 4, 6)), "axis 4 is no axis of 4"),
    "PACK type": (pack(0, 1, activation((1, 1, 4, 6), 0.1, dtype="uint8"), (BYTES,)), "is uint8"),
    "UNPACK count": (unpack(1, 4, like(1, 6), like(1, 6)), "one output for each index"),
    "UNPACK axis": (unpack(-4, 1, like(4, 6)), "axis -4 is no axis of 3"),
    "SLICE outside": (cut(ints(0, 3, 0), ints(1, 2, 6), like(1, 2, 6)), "inside the input"),
    "SLICE before": (cut(ints(0, -1, 0), ints(1, 2, 6), like(1, 2, 6)), "inside the input"),
    "SLICE shape": (cut(ints(0, 1, 0), ints(1, 2, 6), like(1, 3, 6)), "the output's shape"),
    "SLICE rank": (cut(ints(0, 1), ints(1, 2), like(1, 2)), "one begin and one size for each"),
    "SLICE computed": (
        cut(activation((3,), dtype="int32"), ints(1, 2, 6), like(1, 2, 6)),
        "must be a constant",
    ),
    "SLICE mixed": (
        cut(constant(np.zeros(3, np.int64)), ints(1, 4, 6), X),
        "begin and size must have the same type",
    ),
    "SQUEEZE extent": (one_op("SQUEEZE", [X], like(1, 4), SqueezeOptions((2,))), "must have extent 1"),
    "SQUEEZE shape": (one_op("SQUEEZE", [X], like(1, 24), SqueezeOptions((0,))), "shape must follow"),
    "EXPAND_DIMS axis": (one_op("EXPAND_DIMS", [X, ints(4)], like(1, 4, 6, 1)), "axis 4 is no axis of 4"),
    "EXPAND_DIMS axes": (one_op("EXPAND_DIMS", [X, ints(0, 1)], like(1, 1, 4, 6)), "must be one number"),
    "EXPAND_DIMS shape": (one_op("EXPAND_DIMS", [X, ints(0)], like(1, 4, 1, 6)), "extent 1 at the axis"),
    "EXPAND_DIMS type": (one_op("EXPAND_DIMS", [LONGS, ints(0)], LONGS), "is int64"),
    "SHAPE type": (one_op("SHAPE", [X], activation((3,), dtype="int64")), "must be int32"),
    "SHAPE shape": (one_op("SHAPE", [X], activation((4,), dtype="int32")), "one element for each"),
    "GATHER outside": (gather(ints(0, 4), like(1, 2, 6)), "inside the input"),
    "GATHER before": (gather(ints(-1, 2), like(1, 2, 6)), "inside the input"),
    "GATHER shape": (gather(ints(0, 2), like(1, 3, 6)), "in place of the axis"),
    "GATHER batches": (gather(ints(0), like(1, 4, 1), axis=0, batch_dims=1), "batch dimensions"),
    "GATHER many": (gather(ints(*[0] * 65536), like(1, 65536, 6)), "at most 65536 places"),
    "GATHER computed": (gather(COMPUTED, like(1, 1, 6)), "must be a constant"),
    "GATHER type": (gather(ints(0), activation((1, 1, 6), dtype="int64"), x=LONGS), "is int64"),
    "GATHER_ND outside": (places(constant(np.array([[0, 4]], np.int32)), like(1, 6)), "inside the input"),
    # Inside the tensor, as far as TFLM looks, but not inside its dimension.
    "GATHER_ND next row": (places(constant(np.array([[0, 0, 7]], np.int32)), like(1)), "Every coordinate"),
    "GATHER_ND rank": (places(constant(np.zeros((1, 4), np.int32)), like(1)), "are no coordinates"),
    "GATHER_ND shape": (
        places(constant(np.zeros((1, 2), np.int32)), like(1, 5)),
        "in place of the coordinates",
    ),
    "REVERSE_V2 apart": (one_op("REVERSE_V2", [X, ints(0, 2)], X), "have no other between them"),
    "REVERSE_V2 twice": (one_op("REVERSE_V2", [X, ints(1, 1)], X), "must be different"),
    "REVERSE_V2 axis": (one_op("REVERSE_V2", [X, ints(3)], X), "axis 3 is no axis"),
    "BROADCAST_TO shape": (one_op("BROADCAST_TO", [X, ints(1, 4, 12)], like(1, 4, 12)), "must broadcast"),
    "BROADCAST_TO stated": (one_op("BROADCAST_TO", [X, ints(2, 4, 6)], like(3, 4, 6)), "the stated shape"),
    "BROADCAST_TO rank": (
        one_op("BROADCAST_TO", [X, ints(1, 1, 1, 1, 4, 6)], like(1, 1, 1, 1, 4, 6)),
        "at most five",
    ),
    "SPACE_TO_DEPTH block": (blocks("SPACE_TO_DEPTH", 4, like(1, 1, 1, 48)), "Whole blocks"),
    "SPACE_TO_DEPTH zero": (blocks("SPACE_TO_DEPTH", 0, like(1, 4, 6, 3)), "Whole blocks"),
    "DEPTH_TO_SPACE block": (blocks("DEPTH_TO_SPACE", 2, like(1, 8, 12, 1)), "make whole blocks"),
    "SPACE_TO_BATCH_ND block": (
        batches("SPACE_TO_BATCH_ND", (3, 2), (0, 0, 0, 0), like(6, 1, 3, 3)),
        "Whole blocks",
    ),
    "SPACE_TO_BATCH_ND rank": (
        batches("SPACE_TO_BATCH_ND", (1,), (0, 0), like(4, 6), like(4, 6)),
        "must be 3-D or 4-D",
    ),
    "SPACE_TO_BATCH_ND negative": (
        batches("SPACE_TO_BATCH_ND", (2, 2), (-2, 0, 0, 0), like(4, 1, 3, 3)),
        "do not fit",
    ),
    "BATCH_TO_SPACE_ND batch": (
        batches("BATCH_TO_SPACE_ND", (2, 2), (0, 0, 0, 0), like(1, 8, 12, 3)),
        "whole blocks",
    ),
    "MIRROR_PAD long": (mirror(0, 0, 4, 0, 0, 0, out=like(1, 8, 6)), "must not be longer"),
    "MIRROR_PAD long symmetric": (
        mirror(0, 0, 0, 5, 0, 0, out=like(1, 9, 6), mode="SYMMETRIC"),
        "must not be longer",
    ),
    "MIRROR_PAD shape": (mirror(0, 0, 1, 0, 0, 0, out=X), "make the output's shape"),
    "MIRROR_PAD negative": (mirror(0, 0, -1, 1, 0, 0, out=X), "none negative"),
    "MIRROR_PAD pairs": (mirror(0, 0, 1, 1, out=like(1, 6, 6)), "the paddings have shape (2, 2)"),
    "RESIZE_BILINEAR modes": (resized(8, 12, align=True, half=True), "must not both be set"),
    # Steps of 1 / 1024 that are rounded up reach row 4 of 4.
    "RESIZE_BILINEAR far": (resized(6007, 6), "past the end of the input"),
    "RESIZE_BILINEAR type": (resized(8, 12, x=activation((1, 4, 6, 3), 0.1, dtype="uint8")), "is uint8"),
    "TRANSPOSE_CONV channels": (
        transposed(weights(2, 3, 3, 4), like(1, 4, 6, 2)),
        "for 4 input and 2 output",
    ),
    "TRANSPOSE_CONV rank": (transposed(weights(2, 9, 3), like(1, 4, 6, 2)), "it needs 4 dimensions"),
    "TRANSPOSE_CONV batch": (
        transposed(weights(2, 3, 3, 3), like(2, 4, 6, 2)),
        "an image is [1, height, width, channels]",
    ),
    "TRANSPOSE_CONV stride": (transposed(weights(2, 3, 3, 3), like(1, 4, 6, 2), stride=0), "must be 1 to"),
    "TRANSPOSE_CONV asymmetric": (
        transposed(constant(np.ones((2, 3, 3, 3), np.int8), per_tensor(0.1, 1)), like(1, 4, 6, 2)),
        "zero points of the filter must be 0",
    ),
    "TRANSPOSE_CONV axis": (
        transposed(constant(np.ones((2, 3, 3, 3), np.int8), per_channel([0.1] * 3, 3)), like(1, 4, 6, 2)),
        "quantized along axis 3",
    ),
    "TRANSPOSE_CONV scales": (
        transposed(weights(2, 3, 3, 3), activation((1, 4, 6, 2), 1e-12)),
        "less than 2^30 output scales",
    ),
    "TRANSPOSE_CONV work": (
        transposed(weights(1, 1, 1, 3), like(1, 4, 6, 1), stride=32767),
        "the input reaches",
    ),
    "BATCH_MATMUL depth": (product(X, like(1, 5, 2), like(1, 4, 2)), "does not give"),
    "BATCH_MATMUL batches": (product(like(2, 4, 6), like(3, 6, 2), like(3, 4, 2)), "does not give"),
    "BATCH_MATMUL sums": (product(LONG_A, LONG_B, like(1, 1, 1)), "at most 33025 products"),
    "BATCH_MATMUL rank": (product(like(6), like(6, 2), like(2)), "2 to 5 dimensions"),
    "BATCH_MATMUL scales": (product(X, like(1, 6, 2), activation((1, 4, 2), 1e-12)), "less than 2^30"),
    "CUMSUM scales": (one_op("CUMSUM", [X, ints(1)], TINY, CumsumOptions()), "larger than 2^-19"),
    "CUMSUM axis": (one_op("CUMSUM", [X, ints(3)], X, CumsumOptions()), "axis 3 is no axis"),
    "ADD_N scales": (one_op("ADD_N", [X, activation((1, 4, 6), 0.2, 3)], X), "scale and zero point of"),
    "ADD_N shapes": (one_op("ADD_N", [X, like(1, 4, 1)], X), "is (1, 4, 6)"),
    "ADD_N one": (one_op("ADD_N", [X], X), "has 1 inputs"),
    "ADD_N tiny": (one_op("ADD_N", [X, X], TINY), "larger than 2^-19"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_reason(name: str) -> None:
    graph, reason = REFUSED[name]
    with pytest.raises(ModelError) as caught:
        bind(graph)
    assert reason in caught.value.message
    assert f"{graph.nodes[0].op} (node 0, 'output0')" in caught.value.message


def test_options_that_no_reader_should_believe() -> None:
    dims = one_op("SQUEEZE", [like(1, 1)], like(1), SqueezeOptions((0,) * 9))
    with pytest.raises(ModelError, match="9"):
        read(write(dims))
    padded = write(mirror(0, 0, 0, 0, 0, 0, out=X, mode="SYMMETRIC"))
    assert read(padded).nodes[0].options == MirrorPadOptions("SYMMETRIC")
