"""Prunability of small CNNs against how they generalise: the study of ALGORITHMS.md 3.5 and 3.7.

    python -m tools.reproduce.prunability [--part grid|sweep|noise] [--report-only]

Trains 84 NiN-like networks on 2,500 CIFAR-10 images of 16 x 16 pixels to one training cross entropy
(prunability_nets.py), measures each, and writes results/prunability.json and .html. About a minute a
network on one core; each finished one is a line in results/prunability.jsonl, so an interrupted run goes on.
`--report-only` makes the summary of the networks that are there.

Differs from the paper's study: images and networks are smaller, 64 networks in place of about 324, other
axes, a training cross entropy of 0.1 in place of 0.01. Taus are over the networks of the grid that
reached it; their intervals are bootstraps over networks.
"""

import argparse
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np

from edgeprune import __version__
from edgeprune.artifact import write_atomic
from edgeprune.graph.keras_in import from_keras
from edgeprune.prune.prunability import Settings
from edgeprune.prune.prunability_network import Examples, compare, measure
from tools.reproduce.prunability_nets import (
    MOST_EPOCHS,
    TARGET_LOSS,
    TRAINING_IMAGES,
    Net,
    Trained,
    build,
    images,
    labels_of,
    nets,
    train,
)
from tools.reproduce.prunability_summary import page, summarise

LINES = Path(__file__).parent / "results" / "prunability.jsonl"
RESULT = Path(__file__).parent / "results" / "prunability.json"
NETS_PER_PROCESS = 4  # TensorFlow keeps what it compiled for as long as its process lives
PACKAGES = ("numpy", "keras", "tensorflow-cpu", "scipy")


def one(net: Net) -> dict[str, Any]:
    """Train and measure one network; a row of JSON values."""
    started = time.monotonic()
    trained = train(net)
    seconds = time.monotonic() - started
    row = {
        "key": net.key,
        **{name: getattr(net, name) for name in Net.__dataclass_fields__},
        "epochs": trained.epochs,
        "has_reached_target": trained.has_reached_target,
        "train_loss": trained.train_loss,
        "train_error": trained.train_error,
        "loss_sum": trained.loss_sum,
        **_test(trained.model),
    }
    if np.isfinite(trained.train_loss):
        row["measures"] = _measures(net, trained)
    return {**row, "seconds": {"train": round(seconds, 1), "all": round(time.monotonic() - started, 1)}}


def _test(model: Any) -> dict[str, float]:
    import tensorflow as tf

    x, y = images().x_test, images().y_test
    scores = np.concatenate(
        [np.asarray(model(x[i : i + 1000], training=False)) for i in range(0, len(x), 1000)]
    )
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores)
    return {
        "test_loss": float(np.mean(losses, dtype=np.float64)),
        "test_error": float(np.mean(scores.argmax(axis=1) != y)),
    }


def _measures(net: Net, trained: Trained) -> dict[str, Any]:
    graph = from_keras(trained.model)
    start = build(net)
    start.set_weights(trained.initial)
    examples, settings = Examples(images().x_train, labels_of(net)), Settings()
    report = measure(graph, examples, settings, net.seed, "both", jit=True)
    folded = measure(graph, examples, settings, net.seed, is_folded=True, jit=True)
    compared = compare(
        graph, examples, report, net.seed, initial=from_keras(start), loss_sum=trained.loss_sum, jit=True
    )
    found = report.to_json()
    curve = [point for point in found["curve"] if round(100 * point[0]) % 5 == 0]
    return {
        "parameters": found["parameters"],
        "prunability": found["prunability"],
        "absolute": found["other_tolerance"],
        "random": {k: v for k, v in found["random"].items() if k != "curve"},
        "folded": folded.to_json()["prunability"],
        "curve": curve,
        "margin": compared.margin,
        "comparators": compared.complexity.known(),
    }


def read_lines() -> list[dict[str, Any]]:
    """The rows so far; a line that was cut off by an interruption does not count."""
    rows = []
    for line in LINES.read_text(encoding="utf-8").splitlines() if LINES.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and measure what is missing, then write the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--part", choices=("grid", "sweep", "noise"))
    parser.add_argument("--report-only", action="store_true")
    options = parser.parse_args(arguments)
    done = {row["key"] for row in read_lines()}
    wanted = [net for net in nets() if options.part in (None, net.part) and net.key not in done]
    if not options.report_only:
        _run(wanted)
    rows = {row["key"]: row for row in read_lines()}
    ordered = [rows[net.key] for net in nets() if net.key in rows]
    result = {**_provenance(len(ordered)), "summary": summarise(ordered), "nets": ordered}
    write_atomic(RESULT, json.dumps(result, indent=1) + "\n")
    write_atomic(RESULT.with_suffix(".html"), page(result))
    print(json.dumps(result["summary"]["tau"], indent=1))
    return 0


def _run(wanted: Sequence[Net]) -> None:
    """Train and measure one network after the other, in a process that is replaced now and then."""
    LINES.parent.mkdir(exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=NETS_PER_PROCESS) as pool:
        for number, net in enumerate(wanted, 1):
            row = pool.submit(one, net).result()
            with LINES.open("a", encoding="utf-8") as file:
                file.write("\n" * _is_cut_off() + json.dumps(row) + "\n")
            print(f"{number}/{len(wanted)} {net} {_short(row)}", flush=True)


def _is_cut_off() -> bool:
    """Whether the last line has no end, so that the next one must not be joined to it."""
    return LINES.exists() and LINES.stat().st_size > 0 and not LINES.read_bytes().endswith(b"\n")


def _short(row: dict[str, Any]) -> str:
    found = row.get("measures", {}).get("prunability", {}).get("first_violation")
    return (
        f"epochs {row['epochs']} loss {row['train_loss']:.3f} test {row['test_loss']:.3f} "
        f"({100 * row['test_error']:.1f} % wrong) prunability {found} in {row['seconds']}"
    )


def _provenance(count: int) -> dict[str, Any]:
    return {
        "command": "python -m tools.reproduce.prunability",
        "versions": {
            "edgeprune": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
        "machine": {"architecture": platform.machine(), "cores": os.cpu_count(), "threads_used": 1},
        "seeds": "in each network's row",
        "data": f"CIFAR-10, first {TRAINING_IMAGES} training images, 5000 test images, averaged to 16 x 16",
        "training": {"target_loss": TARGET_LOSS, "most_epochs": MOST_EPOCHS, "augmentation": None},
        "finished": count,
        "planned": len(nets()),
    }


if __name__ == "__main__":
    raise SystemExit(main())
