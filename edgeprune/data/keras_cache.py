"""Data sets that Keras downloaded before, from its cache: no network here.

The cache is `$KERAS_HOME/datasets`, or `~/.keras/datasets`. CIFAR files are pickles; they are read
with an unpickler that makes arrays and nothing else.
"""

import gzip
import os
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.data import npz
from edgeprune.data.dataset import Array
from edgeprune.data.fit import Raw
from edgeprune.errors import DataError
from edgeprune.table import did_you_mean

_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


def read(name: str) -> Raw:
    """Read keras:`name`; raises DataError that says how to fill the cache."""
    if name not in _READERS:
        raise DataError(f"unknown Keras data set {name!r}", hint=did_you_mean(name, _READERS))
    root = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    hint = f'with network, run: python -c "import keras; keras.datasets.{name}.load_data()"'
    try:
        return _READERS[name](root)
    except FileNotFoundError as error:
        raise DataError(f"keras:{name} is not in the cache: no {error.filename}", hint=hint) from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error, pickle.UnpicklingError) as error:
        raise DataError(f"keras:{name} is damaged in {root}: {error}", hint=f"delete it; {hint}") from error


def _mnist(root: Path) -> Raw:
    path = root / "mnist.npz"
    path.stat()
    return npz.read(path)


def _fashion_mnist(root: Path) -> Raw:
    folder = root / "fashion-mnist"
    arrays = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        arrays[f"x_{part}"] = _idx(folder / f"{stem}-images-idx3-ubyte.gz", 3)
        arrays[f"y_{part}"] = _idx(folder / f"{stem}-labels-idx1-ubyte.gz", 1)
    return Raw(arrays)


def _idx(path: Path, rank: int) -> Array:
    """An IDX file: magic 0, 0, 8 (uint8), rank; big-endian extents; the values."""
    with gzip.open(path) as file:
        raw = file.read()
    if raw[:4] != bytes((0, 0, 8, rank)):
        raise ValueError(f"{path.name} is no IDX file of {rank} dimensions")
    shape = np.frombuffer(raw, ">i4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _cifar10(root: Path) -> Raw:
    folder = _extracted(root, "cifar-10-batches-py", "data_batch_1")
    train = [_cifar_file(folder / f"data_batch_{batch}", b"labels") for batch in range(1, 6)]
    x_test, y_test = _cifar_file(folder / "test_batch", b"labels")
    x_train, y_train = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return Raw({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test})


def _cifar100(root: Path) -> Raw:
    folder = _extracted(root, "cifar-100-python", "train")
    x_train, y_train = _cifar_file(folder / "train", b"fine_labels")
    x_test, y_test = _cifar_file(folder / "test", b"fine_labels")
    return Raw({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test})


def _extracted(root: Path, name: str, file: str) -> Path:
    """The folder `name`: Keras 3 extracts into one more folder than Keras 2."""
    newer = root / f"{name}-target" / name
    return newer if (newer / file).exists() else root / name


def _cifar_file(path: Path, labels: bytes) -> tuple[Array, Array]:
    with path.open("rb") as file:
        content = _ArrayUnpickler(file, encoding="bytes").load()
    images = np.asarray(content[b"data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.asarray(content[labels])


class _ArrayUnpickler(pickle.Unpickler):
    """Numpy arrays, numbers, bytes and containers only."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}")


_READERS: dict[str, Callable[[Path], Raw]] = {
    "mnist": _mnist,
    "fashion_mnist": _fashion_mnist,
    "cifar10": _cifar10,
    "cifar100": _cifar100,
}
