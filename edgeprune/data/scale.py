"""How values of examples are scaled, by the names that `--scale` takes; never done unasked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import UsageError
from edgeprune.table import Table

_CHUNK = 4096


@dataclass(frozen=True)
class Scale:
    """value / divisor + offset, computed in float32 as training scripts do it."""

    name: str
    divisor: float
    offset: float

    @property
    def is_identity(self) -> bool:
        return self.divisor == 1 and self.offset == 0

    def __call__(self, examples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Scaled examples as a new float32 array."""
        found = np.empty(examples.shape, np.float32)
        for start in range(0, len(examples), _CHUNK):
            part = examples[start : start + _CHUNK].astype(np.float32)
            found[start : start + _CHUNK] = part / np.float32(self.divisor) + np.float32(self.offset)
        return found


SCALES: Table[Scale] = Table(
    "scale",
    Scale("none", 1.0, 0.0),
    Scale("1/255", 255.0, 0.0),
    Scale("1/127.5-1", 127.5, -1.0),
    Scale("255", 1 / 255, 0.0),
    Scale("2-1", 0.5, -1.0),
    error=UsageError,
)
