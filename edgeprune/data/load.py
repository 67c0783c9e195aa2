"""`load_data`: from what `--data` says to a Dataset that fits the model.

FILE.npz                   arrays x_train y_train x_test y_test
FOLDER                     images, one sub-folder per class (see `folder`)
keras:NAME                 a data set that Keras has downloaded before (see `keras_cache`)
sklearn:digits             8x8 digits, which come with scikit-learn
package.module:function    a function that returns the four arrays
"""

import re
from collections.abc import Callable
from pathlib import Path

from edgeprune.data import entry, folder, keras_cache, npz, sklearn_sets
from edgeprune.data.dataset import Dataset
from edgeprune.data.fit import Raw, fit
from edgeprune.errors import DataError

Shape = tuple[int, ...]
_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SCHEMES: dict[str, Callable[[str], Raw]] = {"keras": keras_cache.read, "sklearn": sklearn_sets.read}


def load_data(spec: str, *, input_shape: Shape, output_shape: Shape) -> Dataset:
    """Read the data set `spec` for a model of these shapes, given without the batch dimension.

    Raises DataError where it cannot be read or does not suit the model.
    """
    path = Path(spec).expanduser()
    name = path.name if path.exists() else spec
    return fit(name, _read(spec, input_shape), input_shape, output_shape)


def _read(spec: str, input_shape: Shape) -> Raw:
    path = Path(spec).expanduser()
    if path.is_dir():
        return folder.read(path, input_shape)
    scheme, _, name = spec.partition(":")
    if scheme in _SCHEMES:
        return _SCHEMES[scheme](name)
    if path.is_file() or path.suffix.lower() == ".npz":
        return npz.read(path)
    if _ENTRY.fullmatch(spec):
        return entry.read(spec)
    raise DataError(
        f"no data set at {spec!r}",
        hint="give a .npz file, an image folder, keras:NAME, sklearn:digits or package.module:function",
    )
