"""`profile`: what a Bundle takes on the board."""

import json
from pathlib import Path

import click

from edgeprune.artifact import Bundle, write_atomic
from edgeprune.cli.board_options import board_of, board_options, bundle_argument
from edgeprune.cli.output import Output, common_options, table
from edgeprune.device.link import Injection
from edgeprune.errors import ParityError
from edgeprune.profile.measure import DEFAULT_RUNS, Profile, profile


@click.command()
@bundle_argument
@click.option("--runs", default=DEFAULT_RUNS, show_default=True, type=click.IntRange(1), help="Counted runs.")
@click.option(
    "--out", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also save the JSON here."
)
@board_options
@common_options
def command(
    bundle_path: Path,
    runs: int,
    file: Path | None,
    board_id: str | None,
    port: str | None,
    record: Path | None,
    injection: Injection | None,
    out: Output,
    seed: int,
) -> None:
    """Measure BUNDLE on the board: latency, per-layer time, memory, parity with the host.

    Flash it first. Exit status 7 means that the board computed other outputs than the host.
    """
    bundle = Bundle.open(bundle_path)
    board = board_of(bundle, board_id, port)
    result = profile(bundle, board, runs, injection=injection, record=record)
    if file is not None:
        write_atomic(file, json.dumps(result.to_json(), indent=2) + "\n")
    out.emit(result.to_json(), describe(result))
    parity = result.parity
    if parity.mismatches:
        raise ParityError(
            f"{parity.mismatches} of {parity.inputs} inputs gave other outputs than on the host",
            hint="please report it with the Bundle",
        )


def describe(result: Profile) -> str:
    """A Profile for people."""
    layers = table(
        [
            (
                layer.index,
                layer.name,
                layer.op,
                layer.macs,
                layer.instructions,
                layer.cycles,
                layer.latency_us,
            )
            for layer in result.layers
        ],
        header=("layer", "name", "op", "MACs", "instructions", "cycles", "µs"),
    )
    latency, memory = result.latency_us, result.memory
    summary = table(
        [
            ("board", f"{result.board} ({result.evidence})"),
            ("latency", "not known" if latency.median is None else f"{latency.median:,.1f} µs"),
            ("instructions", "-" if result.instructions is None else f"{result.instructions:,}"),
            ("cycles", "-" if result.cycles is None else f"{result.cycles:,}"),
            ("arena", f"{memory.arena_bytes:,} bytes"),
            ("RAM peak", "-" if memory.ram_peak_bytes is None else f"{memory.ram_peak_bytes:,} bytes"),
            ("stack peak", "-" if memory.stack_peak_bytes is None else f"{memory.stack_peak_bytes:,} bytes"),
            ("flash", f"{memory.flash_bytes:,} bytes"),
            ("parity", f"{result.parity.inputs - result.parity.mismatches} of {result.parity.inputs} equal"),
        ]
    )
    return f"{layers}\n\n{summary}"
