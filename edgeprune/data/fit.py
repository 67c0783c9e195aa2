"""From the four arrays of a source to a Dataset: every check of values, labels and shapes."""

import logging
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeprune.data.dataset import Array, Dataset, Labels
from edgeprune.errors import DataError

_log = logging.getLogger(__name__)

NAMES = ("x_train", "y_train", "x_test", "y_test")
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Raw:
    """What a source found: arrays by `NAMES`; `classes` where the source itself counts them."""

    arrays: dict[str, Any] = field(repr=False)
    classes: tuple[str, ...] | None = None


def fit(name: str, raw: Raw, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> Dataset:
    """Check the arrays against each other and against the model; raises DataError."""
    outputs = math.prod(output_shape)
    classes = 2 if outputs == 1 else outputs
    if raw.classes is not None and len(raw.classes) != classes:
        raise DataError(
            f"{name} has {len(raw.classes)} classes ({', '.join(raw.classes[:10])}), "
            f"the model's output {list(output_shape)} tells {classes} apart",
            hint="give the data set that the model was trained for",
        )
    missing = [wanted for wanted in NAMES if wanted not in raw.arrays]
    if missing:
        found = ", ".join(sorted(map(str, raw.arrays))) or "nothing"
        raise DataError(
            f"{name} has no {', '.join(missing)}; it has {found}",
            hint="store the arrays x_train, y_train, x_test and y_test",
        )
    examples = {part: _examples(name, part, raw.arrays[part], input_shape) for part in ("x_train", "x_test")}
    labels = {part: _labels(name, part, raw.arrays[part], classes) for part in ("y_train", "y_test")}
    for part in ("train", "test"):
        x, y = examples[f"x_{part}"], labels[f"y_{part}"]
        if len(x) != len(y):
            raise DataError(f"{name}: x_{part} has {len(x)} examples, y_{part} {len(y)} labels")
    return Dataset(name=name, **examples, **labels, classes=classes)


def _array(name: str, part: str, value: Any) -> Array:
    """A numeric array that is not empty."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: {part} is no array: {error}") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name}: {part} has the type {array.dtype}, numbers are needed")
    if array.ndim == 0 or array.size == 0:
        raise DataError(f"{name}: {part} is empty, its shape is {list(array.shape)}")
    return array


def _examples(name: str, part: str, value: Any, input_shape: tuple[int, ...]) -> Array:
    array = _array(name, part, value)
    if array.shape[1:] != input_shape:
        if not _is_same_layout(array.shape[1:], input_shape):
            raise DataError(
                f"{name}: {part} holds examples of shape {list(array.shape[1:])}, "
                f"the model takes {list(input_shape)}",
                hint=_shape_hint(array.shape[1:], input_shape),
            )
        _log.info("%s: %s reshaped from %s to %s", name, part, list(array.shape[1:]), list(input_shape))
        array = array.reshape(len(array), *input_shape)
    if array.dtype.kind == "f":
        for start in range(0, len(array), _CHUNK):
            bad = ~np.isfinite(array[start : start + _CHUNK])
            if bad.any():
                index = start + int(bad.reshape(len(bad), -1).any(axis=1).argmax())
                raise DataError(f"{name}: {part}[{index}] has values that are not finite numbers")
    array = array if array.dtype == np.uint8 else array.astype(np.float32)
    return array.view()


def _is_same_layout(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Does a reshape keep every value in its place: do only extents of 1 differ, or is one side flat?"""
    if math.prod(found) != math.prod(wanted):
        return False
    squeezed = [tuple(extent for extent in shape if extent != 1) for shape in (found, wanted)]
    return squeezed[0] == squeezed[1] or min(len(found), len(wanted)) == 1


def _shape_hint(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if len(found) == len(wanted) == 3 and (found[1], found[2], found[0]) == wanted:
        return "move the channels last: x.transpose(0, 2, 3, 1)"
    return "prepare the examples as they were when the model was trained"


def _labels(name: str, part: str, value: Any, classes: int) -> Labels:
    """Class numbers (n,) from (n,), (n, 1) or one-hot (n, classes)."""
    array = _array(name, part, value)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        array = _from_one_hot(name, part, array, classes)
    if array.ndim != 1:
        raise DataError(
            f"{name}: {part} has the shape {list(array.shape)}",
            hint=f"give class numbers from 0 to {classes - 1}, one for each example",
        )
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
        raise DataError(f"{name}: {part} holds fractions", hint=f"give class numbers from 0 to {classes - 1}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"{name}: {part} has labels from {low} to {high}, the model's classes go from 0 to {classes - 1}",
            hint="number the classes from 0, as when the model was trained",
        )
    return np.array(array, np.int32)


def _from_one_hot(name: str, part: str, array: Array, classes: int) -> Array:
    if array.shape[1] != classes:
        raise DataError(
            f"{name}: {part} has the shape {list(array.shape)}, the model tells {classes} classes apart",
            hint="give one class number for each example, or one-hot rows with a column for each class",
        )
    if not (np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all()):
        raise DataError(f"{name}: {part} has rows that are not one-hot", hint="give one class number each")
    return np.asarray(array.argmax(axis=1))
