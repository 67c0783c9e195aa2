"""What the worker is asked to do, as files in a folder: networks, examples, settings.

    request.json           settings, and each network's nodes
    NETWORK.npz            its weights, LAYER/WEIGHT
    x.npy y.npy            training examples and their classes
    calibration.npy        numbers of the examples that the ranges start from
    probe.npy outputs.npy  examples, and what the network computes of them: Keras 2 must agree

The worker leaves model.tflite and trained.json, and keeps its state in training_state.npz.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.artifact import to_json, write_atomic
from edgeprune.graph.ir import Graph, Node

Array = npt.NDArray[Any]

REQUEST = "request.json"
ANSWER = "model.tflite"
TRAINED = "trained.json"
ARRAYS = ("x", "y", "calibration", "probe", "outputs")


@dataclass(frozen=True)
class Settings:
    """How to train; `augment` is a name in prune.augment.AUGMENTATIONS."""

    epochs: int
    seed: int
    batch_size: int
    learning_rate: float
    augment: str | None


@dataclass(frozen=True, eq=False)
class Request:
    """A network to train for int8, its teacher, the examples."""

    settings: Settings
    student: Graph
    teacher: Graph | None
    x: Array
    y: Array
    calibration: Array
    probe: Array
    outputs: Array

    def write(self, folder: Path) -> None:
        """Leave the request in `folder`."""
        for name in ARRAYS:
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, getattr(self, name), allow_pickle=False)
        networks = {"student": self.student, "teacher": self.teacher}
        described = {
            name: None if graph is None else _describe(graph, folder / f"{name}.npz")
            for name, graph in networks.items()
        }
        write_atomic(folder / REQUEST, to_json({"settings": asdict(self.settings), **described}))

    @staticmethod
    def read(folder: Path) -> "Request":
        """The request in `folder`; its examples stay on the disk until they are used."""
        described = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
        teacher = described["teacher"]
        return Request(
            settings=Settings(**described["settings"]),
            student=_read(described["student"], folder / "student.npz"),
            teacher=None if teacher is None else _read(teacher, folder / "teacher.npz"),
            **arrays,
        )


def _describe(graph: Graph, weights: Path) -> dict[str, Any]:
    """The graph as JSON values, its weights in the file `weights`."""
    layers = {node.layer: node.weights for node in graph.nodes}
    order = {layer: number for number, layer in enumerate(layers)}
    arrays = {f"{order[layer]}/{name}": a for layer, held in layers.items() for name, a in held.items()}
    with weights.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    nodes = [
        {
            "name": node.name,
            "kind": node.kind,
            "inputs": node.inputs,
            "shape": node.shape,
            "config": _plain(node.config),
            "layer": node.layer,
            "weights": {name: f"{order[node.layer]}/{name}" for name in node.weights},
        }
        for node in graph.nodes
    ]
    return {"name": graph.name, "nodes": nodes, "inputs": graph.inputs, "outputs": graph.outputs}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _read(described: Mapping[str, Any], weights: Path) -> Graph:
    with np.load(weights, allow_pickle=False) as arrays:
        nodes = tuple(
            Node(
                name=node["name"],
                kind=node["kind"],
                inputs=tuple(node["inputs"]),
                shape=tuple(node["shape"]),
                config=node["config"],
                weights={name: arrays[place] for name, place in node["weights"].items()},
                layer=node["layer"],
            )
            for node in described["nodes"]
        )
    return Graph(described["name"], nodes, tuple(described["inputs"]), tuple(described["outputs"]))
