"""Keras, imported without what TensorFlow says on stderr meanwhile.

Its C++ writes to the file descriptor, before anything could ask it not to. With -v the lines are in the
debug log; when the import fails its exception says why.
"""

import logging
from typing import Any


def import_keras() -> Any:
    """The package keras; takes some seconds the first time."""
    from edgeprune.quant.quiet import captured

    with captured([]):
        import keras
        import tensorflow as tf

        # Its handler is made here, for a stream that is closed by the time it would speak.
        tf.get_logger().setLevel(logging.ERROR)
    return keras
