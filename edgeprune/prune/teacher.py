"""The teacher's class scores for every batch of training, kept by epoch for the next run to read.

The images of an epoch follow from the data, the seed, the batch size and the augmentation alone. So the
original network has to see them once, not once for every method, speed-up and budget that is tried: it
costs up to four times what training the pruned network does.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Teacher:
    """Scores (N, classes) of batches; one that remembers nothing without a `folder`.

    `mark` says what the images and the teacher are; scores of another mark are never read.
    """

    def __init__(self, scores: Callable[[Array], Array], folder: Path | None, mark: str) -> None:
        self._scores = scores
        self._folder = folder
        self._mark = mark
        self._epoch = 0
        self._known: Array | None = None
        self._seen: list[Array] = []

    def start(self, epoch: int) -> None:
        """Batches of this epoch come next, in order."""
        self._epoch, self._seen, self._known = epoch, [], None
        path = self._path()
        if path is not None and path.exists():
            try:
                self._known = np.load(path, allow_pickle=False)
            except (OSError, ValueError, EOFError):
                path.unlink(missing_ok=True)  # cut off while it was written: worked out again

    def batch(self, step: int, x: Array) -> Array:
        """The scores of batch `step` of the epoch, whose images are `x`."""
        if self._known is not None and len(self._known) >= (step + 1) * len(x):
            return np.asarray(self._known[step * len(x) : (step + 1) * len(x)])
        made = np.asarray(self._scores(x), np.float32)
        self._seen.append(made)
        return made

    def finish(self) -> None:
        """Keep the scores of a whole epoch, if they are not kept yet."""
        path = self._path()
        if path is None or self._known is not None or not self._seen:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}.new")
        with new.open("wb") as file:
            np.save(file, np.concatenate(self._seen), allow_pickle=False)
        new.replace(path)

    def _path(self) -> Path | None:
        return None if self._folder is None else self._folder / f"{self._mark[:32]}-{self._epoch}.npy"
