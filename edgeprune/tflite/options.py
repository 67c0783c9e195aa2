"""The options that a TFLite operator carries in the file, one frozen class per options table."""

from dataclasses import dataclass
from typing import Literal

Padding = Literal["SAME", "VALID"]
Activation = Literal["NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"]


@dataclass(frozen=True)
class NoOptions:
    """The operator has no options, or none that its meaning depends on."""


@dataclass(frozen=True)
class ConvOptions:
    padding: Padding = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    activation: Activation = "NONE"


@dataclass(frozen=True)
class DepthwiseConvOptions:
    padding: Padding = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    depth_multiplier: int = 1
    activation: Activation = "NONE"


@dataclass(frozen=True)
class FullyConnectedOptions:
    activation: Activation = "NONE"
    keep_num_dims: bool = False


@dataclass(frozen=True)
class PoolOptions:
    padding: Padding = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    window_h: int = 1
    window_w: int = 1
    activation: Activation = "NONE"


@dataclass(frozen=True)
class ArithmeticOptions:
    """ADD, SUB, MUL."""

    activation: Activation = "NONE"


@dataclass(frozen=True)
class ConcatenationOptions:
    axis: int = 0
    activation: Activation = "NONE"


@dataclass(frozen=True)
class SoftmaxOptions:
    beta: float = 1.0


@dataclass(frozen=True)
class LeakyReluOptions:
    alpha: float = 0.0


@dataclass(frozen=True)
class ReducerOptions:
    keep_dims: bool = False


@dataclass(frozen=True)
class StridedSliceOptions:
    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: bool = False


@dataclass(frozen=True)
class ResizeNearestOptions:
    align_corners: bool = False
    half_pixel_centers: bool = False


Options = (
    NoOptions
    | ConvOptions
    | DepthwiseConvOptions
    | FullyConnectedOptions
    | PoolOptions
    | ArithmeticOptions
    | ConcatenationOptions
    | SoftmaxOptions
    | LeakyReluOptions
    | ReducerOptions
    | StridedSliceOptions
    | ResizeNearestOptions
)
