"""Images in a folder: one sub-folder per class, the classes numbered in the order of their names.

With sub-folders `train` and `test` (each with the classes inside) that is the split. Without, each
class is split by the SHA-256 of its file names: the fifth of the images whose names hash lowest is for
testing, so the split does not depend on the machine and mostly stays when images are added.
Images are turned as their EXIF data say, converted to the model's channels and resized to its input
with Pillow's bilinear filter (antialiased); values are 0…255.
"""

import hashlib
import logging
from pathlib import Path

import numpy as np

from edgeprune.data.dataset import Array
from edgeprune.data.fit import Raw
from edgeprune.errors import DataError

_log = logging.getLogger(__name__)

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"})
_TEST_SHARE = 5
_LAYOUT = "make FOLDER/CLASS/IMAGE.png, or FOLDER/train/CLASS/… and FOLDER/test/CLASS/…"

Split = dict[str, list[Path]]


def read(path: Path, input_shape: tuple[int, ...]) -> Raw:
    """Read all images for a model with this input; raises DataError."""
    if len(input_shape) != 3 or input_shape[2] not in (1, 3):
        raise DataError(
            f"{path.name} is a folder of images, the model takes {list(input_shape)}",
            hint="an image model takes [height, width, 1 or 3]; give the data as .npz",
        )
    folders = {entry.name for entry in _folders(path)}
    if {"train", "test"} <= folders:
        train, test = _classes(path / "train"), _classes(path / "test")
        if sorted(train) != sorted(test):
            odd = sorted(set(train) ^ set(test))
            raise DataError(f"{path.name}: train and test have different classes: {', '.join(odd[:5])}")
    else:
        train, test = _split(_classes(path))
    arrays: dict[str, Array] = {}
    for part, files in (("train", train), ("test", test)):
        arrays[f"x_{part}"], arrays[f"y_{part}"] = _images(files, input_shape)
    return Raw(arrays, tuple(sorted(train)))


def _folders(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")]


def _classes(path: Path) -> Split:
    found: Split = {}
    ignored = 0
    for folder in sorted(_folders(path), key=lambda entry: entry.name):
        files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")]
        images = [file for file in files if file.suffix.lower() in _SUFFIXES]
        ignored += len(files) - len(images)
        if not images:
            raise DataError(f"{folder} has no images", hint=_LAYOUT)
        found[folder.name] = sorted(images, key=lambda file: file.relative_to(folder).as_posix())
    if not found:
        raise DataError(f"{path} has no sub-folders with images", hint=_LAYOUT)
    if ignored:
        _log.info("%s: %d files that are no images are left out", path, ignored)
    return found


def _split(classes: Split) -> tuple[Split, Split]:
    """Training and test images, a fifth of each class for testing."""
    train: Split = {}
    test: Split = {}
    for name, files in classes.items():
        if len(files) < 2:
            raise DataError(f"class {name!r} has one image; at least two are needed, to train and to test")
        ranked = sorted(files, key=lambda file: hashlib.sha256(file.name.encode()).digest())
        chosen = set(ranked[: max(1, len(files) // _TEST_SHARE)])
        train[name] = [file for file in files if file not in chosen]
        test[name] = [file for file in files if file in chosen]
    return train, test


def _images(classes: Split, shape: tuple[int, ...]) -> tuple[Array, Array]:
    files = [(file, label) for label, name in enumerate(sorted(classes)) for file in classes[name]]
    examples = np.empty((len(files), *shape), np.uint8)
    for index, (file, _) in enumerate(files):
        examples[index] = _image(file, shape)
    return examples, np.array([label for _, label in files], np.int32)


def _image(file: Path, shape: tuple[int, ...]) -> Array:
    from PIL import Image, ImageOps

    height, width, channels = shape
    try:
        with Image.open(file) as opened:
            if opened.mode.startswith(("I", "F")):
                raise DataError(
                    f"{file} has more than 8 bits a channel ({opened.mode})", hint="convert it to 8"
                )
            image = ImageOps.exif_transpose(opened).convert("L" if channels == 1 else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(image, np.uint8).reshape(shape)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} cannot be read as an image: {error}", hint="repair or remove it") from error
