"""Read an HDF5 file to the end in a process of its own: `python h5_probe.py FILE`.

libhdf5 can loop for ever or crash on a damaged file, which no `except` in our process would catch. What
this child has read within the time limit can be read again. It also refuses what a file of weights never
needs and a hostile one may use: data in other files, links, and sizes out of all proportion.
Run as a script so that it starts without TensorFlow; it ends with status 0, or 1 and one line of reason.
"""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

TIMEOUT_S = 60
MAX_BYTES = 2 << 30
WEIGHTS = "model.weights.h5"


def probe(path: Path) -> str | None:
    """Why the `.h5` file, or the weights inside a `.keras` file, cannot be read; None if they can."""
    command = [sys.executable, "-P", str(Path(__file__).resolve()), str(path)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"reading it took longer than {TIMEOUT_S} s"
    if done.returncode == 0:
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[-1][:200] if lines else f"reading it ended with status {done.returncode}"


def read_all(path: Path) -> None:
    """Read every attribute and every dataset; raises ValueError for what is refused."""
    import h5py

    source: Path | io.BytesIO = path
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(source, "r") as file:
        _read_group(file, MAX_BYTES)


def _read_group(group: object, budget_bytes: int) -> int:
    """Read below `group`; returns what is left of the budget."""
    import h5py

    list(group.attrs.items())  # type: ignore[attr-defined]
    for name in group:  # type: ignore[attr-defined]
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):  # type: ignore[attr-defined]
            raise ValueError(f"{name!r} is a link to somewhere else")
        item = group[name]  # type: ignore[index]
        if isinstance(item, h5py.Group):
            budget_bytes = _read_group(item, budget_bytes)
            continue
        if item.external or item.is_virtual:
            raise ValueError(f"the data of {name!r} are in another file")
        budget_bytes -= item.nbytes
        if budget_bytes < 0:
            raise ValueError(f"it holds more than {MAX_BYTES} bytes of data")
        list(item.attrs.items())
        item[()]
    return budget_bytes


if __name__ == "__main__":
    try:
        read_all(Path(sys.argv[1]))
    except Exception as error:  # whatever it is, it is the answer
        print(f"{type(error).__name__}: {error}".splitlines()[0])
        sys.exit(1)
