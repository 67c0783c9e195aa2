"""`run`: inputs from files through the board, outputs to files."""

import io
from pathlib import Path

import click

from edgeprune.artifact import Bundle, write_atomic
from edgeprune.cli.board_options import board_of, board_options, bundle_argument
from edgeprune.cli.output import Output, common_options
from edgeprune.device.board import Access
from edgeprune.device.link import Injection
from edgeprune.errors import UsageError
from edgeprune.profile.run import read_arrays, run_arrays

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@bundle_argument
@click.option(
    "--inputs", multiple=True, required=True, type=FILE, help=".npy, (N, *input shape); repeatable."
)
@click.option("--outputs", multiple=True, required=True, type=FILE, help=".npy to write; repeatable.")
@board_options
@common_options
def command(
    bundle_path: Path,
    inputs: tuple[Path, ...],
    outputs: tuple[Path, ...],
    board_id: str | None,
    port: str | None,
    access: Access,
    record: Path | None,
    injection: Injection | None,
    out: Output,
    seed: int,
) -> None:
    """Run every input through BUNDLE on the board, in the network's own dtypes, without scaling.

    A network with several inputs takes several --inputs, in its order; outputs likewise. A network with
    state is reset first and meets the inputs as one sequence.
    """
    bundle = Bundle.open(bundle_path)
    count = len(bundle.manifest["io"]["outputs"])
    if len(outputs) != count:
        raise UsageError(
            f"the network has {count} outputs, got {len(outputs)} files", hint="one --outputs for each"
        )
    arrays = read_arrays(inputs, bundle)
    board = board_of(bundle, board_id, port, access)
    results = run_arrays(bundle, board, arrays, injection=injection, record=record)
    for path, array in zip(outputs, results, strict=True):
        write_atomic(path, _npy(array))
    summary = {"board": board.id, "samples": len(arrays[0]), "outputs": [str(path) for path in outputs]}
    out.emit(summary, f"{len(arrays[0])} samples through {board.id}; wrote {', '.join(map(str, outputs))}")


def _npy(array: object) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()
