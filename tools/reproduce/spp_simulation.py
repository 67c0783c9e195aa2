"""Structured probabilistic pruning without a network: its penalty, and how long a layer takes.

    python -m tools.reproduce.spp_simulation

Computes the tables of ALGORITHMS sections 1.3 (values of the penalty) and 1.4 (updates until the target is
met, importance unchanged) with the code that prunes, sets them beside the values typed here from that
document, and writes results/spp_simulation.json. Exit status 1 when one differs. Nothing is drawn at
random. A few seconds.
"""

import json
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune import __version__
from edgeprune.artifact import write_atomic
from edgeprune.prune.spp import Settings, centre, delta, groups_to_remove, rate, simulate

RESULT = Path(__file__).parent / "results" / "spp_simulation.json"
AMPLITUDE, U = 0.05, 0.25


@dataclass(frozen=True)
class Vector:
    """Expected penalties of a layer; `digits` after the point are given."""

    share: float
    groups: int
    alpha: float | None
    middle: float | None
    ranks: tuple[int, ...]
    penalties: tuple[float, ...]
    digits: int = 8


@dataclass(frozen=True)
class Length:
    """Expected number of updates until the target is met."""

    share: float
    groups: int
    dynamic: int
    static: int


# ALGORITHMS section 1.3, "Test vectors, A=0.05, u=0.25", tagged [derived]
VECTORS = (
    Vector(
        *(0.5, 100, 0.04158883, 33.3333),
        ranks=(0, 1, 10, 33, 49, 50, 51, 99),
        penalties=(0.05, 0.04796321, 0.03298770, 0.01267449, 0.00101840, 0.0, -0.00106164, -0.16685282),
    ),
    Vector(
        *(0.75, 288, 0.00962704, 144.0),
        ranks=(0, 1, 10, 144, 215, 216, 217, 287),
        penalties=(0.05, 0.04952096, 0.04541092, 0.0125, 0.00023952, 0.0, -0.00024184, -0.02452096),
    ),
    Vector(0.25, 64, None, None, ranks=(63,), penalties=(-11.2,), digits=1),
)
# ALGORITHMS section 1.4, tagged [derived]
LENGTHS = (
    Length(0.50, 100, 110, 982),
    Length(0.75, 288, 146, 4175),
    Length(0.25, 64, 82, 329),
    Length(0.90, 1000, 182, 17333),
)
FIRST_DEATH = 20  # updates


def penalties() -> list[dict[str, Any]]:
    """Each value of section 1.3 and ours."""
    rows = []
    for vector in VECTORS:
        n = vector.share * vector.groups
        layer = {"share": vector.share, "groups": vector.groups}
        if vector.alpha is not None and vector.middle is not None:
            rows.append(_row(layer | {"value": "alpha"}, vector.alpha, rate(n, U), 8))
            rows.append(_row(layer | {"value": "N"}, vector.middle, centre(n, U), 4))
        for rank, expected in zip(vector.ranks, vector.penalties, strict=True):
            found = float(delta(np.array(rank), n, AMPLITUDE, U))
            rows.append(_row(layer | {"value": f"Delta({rank})"}, expected, found, vector.digits))
    return rows


def lengths() -> list[dict[str, Any]]:
    """Each count of section 1.4 and ours."""
    rows = []
    for length in LENGTHS:
        target = groups_to_remove(length.share, length.groups)
        for form, expected in (("dynamic", length.dynamic), ("static", length.static)):
            settings = Settings(AMPLITUDE, U, target=form, smoothing="none")  # type: ignore[arg-type]
            dead = simulate(length.groups, target, settings)
            first = next(update for update, count in enumerate(dead, 1) if count)
            layer = {"share": length.share, "groups": length.groups, "form": form}
            rows.append(_row(layer | {"value": "updates"}, expected, len(dead), 0))
            rows.append(_row(layer | {"value": "first death"}, FIRST_DEATH, first, 0))
    return rows


def _row(about: dict[str, Any], expected: float, found: float, digits: int) -> dict[str, Any]:
    """Equal when they differ by at most half a unit of the last digit given."""
    is_equal = abs(found - expected) <= 0.5 * 10.0**-digits + 1e-12
    return {**about, "expected": expected, "found": found, "equal": bool(is_equal)}


def main() -> int:
    """Compute both tables, write the result, print what differs."""
    tables = {"penalty_1_3": penalties(), "updates_1_4": lengths()}
    wrong = [row for table in tables.values() for row in table if not row["equal"]]
    result = {
        "command": "python -m tools.reproduce.spp_simulation",
        "versions": {
            "edgeprune": __version__,
            "python": platform.python_version(),
            "numpy": metadata.version("numpy"),
        },
        "seed": None,
        "source": "ALGORITHMS sections 1.3 and 1.4, values tagged [derived]",
        "settings": {"amplitude": AMPLITUDE, "u": U, "smoothing": "none"},
        "equal": not wrong,
        **tables,
    }
    write_atomic(RESULT, json.dumps(result, indent=1) + "\n")
    for row in tables["updates_1_4"]:
        if row["value"] == "updates":
            print("R {share} of {groups}, {form}: {found} updates, expected {expected}".format(**row))
    print(f"{len(wrong)} of {sum(map(len, tables.values()))} values differ")
    for row in wrong:
        print(json.dumps(row))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
