"""A test set on a board: examples quantised here, classified there."""

import logging
from typing import Any

import numpy as np

from edgeprune.artifact import Bundle
from edgeprune.data import SCALES, load_data
from edgeprune.device.board import Board, hold, open_session
from edgeprune.device.flash import check_identity
from edgeprune.errors import ModelError
from edgeprune.stages.firmware import to_input
from edgeprune.tflite.graph import DTYPES
from edgeprune.tflite.read import read

log = logging.getLogger("edgeprune")
PROGRESS_EVERY = 100


def evaluate(bundle: Bundle, board: Board, spec: str, scale: str, limit: int | None) -> dict[str, Any]:
    """Accuracy of the Bundle's network on `board` over the (first `limit`) test examples of `spec`."""
    graph = read((bundle.path / "model.tflite").read_bytes())
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError("accuracy needs a network of one input and one output", hint="use edgeprune run")
    given, answered = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    data = load_data(spec, input_shape=given.shape[1:], output_shape=answered.shape[1:])
    data = data.scaled(SCALES[scale])
    count = len(data.x_test) if limit is None else min(limit, len(data.x_test))
    right = 0
    with hold(board), open_session(board) as session:
        check_identity(session, bundle)
        for number in range(count):
            example = to_input(data.batch(data.x_test[number : number + 1]), given)
            session.reset_state()  # examples have nothing to do with each other
            raw = session.run([np.ascontiguousarray(example).tobytes()]).outputs[0]
            right += int(np.frombuffer(raw, DTYPES[answered.dtype]).argmax() == data.y_test[number])
            if (number + 1) % PROGRESS_EVERY == 0:
                log.info("%d of %d examples, %.2f %% right", number + 1, count, 100 * right / (number + 1))
    return {
        "target": board.target.name,
        "board": board.id,
        "evidence": board.target.status,
        "examples": count,
        "accuracy": right / count,
    }
