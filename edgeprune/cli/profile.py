"""`profile`: what a Bundle takes on the board."""

import json
from pathlib import Path

import click

from edgeprune.artifact import Bundle, write_atomic
from edgeprune.cli.board_options import board_of, board_options, bundle_argument
from edgeprune.cli.output import Output, common_options, table
from edgeprune.device.board import Access
from edgeprune.device.link import Injection
from edgeprune.errors import ParityError
from edgeprune.profile.measure import Latency, Parity, Profile, profile


@click.command()
@bundle_argument
@click.option(
    "--runs", type=click.IntRange(1), help="Counted or timed runs.  [default: 3; 200 on a Linux device]"
)
@click.option(
    "--out", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also save the JSON here."
)
@board_options
@common_options
def command(
    bundle_path: Path,
    runs: int | None,
    file: Path | None,
    board_id: str | None,
    port: str | None,
    access: Access,
    record: Path | None,
    injection: Injection | None,
    out: Output,
    seed: int,
) -> None:
    """Measure BUNDLE on the board: latency, per-layer time, memory, parity with the host.

    Flash it first. Exit status 7 means that the board computed other outputs than the host.
    """
    bundle = Bundle.open(bundle_path)
    board = board_of(bundle, board_id, port, access)
    result = profile(bundle, board, runs, injection=injection, record=record)
    if file is not None:
        write_atomic(file, json.dumps(result.to_json(), indent=2) + "\n")
    out.emit(result.to_json(), describe(result))
    parity = result.parity
    if parity.is_failure:
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
            ("latency", "not known" if latency.median is None else _latency(latency)),
            ("instructions", "-" if result.instructions is None else f"{result.instructions:,}"),
            ("cycles", "-" if result.cycles is None else f"{result.cycles:,}"),
            ("arena", "-" if memory.arena_bytes is None else f"{memory.arena_bytes:,} bytes"),
            ("RAM peak", "-" if memory.ram_peak_bytes is None else f"{memory.ram_peak_bytes:,} bytes"),
            ("stack peak", "-" if memory.stack_peak_bytes is None else f"{memory.stack_peak_bytes:,} bytes"),
            ("flash", f"{memory.flash_bytes:,} bytes"),
            ("parity", _parity(result.parity)),
            *_state(result),
        ]
    )
    notes = "".join(f"\nnote: {note}" for note in result.notes)
    return f"{layers}\n\n{summary}{notes}" if result.layers else f"{summary}{notes}"


def _state(result: Profile) -> list[tuple[str, str]]:
    """What a device with an operating system says of itself after the runs."""
    after = None if result.system is None else result.system["after"]
    if after is None:
        return []
    runtime, rows = after["runtime"], []
    threads = f"{runtime['threads']} thread{'s' if runtime['threads'] != 1 else ''}"
    rows.append(("runtime", f"{runtime['name']} {runtime['version']}, {threads}"))
    if result.model_load_ms is not None:
        rows.append(("model load", f"{result.model_load_ms:,.1f} ms"))
    if after["governor"]:
        rows.append(("governor", ", ".join(sorted(set(after["governor"])))))
    if after["temperature_c"] is not None:
        rows.append(("temperature", f"{after['temperature_c']:.1f} °C"))
    if after["throttled"] is not None:
        rows.append(("throttled", ", ".join(after["throttled"]["now"]) or "no"))
    return rows


def _latency(latency: Latency) -> str:
    text = f"{latency.median:,.1f} µs"
    if latency.median_interval is None:
        return text
    low, high = latency.median_interval
    return f"{text} (median; 95 % confidence {low:,.1f} to {high:,.1f}; p95 {latency.p95:,.1f})"


def _parity(parity: Parity) -> str:
    text = f"{parity.inputs - parity.mismatches} of {parity.inputs} equal"
    if parity.largest_difference is None:
        return text
    return f"{text} to {parity.reference}, largest difference {parity.largest_difference:g}"
