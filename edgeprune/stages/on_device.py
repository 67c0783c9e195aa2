"""A test set on a board: examples quantised here, classified there."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np

from edgeprune.artifact import Bundle
from edgeprune.data import SCALES, load_data
from edgeprune.device.board import Board, hold, open_session
from edgeprune.device.flash import check_identity
from edgeprune.errors import ModelError
from edgeprune.profile.linux import evidence_of
from edgeprune.stages.firmware import to_input
from edgeprune.stages.linux import on_host
from edgeprune.tflite.graph import DTYPES
from edgeprune.tflite.read import read

log = logging.getLogger("edgeprune")
PROGRESS_EVERY = 100


def evaluate(bundle: Bundle, board: Board, spec: str, scale: str, limit: int | None) -> dict[str, Any]:
    """Accuracy of the Bundle's network on `board` over the (first `limit`) test examples of `spec`.

    For a Linux device also what the host makes of the same examples, by the runtime that ships and by the
    reference kernels: accuracy, and the share of examples with the device's class.
    """
    model = bundle.path / "model.tflite"
    graph = read(model.read_bytes())
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError("accuracy needs a network of one input and one output", hint="use edgeprune run")
    given, answered = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    data = load_data(spec, input_shape=given.shape[1:], output_shape=answered.shape[1:])
    data = data.scaled(SCALES[scale])
    count = len(data.x_test) if limit is None else min(limit, len(data.x_test))
    data = replace(data, x_test=data.x_test[:count], y_test=data.y_test[:count])
    found = np.empty(count, np.int64)
    with hold(board), open_session(board) as session:
        check_identity(session, bundle)
        system = session.document("system") if session.device.has_documents else None
        for number in range(count):
            example = to_input(data.batch(data.x_test[number : number + 1]), given)
            session.reset_state()  # examples have nothing to do with each other
            raw = session.run([np.ascontiguousarray(example).tobytes()]).outputs[0]
            found[number] = np.frombuffer(raw, DTYPES[answered.dtype]).argmax()
            if (number + 1) % PROGRESS_EVERY == 0:
                right = int(np.sum(found[: number + 1] == data.y_test[: number + 1]))
                log.info("%d of %d examples, %.2f %% right", number + 1, count, 100 * right / (number + 1))
    result = {
        "target": board.target.name,
        "board": board.id,
        "evidence": evidence_of(board, system),
        "examples": count,
        "accuracy": float(np.mean(found == data.y_test)),
    }
    if board.target.linux is not None:
        for name, classes in on_host(model, str(bundle.manifest["runtime"]), data).items():
            result[name] = {
                "accuracy": float(np.mean(classes == data.y_test)),
                "agreement": float(np.mean(classes == found)),
            }
    return result
