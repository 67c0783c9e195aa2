"""The state of a training run between two epochs, saved so that a break loses at most one epoch.

One `.npz` file is written beside the old one and renamed over it, so that at every moment a whole
state is on the disk. `fingerprint` says which run it belongs to (data, settings, starting weights);
the state of another run is never resumed.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import DataError

Array = npt.NDArray[Any]

FILE_NAME = "training_state.npz"
_GROUPS = ("variables", "optimizer", "best")
_GUIDE = "guide:"


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training set gave; accuracies are fractions, of the validation split."""

    number: int
    loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True, eq=False)
class TrainingState:
    """All that the next epoch depends on; its random numbers follow from the seed and its number."""

    fingerprint: str
    history: tuple[Epoch, ...]
    variables: tuple[Array, ...]
    optimizer: tuple[Array, ...]
    best: tuple[Array, ...]
    best_epoch: int
    guide: Mapping[str, Array] = field(default_factory=dict)


def fingerprint(settings: Mapping[str, object], arrays: Iterable[Array]) -> str:
    """SHA-256 over the settings and the bytes of all arrays."""
    digest = hashlib.sha256(json.dumps(dict(settings), sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save(state: TrainingState, folder: Path) -> None:
    """Write `state` into `folder`, atomically: a whole old or a whole new file is there."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "fingerprint": state.fingerprint,
        "best_epoch": state.best_epoch,
        "history": [asdict(epoch) for epoch in state.history],
    }
    arrays = {
        f"{group}_{index}": array for group in _GROUPS for index, array in enumerate(getattr(state, group))
    }
    arrays |= {f"{_GUIDE}{name}": np.asarray(array) for name, array in state.guide.items()}
    new = folder / f".{FILE_NAME}.new"
    with new.open("wb") as file:
        np.savez(file, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / FILE_NAME)


def load(folder: Path) -> TrainingState | None:
    """The state in `folder`, None if there is none; raises DataError when the file is damaged."""
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            groups = {group: _in_order(file, group) for group in _GROUPS}
            guide = {name.removeprefix(_GUIDE): file[name] for name in file if name.startswith(_GUIDE)}
        return TrainingState(
            fingerprint=about["fingerprint"],
            history=tuple(Epoch(**epoch) for epoch in about["history"]),
            best_epoch=about["best_epoch"],
            guide=guide,
            **groups,
        )
    except Exception as error:
        raise DataError(
            f"{path}: damaged training state: {error}", hint="delete it to start afresh"
        ) from error


def _in_order(file: Mapping[str, Array], group: str) -> tuple[Array, ...]:
    names: Sequence[str] = [name for name in file if name.startswith(f"{group}_")]
    return tuple(file[f"{group}_{index}"] for index in range(len(names)))
