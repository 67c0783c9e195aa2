"""The cases that both poolings share."""

from collections.abc import Iterator

from edgeprune.ops.base import Case
from edgeprune.ops.builder import activation, one_op
from edgeprune.ops.fixedpoint import window_output
from edgeprune.tflite.options import Activation, Padding, PoolOptions


def pool_cases(op: str) -> Iterator[Case]:
    """Networks of the pooling operator `op`."""

    def case(
        name: str,
        image: tuple[int, int, int],
        window: tuple[int, int],
        stride: tuple[int, int],
        padding: Padding = "VALID",
        fused: Activation = "NONE",
        scale: float = 0.05,
        zero_point: int = 3,
    ) -> Case:
        out_h = window_output(padding, image[0], window[0], stride[0])
        out_w = window_output(padding, image[1], window[1], stride[1])
        source = activation((1, *image), scale, zero_point)
        result = activation((1, out_h, out_w, image[2]), scale, zero_point)
        options = PoolOptions(padding, stride[0], stride[1], window[0], window[1], fused)
        return Case(name, one_op(op, [source], result, options))

    yield case("window 2, stride 2", (4, 6, 5), (2, 2), (2, 2))
    yield case("whole image", (5, 7, 3), (5, 7), (5, 7))
    yield case("one element", (1, 1, 1), (1, 1), (1, 1))
    yield case("same, odd image, even window", (5, 7, 2), (2, 4), (2, 3), "SAME")
    yield case("same, window over all borders", (3, 2, 4), (5, 5), (1, 1), "SAME")
    yield case("same, stride beyond window", (7, 8, 3), (2, 1), (3, 4), "SAME")
    yield case("valid, stride beyond window", (7, 8, 3), (2, 1), (3, 4))
    yield case("relu", (4, 4, 3), (2, 2), (2, 2), "VALID", "RELU", zero_point=-20)
    yield case("relu6", (4, 4, 3), (3, 3), (1, 1), "SAME", "RELU6", 0.1, -30)
    yield case("relu -1 to 1", (4, 4, 3), (3, 2), (1, 2), "SAME", "RELU_N1_TO_1", 0.03, 10)
    yield case("zero point lowest", (4, 5, 3), (3, 3), (2, 2), "SAME", "RELU6", 0.0235, -128)
    yield case("zero point highest", (4, 5, 3), (3, 3), (2, 2), "SAME", "RELU", 0.0235, 127)
    yield case("1 x N", (1, 9, 2), (1, 3), (1, 2), "SAME")
