"""Small networks of several operators, for tests of what works on whole graphs."""

from dataclasses import dataclass, field

import numpy as np

from edgeprune.tflite.graph import Array, Node, QuantGraph, Quantization, Tensor
from edgeprune.tflite.options import (
    ConvOptions,
    FullyConnectedOptions,
    NoOptions,
    Options,
    PoolOptions,
    SoftmaxOptions,
)

QUANTIZATION = Quantization((0.0625,), (-3,))


@dataclass
class NetworkBuilder:
    """Collects tensors and nodes; every method returns the index of a tensor."""

    tensors: list[Tensor] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def tensor(self, name: str, shape: tuple[int, ...], quantization: Quantization = QUANTIZATION) -> int:
        """An int8 activation."""
        self.tensors.append(Tensor(name, "int8", shape, quantization))
        return len(self.tensors) - 1

    def constant(self, name: str, array: Array, quantization: Quantization | None = None) -> int:
        self.tensors.append(Tensor(name, str(array.dtype), array.shape, quantization, array.tobytes()))
        return len(self.tensors) - 1

    def node(self, op: str, inputs: tuple[int, ...], output: int, options: Options | None = None) -> int:
        self.nodes.append(Node(op, 1, inputs, (output,), options or NoOptions()))
        return output

    def pool(self, source: int, name: str) -> int:
        """Max pooling by 2x2."""
        one, height, width, channels = self.tensors[source].shape
        output = self.tensor(name, (one, height // 2, width // 2, channels))
        return self.node("MAX_POOL_2D", (source,), output, PoolOptions("VALID", 2, 2, 2, 2))

    def reshape(self, source: int, name: str, shape: tuple[int, ...]) -> int:
        wanted = self.constant(f"{name}/shape", np.array(shape, np.int32))
        return self.node("RESHAPE", (source, wanted), self.tensor(name, shape))

    def graph(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> QuantGraph:
        return QuantGraph(tuple(self.tensors), tuple(self.nodes), inputs, outputs)


def tiny_network() -> QuantGraph:
    """Convolution, pooling, flatten, dense, softmax: (6,6,2) to 3 classes."""
    rng = np.random.default_rng(1)
    net = NetworkBuilder()
    image = net.tensor("image", (1, 6, 6, 2))
    scales = tuple(float(np.float32(s)) for s in (0.01, 0.02, 0.015, 0.03))
    filters = net.constant(
        "tiny/stem/Conv2D",
        rng.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8),
        Quantization(scales, (0,) * 4),
    )
    biases = net.constant(
        "tiny/stem/bias",
        rng.integers(-500, 500, 4).astype(np.int32),
        Quantization(tuple(float(np.float32(s * 0.0625)) for s in scales), (0,) * 4),
    )
    stem = net.tensor("tiny/activation/Relu;tiny/stem/BiasAdd;tiny/stem/Conv2D", (1, 6, 6, 4))
    net.node("CONV_2D", (image, filters, biases), stem, ConvOptions(activation="RELU"))
    flat = net.reshape(net.pool(stem, "tiny/pool/MaxPool"), "tiny/flatten/Reshape", (1, 36))
    weights = net.constant(
        "tiny/dense/MatMul",
        rng.integers(-127, 128, (3, 36)).astype(np.int8),
        Quantization((0.0078125,), (0,)),
    )
    offsets = net.constant(
        "tiny/dense/bias", np.array([100, -50, 0], np.int32), Quantization((0.0625 * 0.0078125,), (0,))
    )
    logits = net.tensor("tiny/dense/MatMul;tiny/dense/BiasAdd", (1, 3))
    net.node("FULLY_CONNECTED", (flat, weights, offsets), logits, FullyConnectedOptions())
    classes = net.tensor("StatefulPartitionedCall_1:0", (1, 3), Quantization((1 / 256,), (-128,)))
    net.node("SOFTMAX", (logits,), classes, SoftmaxOptions())
    return net.graph((image,), (classes,))
