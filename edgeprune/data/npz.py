"""Arrays from an `.npz` file; pickled objects, which could run code, are never loaded."""

import lzma
import zipfile
import zlib
from pathlib import Path

import numpy as np

from edgeprune.data.dataset import Array
from edgeprune.data.fit import NAMES, Raw
from edgeprune.errors import DataError

_UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError)


def read(path: Path) -> Raw:
    """Read the arrays that a data set needs; raises DataError for a damaged file."""
    if not path.exists():
        raise DataError(f"no such data file: {path}", hint="check the path")
    try:
        with zipfile.ZipFile(path) as archive:
            stored = [name.removesuffix(".npy") for name in archive.namelist()]
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: _array(file, path, name) for name in NAMES if name in stored}
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{path.name} is no .npz file, or cut off: {error}", hint="write it with numpy.savez"
        ) from error
    except _UNREADABLE as error:
        raise DataError(f"{path.name} cannot be read: {error}", hint="copy or write it again") from error
    return Raw({**dict.fromkeys(stored), **arrays})


def _array(file: np.lib.npyio.NpzFile, path: Path, name: str) -> Array:
    try:
        return np.asarray(file[name])
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise DataError(
                f"{path.name}: {name} holds Python objects, which could run code and are not loaded",
                hint="store numbers: an array whose rows have different lengths becomes one of objects",
            ) from error
        raise DataError(f"{path.name}: {name} is damaged: {error}", hint="copy or write it again") from error
    except MemoryError as error:
        raise DataError(f"{path.name}: {name} does not fit into memory: {error}") from error
