"""Layer names, from names that TensorFlow's converter gave to real networks."""

import pytest

from edgeprune.codegen.names import layer_name


@pytest.mark.parametrize(
    ("op", "tensor", "name"),
    [
        ("FULLY_CONNECTED", "functional_1/activation/Relu;functional_1/dense/BiasAdd", "dense"),
        (
            "CONV_2D",
            "model/activation/Relu;model/batch_normalization/FusedBatchNormV3;"
            "model/conv2d/BiasAdd/ReadVariableOp/resource;model/conv2d/BiasAdd;"
            "model/conv2d_2/Conv2D;model/conv2d/Conv2D1",
            "conv2d",
        ),
        (
            "CONV_2D",
            "model/activation/Relu;model/batch_normalization/FusedBatchNormV3;"
            "model/depthwise_conv2d_3/depthwise;model/conv2d/Conv2D",
            "conv2d",
        ),
        ("DEPTHWISE_CONV_2D", "model/depthwise_conv2d/depthwise2", "depthwise_conv2d"),
        ("ADD", "model/activation_2/Relu;model/add/add", "add"),
        ("CONV_2D", "model/block/conv/BiasAdd", "block/conv"),
        ("SOFTMAX", "StatefulPartitionedCall:0", "softmax"),
        ("SOFTMAX", "", "softmax"),
        ("RELU", "model/activation_2/Relu", "activation_2"),
    ],
)
def test_layer_names(op, tensor, name):
    assert layer_name(op, tensor) == name
