"""Which Keras layers a Graph may hold, by what they do; a class that is in no set here is refused."""

CONVOLUTIONS = frozenset(
    {
        "Conv1D",
        "Conv2D",
        "Conv1DTranspose",
        "Conv2DTranspose",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "SeparableConv1D",
        "SeparableConv2D",
    }
)
NORMALIZERS = frozenset({"BatchNormalization", "LayerNormalization", "Normalization"})
ACTIVATIONS = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"})
# Take two or more inputs; all but Concatenate want the same shape, or one that broadcasts.
MERGES = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"})
POOLINGS = frozenset({"MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"})
GLOBAL_POOLINGS = frozenset(
    {"GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"}
)
SHAPERS = frozenset(
    {
        "Flatten",
        "Reshape",
        "Permute",
        "RepeatVector",
        "ZeroPadding1D",
        "ZeroPadding2D",
        "Cropping1D",
        "Cropping2D",
        "UpSampling1D",
        "UpSampling2D",
    }
)
# Do nothing but pass their input on when the network is not being trained.
TRAINING_ONLY = frozenset(
    {
        "Dropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "AlphaDropout",
        "GaussianDropout",
        "GaussianNoise",
        "ActivityRegularization",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "RandomContrast",
        "RandomBrightness",
    }
)
# Layers that Keras defines beside its own applications, not in keras.layers.
APPLICATION_LAYERS = frozenset({"LayerScale"})
KINDS = (
    frozenset({"InputLayer", "Dense", "Identity", "Rescaling"})
    | CONVOLUTIONS
    | NORMALIZERS
    | ACTIVATIONS
    | MERGES
    | POOLINGS
    | GLOBAL_POOLINGS
    | SHAPERS
    | TRAINING_ONLY
    | APPLICATION_LAYERS
)
