"""Keras, imported without what TensorFlow says on stderr meanwhile.

Its C++ writes to the file descriptor, before anything could ask it not to. With -v the lines are in the
debug log; when the import fails its exception says why.
"""

from typing import Any


def import_keras() -> Any:
    """The package keras; takes some seconds the first time."""
    from edgeprune.quant.quiet import captured

    with captured([]):
        import keras
        import tensorflow  # noqa: F401
    return keras
