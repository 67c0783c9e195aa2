"""Which inputs of a window filters read, as the lists of `ep_gather_dsp.c`.

Structured pruning leaves inputs of the window (columns of im2col) that no filter reads. The others are
picked one at a time unless a word holds more of them: SXTB16 takes bytes 0 and 2 of a word apart, so four
neighbours are two pairs, and a byte and the second behind it are one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TWINS = 4
"""In one round of the loop."""


@dataclass(frozen=True)
class Gather:
    """Inputs by their place in the window: the first of each quad and each twin, and single ones.

    -1 among `singles` fills up a pair.
    """

    quads: tuple[int, ...]
    twins: tuple[int, ...]
    singles: tuple[int, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """The inputs in the order in which they are widened."""
        quads = [at + i for at in self.quads for i in (0, 2, 1, 3)]
        return (*quads, *(at + i for at in self.twins for i in (0, 2)), *self.singles)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """What has an offset in a list."""
        return np.maximum([*self.quads, *self.twins, *self.singles], 0)

    @property
    def counts(self) -> tuple[int, int, int]:
        """The fields of an ep_gather."""
        return len(self.quads), len(self.twins) // TWINS, len(self.singles) // 2

    @property
    def instructions_two(self) -> int:
        """What GATHER_TWO executes."""
        quads, twins, pairs = self.counts
        loops = 10 * quads + 21 * twins + 30 * (pairs // 4)
        return 13 + loops + 14 * (pairs // 2 % 2) + 7 * (pairs % 2)

    @property
    def instructions_one(self) -> int:
        """What ep_gather_one_dsp executes."""
        quads, twins, pairs = self.counts
        return 8 + 8 * quads + 15 * twins + 7 * pairs


def find_gather(is_read: Sequence[bool] | npt.NDArray[np.bool_], run: int, is_even: bool) -> Gather:
    """For a window whose inputs lie in runs of `run` neighbours; `is_even`: an even number of pairs."""
    left = np.array(is_read, np.bool_)
    quads, twins = [], []
    ends = np.arange(len(left)) // run * run + run
    for at in range(len(left) - 3):
        if at + 4 <= ends[at] and left[at : at + 4].all():
            quads.append(at)
            left[at : at + 4] = False
    for at in range(len(left) - 3):
        if at + 4 <= ends[at] and left[at] and left[at + 2]:
            twins.append(at)
            left[[at, at + 2]] = False
    for at in twins[len(twins) // TWINS * TWINS :]:
        left[[at, at + 2]] = True
    twins = twins[: len(twins) // TWINS * TWINS]
    singles = np.flatnonzero(left).tolist()
    singles += [-1] * (-len(singles) % (4 if is_even else 2))
    return Gather(tuple(quads), tuple(twins), tuple(singles or [-1] * 4 * (not quads and not twins)))
