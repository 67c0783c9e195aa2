"""Feed damaged copies of real models to the `.tflite` reader: it must read them or raise ModelError.

    python tools/fuzz/tflite_reader.py FOLDER --mutations 2000 --seed 1

Prints JSON: how many were read, refused by the reader, refused by the operators, crashed. Ends in
status 1 when anything crashed or took longer than the limit; the mutation can then be made again
from its number, and `--save` keeps its bytes.
"""

import argparse
import json
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeprune.errors import ModelError
from edgeprune.ops import bind
from edgeprune.tflite.read import read

LIMIT_S = 10
INTERESTING = [0, 1, 2, 4, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FC00000]


class _TooSlowError(Exception):
    pass


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


def _too_slow(signum: int, frame: FrameType | None) -> None:
    raise _TooSlowError


def main() -> int:
    """Run the mutations, print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the models are, at any depth")
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for what crashed")
    options = parser.parse_args()
    models = [path.read_bytes() for path in sorted(options.folder.rglob("*.tflite"))]
    if not models:
        parser.error(f"no .tflite file in {options.folder}")
    counts: Counter[str] = Counter()
    failures: list[dict[str, str | int]] = []
    slowest_s = 0.0
    signal.signal(signal.SIGALRM, _too_slow)
    for number in range(options.mutations):
        data = mutant(models, options.seed, number)
        start = time.perf_counter()
        signal.alarm(LIMIT_S)
        try:
            result = outcome(data)
        except Exception:
            result = "crashed"
            failures.append({"number": number, "error": traceback.format_exc(limit=-3)})
            if options.save is not None:
                (options.save / f"{options.seed}_{number}.tflite").write_bytes(data)
        finally:
            signal.alarm(0)
        counts[result] += 1
        slowest_s = max(slowest_s, time.perf_counter() - start)
    report = {
        "models": len(models),
        "mutations": options.mutations,
        "seed": options.seed,
        "read": counts["read"],
        "read_operators_refused": counts["read, operators refused"],
        "refused": counts["refused"],
        "crashed": counts["crashed"],
        "slowest_s": round(slowest_s, 3),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "failures": failures[:20],
    }
    print(json.dumps(report, indent=2))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
