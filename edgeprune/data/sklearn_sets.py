"""Data sets that come inside scikit-learn; every fifth example of each class is for testing."""

import numpy as np

from edgeprune.data.fit import Raw
from edgeprune.errors import DataError

_TEST_SHARE = 5


def read(name: str) -> Raw:
    """Read sklearn:digits, 1,797 images of 8 x 8 with values 0…16; raises DataError for another name."""
    if name != "digits":
        raise DataError(f"unknown scikit-learn data set {name!r}", hint="known: sklearn:digits")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError("scikit-learn is not installed", hint="pip install scikit-learn") from error
    digits = load_digits()
    x, y = digits.images.astype(np.float32), digits.target
    is_test = np.zeros(len(y), bool)
    for label in np.unique(y):
        is_test[np.flatnonzero(y == label)[_TEST_SHARE - 1 :: _TEST_SHARE]] = True
    return Raw({"x_train": x[~is_test], "y_train": y[~is_test], "x_test": x[is_test], "y_test": y[is_test]})
