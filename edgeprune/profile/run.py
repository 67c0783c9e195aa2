"""Arrays of inputs through a board; needs numpy, which is imported only here and only when it runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.artifact import Bundle
from edgeprune.device.board import Board, hold, open_session
from edgeprune.device.flash import check_content, check_identity
from edgeprune.device.link import Injection
from edgeprune.errors import DataError, NotFoundError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def _numpy() -> Any:
    try:
        import numpy
    except ImportError as error:
        raise NotFoundError("run needs numpy", hint="pip install 'edgeprune[compile]'") from error
    return numpy


def read_arrays(paths: Sequence[Path], bundle: Bundle) -> "list[Array]":
    """One .npy for each input of the network, each (N, *input shape) in its dtype; DataError if not."""
    np = _numpy()
    described = bundle.manifest["io"]["inputs"]
    if len(paths) != len(described):
        raise DataError(
            f"the network has {len(described)} inputs, got {len(paths)} files", hint="one --inputs for each"
        )
    arrays = []
    for path, wanted in zip(paths, described, strict=True):
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"cannot read {path}: {error}", hint="numpy.save writes it") from error
        if not isinstance(array, np.ndarray):
            raise DataError(f"{path} is an archive, not one array", hint="numpy.save writes one array")
        arrays.append(check_array(array, wanted, str(path)))
    if len({len(array) for array in arrays}) != 1:
        raise DataError(f"the inputs hold {[len(array) for array in arrays]} samples", hint="same N in each")
    return arrays


def check_array(array: "Array", wanted: dict[str, Any], name: str) -> "Array":
    """`array` as (N, *shape), which it is or is with the network's batch of 1: (N, 1, *shape).

    DataError where it has another shape or another dtype than the network takes.
    """
    shape, dtype = tuple(wanted["shape"]), wanted["dtype"]
    if array.ndim == len(shape) + 2 and tuple(array.shape[1:]) == (1, *shape):
        array = array[:, 0]
    if array.ndim < 1 or tuple(array.shape[1:]) != shape or array.dtype.name != dtype:
        raise DataError(
            f"{name} is {array.dtype.name} of shape {tuple(array.shape)}, the network takes {dtype} of "
            f"shape (N, {', '.join(map(str, shape))})",
            hint="quantise with the input's scale and zero point first"
            if array.dtype.name != dtype
            else None,
        )
    return array


def run_arrays(
    bundle: Bundle,
    board: Board,
    inputs: "Sequence[Array]",
    *,
    injection: Injection | None = None,
    record: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> "list[Array]":
    """Every sample through the board: arrays (N, *output shape), one for each output.

    A network with state is reset first; its samples are one sequence.
    """
    np = _numpy()
    described = bundle.manifest["io"]["outputs"]
    count = len(inputs[0])
    outputs = [np.empty((count, *out["shape"]), dtype=out["dtype"]) for out in described]
    with hold(board), open_session(board, injection=injection, record=record) as session:
        check_identity(session, bundle)
        check_content(session, bundle, board)
        session.reset_state()
        for index in range(count):
            result = session.run([np.ascontiguousarray(array[index]).tobytes() for array in inputs])
            for output, data in zip(outputs, result.outputs, strict=True):
                output[index] = np.frombuffer(data, dtype=output.dtype).reshape(output.shape[1:])
            progress(index + 1, count)
    return outputs
