"""Dataset: training and test examples of a classifier as frozen arrays, with a hash of their content."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.data.scale import Scale

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples (n, *input shape) and their classes (n,).

    Examples are float32, or uint8 as they came: `batch` makes float32 of a slice when it is needed.
    `classes` is the number of classes that the model tells apart.
    """

    name: str
    x_train: Array
    y_train: Labels
    x_test: Array
    y_test: Labels
    classes: int

    def __post_init__(self) -> None:
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            array.flags.writeable = False

    @cached_property
    def sha256(self) -> str:
        """Hash of types, shapes and values of all four arrays."""
        digest = hashlib.sha256()
        for name in ("x_train", "y_train", "x_test", "y_test"):
            array = getattr(self, name)
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def batch(self, examples: Array) -> FloatArray:
        """`examples`, a part of this data set, as float32."""
        return np.asarray(examples, np.float32)

    def scaled(self, scale: Scale) -> "Dataset":
        """The same data set with `scale` applied to its examples.

        They become float32, which takes four times the memory of uint8.
        """
        if scale.is_identity:
            return self
        return replace(
            self,
            name=f"{self.name} scaled {scale.name}",
            x_train=scale(self.x_train),
            x_test=scale(self.x_test),
        )

    def pick_train(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Indices of `count` training examples (all, if there are fewer), the classes in equal shares.

        Class by class one example each, until there are enough; in ascending order.
        """
        order = rng.permutation(len(self.y_train))
        labels = self.y_train[order]
        turn = np.empty(len(labels), np.int64)
        for label in np.unique(labels):
            turn[labels == label] = np.arange(np.count_nonzero(labels == label))
        first = np.argsort(turn, kind="stable")[:count]
        return np.sort(order[first]).astype(np.int64)
