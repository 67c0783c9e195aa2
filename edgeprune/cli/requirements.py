"""What a command needs beyond the light installation, said before it starts."""

import os
from importlib.util import find_spec

from edgeprune.errors import UsageError


def needs(*modules: str, extra: str, what: str) -> None:
    """Raise UsageError with the line to type unless all `modules` are installed."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"{what} needs {', '.join(missing)}, not installed here",
            hint=f"pip install 'edgeprune[{extra}]'",
        )


def needs_keras(what: str) -> None:
    """Raise UsageError unless Keras models can be worked on; keep TensorFlow from chatting on stderr.

    The variables are read when TensorFlow is imported; who sets them already gets what they say.
    """
    needs("keras", "tensorflow", "h5py", extra="build", what=what)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the converter takes no other
