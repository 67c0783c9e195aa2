"""Lists of places for bytes: ep_pick_neon.h."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeprune.ops.base import Constant, Field

LANES, TABLE = 16, 64
NONE = 255
MOST_BYTES = 4 * TABLE
"""Of the input, which is kept in registers."""


@dataclass(frozen=True, eq=False)
class Pick:
    """From `in_bytes` to `out_bytes`; `base` are the bytes that are not picked."""

    in_bytes: int
    out_bytes: int
    base: npt.NDArray[np.int8]
    indices: npt.NDArray[np.uint8]

    @property
    def instructions(self) -> float:
        """For one pixel, fitted to counts."""
        tables, vectors = -(-self.in_bytes // TABLE), -(-self.out_bytes // LANES)
        return 18.5 + 0.9 * tables + vectors * (5.1 + 2.05 * tables)


def pick(sources: Sequence[int], in_bytes: int, out_bytes: int, base: npt.NDArray[np.int8]) -> Pick:
    """Byte i of the output is byte sources[i] of the input, that of `base` where it is negative."""
    if not TABLE <= in_bytes <= MOST_BYTES or out_bytes < LANES:
        raise ValueError(f"from {in_bytes} to {out_bytes} bytes")
    tables = [min(at, in_bytes - TABLE) for at in range(0, in_bytes, TABLE)]
    vectors = [min(at, out_bytes - LANES) for at in range(0, out_bytes, LANES)]
    wanted = np.asarray(sources, np.int64)
    wanted = np.concatenate([wanted, np.full(out_bytes - len(wanted), -1)])
    indices = np.full((len(vectors), len(tables), LANES), NONE, np.uint8)
    for row, vector in zip(indices, vectors, strict=True):
        seen = wanted[vector : vector + LANES]
        for part, table in zip(row, tables, strict=True):
            is_here = (seen >= table) & (seen < table + TABLE)
            part[is_here] = (seen - table)[is_here]
    return Pick(in_bytes, out_bytes, base, indices.reshape(-1))


def pick_fields(prefix: str, made: Pick | None) -> tuple[Field, ...]:
    """The fields of a struct ep_pick_list_neon called `prefix`; None picks nothing."""
    base = None if made is None else Constant(made.base)
    return (
        Field("int32_t", f"{prefix}.in_bytes", made.in_bytes if made else 0),
        Field("int32_t", f"{prefix}.out_bytes", made.out_bytes if made else 0),
        Field("int8_t", f"{prefix}.base", base),
        Field("uint8_t", f"{prefix}.indices", Constant(made.indices) if made else None),
    )
