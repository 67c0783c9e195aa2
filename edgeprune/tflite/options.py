"""The options that a TFLite operator carries in the file, one frozen class per options table."""

from dataclasses import dataclass
from typing import Literal

Padding = Literal["SAME", "VALID"]
Activation = Literal["NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"]
MirrorMode = Literal["REFLECT", "SYMMETRIC"]


@dataclass(frozen=True)
class NoOptions:
    """The operator has no options, or none that its meaning depends on."""


@dataclass(frozen=True)
class ConvOptions:
    """`quantized_bias_type` is the schema's number of a type, which counts where there is no bias."""

    padding: Padding = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    activation: Activation = "NONE"
    quantized_bias_type: int = 0


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
    """`quantized_bias_type` as in ConvOptions."""

    activation: Activation = "NONE"
    keep_num_dims: bool = False
    quantized_bias_type: int = 0


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
    """ADD, SUB, MUL, DIV, L2_NORMALIZATION."""

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


@dataclass(frozen=True)
class TransposeConvOptions:
    padding: Padding = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    activation: Activation = "NONE"


@dataclass(frozen=True)
class BatchMatMulOptions:
    """`adj_x`, `adj_y`: the last two dimensions of that operand are exchanged first."""

    adj_x: bool = False
    adj_y: bool = False


@dataclass(frozen=True)
class ResizeBilinearOptions:
    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True)
class PackOptions:
    values_count: int = 0
    axis: int = 0


@dataclass(frozen=True)
class UnpackOptions:
    num: int = 0
    axis: int = 0


@dataclass(frozen=True)
class SqueezeOptions:
    """No dimensions: all of extent 1."""

    squeeze_dims: tuple[int, ...] = ()


@dataclass(frozen=True)
class GatherOptions:
    axis: int = 0
    batch_dims: int = 0


@dataclass(frozen=True)
class BlockOptions:
    """SPACE_TO_DEPTH, DEPTH_TO_SPACE."""

    block_size: int = 0


@dataclass(frozen=True)
class MirrorPadOptions:
    mode: MirrorMode = "REFLECT"


@dataclass(frozen=True)
class CumsumOptions:
    exclusive: bool = False
    reverse: bool = False


@dataclass(frozen=True)
class VarHandleOptions:
    container: str = ""
    shared_name: str = ""


@dataclass(frozen=True)
class CallOnceOptions:
    init_subgraph_index: int = 0


@dataclass(frozen=True)
class SvdfOptions:
    rank: int = 0
    activation: Activation = "NONE"


@dataclass(frozen=True)
class SequenceLstmOptions:
    activation: Activation = "NONE"
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    time_major: bool = False


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
    | TransposeConvOptions
    | BatchMatMulOptions
    | ResizeBilinearOptions
    | PackOptions
    | UnpackOptions
    | SqueezeOptions
    | GatherOptions
    | BlockOptions
    | MirrorPadOptions
    | CumsumOptions
    | VarHandleOptions
    | CallOnceOptions
    | SvdfOptions
    | SequenceLstmOptions
)
