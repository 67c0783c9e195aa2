"""The process that trains for int8: `python -m edgeprune.quant.qat.worker FOLDER`.

It is a process of its own because tensorflow-model-optimization works on Keras 2, which would replace
Keras 3 in the process that imports it. What it has to say stands on stdout, one JSON object a line:

    {"log": "a line"}    {"step": [epoch, epochs, step, steps]}    {"error": [class, message, hint]}

It ends when its stdin does: whoever started it is gone.
"""

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from edgeprune import errors
from edgeprune.artifact import to_json, write_atomic
from edgeprune.quant.qat.request import ANSWER, TRAINED, Request


def main(folder: Path) -> int:
    """Train as the request in `folder` says; 0, or 1 after an error line."""
    out = _own_stdout()
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def say(**line: Any) -> None:
        print(json.dumps(line), file=out, flush=True)

    try:
        run(Request.read(folder), folder, say)
    except errors.EdgepruneError as error:
        say(error=[type(error).__name__, error.message, error.hint])
        return 1
    return 0


def _own_stdout() -> TextIO:
    """The stdout that our lines go to; what libraries print goes to stderr from now on."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return ours


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


@dataclass(frozen=True, eq=False)
class _Examples:
    """Training data as prune.finetune reads them."""

    x_train: Any
    y_train: Any


def run(request: Request, folder: Path, say: Any) -> None:
    """Check, train, convert; leaves the int8 network and what training was like in `folder`."""
    from edgeprune.prune.finetune import fit
    from edgeprune.prune.trainer import make_deterministic
    from edgeprune.quant.qat import train

    make_deterministic()
    train.check_twin(request)
    ranges = train.start_ranges(request.student, request.x[request.calibration])
    rounded = train.rounded_twin(request.student, ranges)
    history = fit(
        train.Trainer(request.student, rounded, request.teacher),
        _Examples(request.x, request.y),
        **asdict(request.settings),
        checkpoint_dir=folder,
        log=lambda line: say(log=line),
        on_step=lambda p: say(step=[p.epoch, p.epochs, p.step, p.steps]),
    )
    trained = train.trained_graph(request.student, rounded)
    learned = train.learned_ranges(rounded)
    raw = train.convert(train.export_model(trained, learned))
    described = {
        "epochs": [asdict(epoch) for epoch in history.epochs],
        "best_epoch": history.best.number,
        "ranges": {name: list(ends) for name, ends in learned.items()},
    }
    write_atomic(folder / TRAINED, to_json(described))
    write_atomic(folder / ANSWER, raw)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
