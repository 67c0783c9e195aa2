"""Feed damaged copies of real models to the `.tflite` reader: it must read them or raise ModelError.

    python -m tools.fuzz.tflite_reader FOLDER --mutations 2000 --seed 1

Prints JSON: how many were read, refused by the reader, refused by the operators, crashed. Ends in
status 1 when anything crashed or took longer than the limit; its bytes are then saved for `--replay`.
"""

import random
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeprune.errors import ModelError
from edgeprune.ops import bind
from edgeprune.tflite.read import read
from tools.fuzz.common import Tally, memory_limit, parser

LIMIT_S = 10
MEMORY_BYTES = 6 << 30
INTERESTING = [0, 1, 2, 4, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FC00000]


def place(data: bytearray, rng: random.Random) -> int:
    """A position: the tables are at both ends of most files, weights between them."""
    spans = [(0, min(2048, len(data))), (max(0, len(data) - 6144), len(data)), (0, len(data))]
    return rng.randrange(*rng.choice(spans))


def truncate(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def flip_bits(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice([1, 1, 2, 8])):
        data[place(data, rng)] ^= 1 << rng.randrange(8)
    return data


def splice(data: bytearray, rng: random.Random) -> bytearray:
    """Copy a piece of the file over another, or insert it there."""
    start, target = place(data, rng), place(data, rng)
    piece = data[start : start + rng.choice([1, 4, 16, 256])]
    data[target : target + (len(piece) if rng.random() < 0.7 else 0)] = piece
    return data


def overwrite(data: bytearray, rng: random.Random) -> bytearray:
    """Put a number that often breaks readers where a 32-bit number may be."""
    for _ in range(rng.choice([1, 1, 3])):
        at = place(data, rng) & ~3
        value = rng.choice([*INTERESTING, rng.getrandbits(32), len(data), len(data) - at])
        data[at : at + 4] = value.to_bytes(4, "little")[: len(data) - at]
    return data


MUTATORS: list[Callable[[bytearray, random.Random], bytearray]] = [truncate, flip_bits, splice, overwrite]


def mutant(models: list[bytes], seed: int, number: int) -> bytes:
    """Mutation `number`: the same for the same models and seed."""
    rng = random.Random(f"{seed} {number}")
    return bytes(rng.choice(MUTATORS)(bytearray(rng.choice(models)), rng))


def outcome(data: bytes) -> str:
    """What becomes of `data`."""
    try:
        graph = read(data)
    except ModelError:
        return "refused"
    try:
        bind(graph)
    except ModelError:
        return "read, operators refused"
    return "read"


def main() -> int:
    """Run the mutations, print the report."""
    options_of = parser(__doc__)
    options_of.add_argument("folder", type=Path, nargs="?", help="where the models are, at any depth")
    options_of.add_argument("--mutations", type=int, default=2000)
    options = options_of.parse_args()
    tally = Tally("tflite_reader", options)

    def run(name: str, data: bytes) -> None:
        with memory_limit(MEMORY_BYTES):
            tally.try_case(name, data, LIMIT_S, lambda: outcome(data))

    models: list[bytes] = []
    if options.replay is not None:
        run(options.replay.name, options.replay.read_bytes())
    elif options.folder is None:
        options_of.error("a folder of models is needed")
    else:
        models = [path.read_bytes() for path in sorted(options.folder.rglob("*.tflite"))]
        if not models:
            options_of.error(f"no .tflite file in {options.folder}")
        for number in range(options.mutations):
            if tally.is_over:
                break
            run(f"{options.seed}-{number}.tflite", mutant(models, options.seed, number))
    return tally.finish(
        models=len(models),
        mutations=tally.counts.total(),
        read=tally.counts["read"],
        read_operators_refused=tally.counts["read, operators refused"],
        refused=tally.counts["refused"],
        crashed=tally.counts["findings"],
        failures=tally.findings[:20],
    )


if __name__ == "__main__":
    sys.exit(main())
