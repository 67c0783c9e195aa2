"""What a training step of a Keras model takes, with Keras's batch normalisation and with the fused kernel.

    python -m tools.bench.training ../shared/data/mlperf_tiny/ic/pretrainedResnet.h5

Both take turns in one process on the same random images, so that their ratio holds where the machine's
speed drifts.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np


def main() -> int:
    """Print images per second of both, and the median of the pairwise ratios."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    steps = {name: _step(given.model, given.batch_size, name == "fused") for name in ("plain", "fused")}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(given.rounds):
        for name, step in steps.items():
            began = time.perf_counter()
            for _ in range(4):
                loss = step()
            float(loss)
            seconds[name].append((time.perf_counter() - began) / 4)
    ratios = [plain / fused for plain, fused in zip(seconds["plain"], seconds["fused"], strict=True)]
    rates = {name: round(given.batch_size / statistics.median(taken)) for name, taken in seconds.items()}
    print(json.dumps({"images_per_second": rates, "speedup": round(statistics.median(ratios), 3)}))
    return 0


def _step(path: Path, batch_size: int, is_fused: bool) -> Any:
    import keras

    from edgeprune.prune.normalization import fuse_normalization
    from edgeprune.prune.trainer import Trainer, expose_scores, layers_of, make_deterministic

    make_deterministic()
    model = keras.models.load_model(path, compile=False)
    expose_scores(model)
    if is_fused:
        fuse_normalization(layers_of(model))
    trainer = Trainer(model, None)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (batch_size, *model.input_shape[1:])).astype(np.uint8)
    classes = int(model.output_shape[1])
    y = rng.integers(0, classes, batch_size)
    taught = rng.normal(size=(batch_size, classes)).astype(np.float32)

    def step() -> Any:
        return trainer.step(x, y, taught)

    step()
    return step


if __name__ == "__main__":
    raise SystemExit(main())
