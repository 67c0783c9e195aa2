"""Quantisation-aware training as the rest of edgeprune sees it: a Keras 3 model in, an int8 `.tflite` out.

The training itself is done by worker.py, in a process of its own that lives no longer than ours.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np

from edgeprune import errors
from edgeprune.data import Dataset
from edgeprune.errors import ModelError, ToolError, UsageError
from edgeprune.graph.keras_in import from_keras
from edgeprune.prune.finetune import Progress
from edgeprune.quant.post_training import SAMPLES, check_integer
from edgeprune.quant.qat.prepare import prepare
from edgeprune.quant.qat.request import ANSWER, ARRAYS, REQUEST, TRAINED, Request, Settings

EXTRA = "pip install 'edgeprune[qat]'"
_NEEDED = ("tensorflow_model_optimization", "tf_keras")
_MODULE = "edgeprune.quant.qat.worker"
_LAST_LINES = 8
_PROBE = 8

Log = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """The int8 network, and how its training went."""

    raw: bytes
    epochs: tuple[dict[str, Any], ...]
    best_epoch: int


def check_installed() -> None:
    """Raise UsageError with the line that installs what this needs, unless it is there."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"int8-qat needs {', '.join(missing)}, not installed here", hint=EXTRA)


def quantize_aware(
    model: Any,
    data: Dataset,
    settings: Settings,
    work: Path,
    *,
    teacher: Any = None,
    samples: int = SAMPLES,
    log: Log = lambda line: None,
    on_step: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Train the Keras `model` for int8 on `data`, `teacher` a Keras model with the same outputs or None.

    `work` keeps the state between epochs: the same call goes on there after an interruption. Raises
    UsageError where the extra is not installed, ModelError naming a layer that is not supported, ToolError
    when the worker breaks.
    """
    check_installed()
    graph = from_keras(model)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError(f"the model has {len(graph.inputs)} inputs, {len(graph.outputs)} outputs; one each")
    rng = np.random.default_rng(settings.seed)
    probe = data.batch(data.x_train[:_PROBE])
    request = Request(
        settings=settings,
        student=prepare(graph),
        teacher=None if teacher is None else prepare(from_keras(teacher)),
        x=data.x_train,
        y=data.y_train,
        calibration=data.pick_train(samples, rng),
        probe=probe,
        outputs=np.asarray(model(probe, training=False)),
    )
    try:
        request.write(work)
        _run_worker(work, log, on_step)
        trained = json.loads((work / TRAINED).read_text(encoding="utf-8"))
        raw = (work / ANSWER).read_bytes()
    finally:
        for name in (REQUEST, "student.npz", "teacher.npz", *(f"{name}.npy" for name in ARRAYS)):
            (work / name).unlink(missing_ok=True)
    check_integer(raw)
    return Outcome(raw, tuple(trained["epochs"]), trained["best_epoch"])


def _run_worker(folder: Path, log: Log, on_step: Callable[[Progress], None] | None) -> None:
    command = [sys.executable, "-P", "-m", _MODULE, str(folder)]
    with tempfile.TemporaryFile() as noise, _started(command, noise) as child:
        last: list[str] | None = None
        assert child.stdout is not None
        for line in child.stdout:
            said = json.loads(line)
            if "log" in said:
                log(said["log"])
            elif "error" in said:
                last = said["error"]
            elif on_step is not None:
                on_step(Progress(*said["step"]))
        status = child.wait()
        if last is not None:
            raise _error(*last)
        if status:
            raise _failure(command, status, noise)


@contextmanager
def _started(command: list[str], noise: IO[bytes]) -> Iterator[subprocess.Popen[str]]:
    """The worker while it runs; it is gone when the block is left, however that is.

    It is in a session of its own, so that Ctrl-C reaches only us, who then end it.
    """
    root = str(Path(__file__).parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
    }
    environment.pop("KERAS_BACKEND", None)
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=noise,
        text=True,
        encoding="utf-8",
        env=environment,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()


def _error(kind: str, message: str, hint: str | None) -> errors.EdgepruneError:
    """What the worker raised, raised again."""
    found = getattr(errors, kind)
    assert issubclass(found, errors.EdgepruneError)
    made: errors.EdgepruneError = found(message, hint=hint)
    return made


def _failure(command: list[str], status: int, noise: IO[bytes]) -> ToolError:
    noise.seek(0)
    lines = deque(noise.read().decode(errors="replace").splitlines(), maxlen=_LAST_LINES)
    text = "\n".join(lines or ["no word"])
    reason = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return ToolError(f"{' '.join(command[:4])} {reason}:\n{text}")
