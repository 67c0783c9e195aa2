"""What a layer is called: the Keras layer that it was, read out of the name of its output.

The converter joins the names of all operations that it fused ("model/activation/Relu;model/conv2d/
BiasAdd;..."), and adds those of layers that only share a constant. So the part that the operator itself
left behind counts most. Names are for people: nothing depends on them, layers are told apart by index.
"""

import re

# What TensorFlow calls the operation inside the layer.
_OWN_WORDS = {
    "CONV_2D": ("Conv2D", "convolution"),
    "DEPTHWISE_CONV_2D": ("depthwise",),
    "FULLY_CONNECTED": ("MatMul",),
}
_FUSED = re.compile(r"(activation|batch_normalization|re_lu)(_\d+)?$")


def layer_name(op: str, tensor_name: str) -> str:
    """The layer that made `tensor_name` with the TFLite operator `op`; the operator where unknown."""
    layers = [(_layer(part), part) for part in tensor_name.split(";")]
    known = [(layer, part) for layer, part in layers if layer]
    own = [layer for layer, part in known if part.endswith("/BiasAdd")]
    own += [layer for layer, part in reversed(known) if _last(part).startswith(_OWN_WORDS.get(op, ("\0",)))]
    own += [layer for layer, _ in known if not _FUSED.match(layer)]
    own += [layer for layer, _ in known]
    return own[0] if own else op.lower()


def _last(part: str) -> str:
    return part.rsplit("/", 1)[-1]


def _layer(part: str) -> str:
    """ "model/block/conv2d/BiasAdd/ReadVariableOp" to "block/conv2d"; empty if no layer is in it."""
    words = part.split("/")
    inner = words[1:-1] if len(words) > 2 else words[:-1]
    layer = []
    for word in inner:
        if word[:1].isupper():  # TensorFlow's operations are in capitals, Keras' layers are not
            break
        layer.append(word)
    return "/".join(layer)
