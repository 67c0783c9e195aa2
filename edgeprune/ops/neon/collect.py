"""Lists of inputs that filters read: ep_collect_neon.h."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field

LANES, TABLE = 16, 64
NONE = 255
TOGETHER = 4
"""Pixels that share lookups."""


@dataclass(frozen=True, eq=False)
class Collection:
    """Lookups, run by run; `kept` inputs of a pixel come out of them."""

    kept: int
    counts: npt.NDArray[np.uint16]
    sources: npt.NDArray[np.int32]
    places: npt.NDArray[np.uint16]
    indices: npt.NDArray[np.uint8]

    @property
    def out_bytes(self) -> int:
        """Of a pixel."""
        return -(-self.kept // LANES) * LANES

    def instructions(self, pixels: int) -> float:
        """For so many pixels in one call, fitted to counts."""
        runs, lookups = len(self.counts), len(self.sources)
        fours, ones = divmod(pixels, TOGETHER)
        return fours * (24 + 21.0 * runs + 26.3 * lookups) + ones * (1 + 16.0 * runs + 11.2 * lookups)


def collect(places: Sequence[tuple[int, int]], runs: int, last: int) -> Collection:
    """Take the inputs at `places` (run, byte), which are in order; lookups begin at byte `last` at most."""
    counts = np.zeros(runs, np.uint16)
    sources, outs, indices = [], [], []
    at = 0
    while at < len(places):
        run, first = places[at]
        begin, vector = min(first, last), at // LANES
        row = np.full(LANES, NONE, np.uint8)
        while at < len(places) and at // LANES == vector and places[at][0] == run:
            if places[at][1] >= begin + TABLE:
                break
            row[at % LANES] = places[at][1] - begin
            at += 1
        counts[run] += 1
        sources.append(begin)
        outs.append(vector * LANES)
        indices.append(row)
    return Collection(
        len(places),
        counts,
        np.array(sources, np.int32),
        np.array(outs, np.uint16),
        np.concatenate(indices),
    )


def collect_fields(prefix: str, made: Collection | None) -> tuple[Field, ...]:
    """The fields of a struct ep_collect_list_neon called `prefix`; None collects nothing."""
    arrays = {
        ("uint16_t", "counts"): made.counts if made else None,
        ("int32_t", "from"): made.sources if made else None,
        ("uint16_t", "to"): made.places if made else None,
        ("uint8_t", "indices"): made.indices if made else None,
    }
    return (
        Field("int32_t", f"{prefix}.out_bytes", made.out_bytes if made else 0),
        Field("int32_t", f"{prefix}.runs", len(made.counts) if made else 0),
        *(
            Field(ctype, f"{prefix}.{name}", None if array is None else Constant(array))
            for (ctype, name), array in arrays.items()
        ),
    )
