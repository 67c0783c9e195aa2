"""`targets`: what is supported, and on what evidence."""

from dataclasses import asdict
from typing import Any

import click

from edgeprune.cli.output import Output, common_options, table
from edgeprune.device.target import Target, find_target, target_names


@click.command()
@click.argument("name", required=False)
@common_options
def command(name: str | None, out: Output, seed: int) -> None:
    """List all targets, or show the one called NAME."""
    if name is not None:
        target = find_target(name)
        out.emit(describe(target), _one(target))
        return
    targets = [find_target(each) for each in target_names()]
    rows = [
        (t.name, t.core, t.clock_hz, t.ram_available_bytes, t.flash_available_bytes, t.status, t.title)
        for t in targets
    ]
    header = ("target", "core", "Hz", "RAM", "flash", "status", "what")
    out.emit({"targets": [describe(target) for target in targets]}, table(rows, header))


def describe(target: Target) -> dict[str, Any]:
    """A Target as a JSON object."""
    fields = asdict(target)
    del fields["folder"]
    return fields


def _one(target: Target) -> str:
    rows: list[tuple[str, object]] = [
        ("target", target.name),
        ("what", target.title),
        ("core", f"{target.core}, {target.clock_hz:,} Hz"),
        ("stack", f"{target.stack_bytes:,} bytes"),
        ("counts", ", ".join(target.counters) or "nothing"),
        ("status", target.status),
    ]
    rows += [(r.kind, f"{r.length_bytes:,} bytes at {r.origin:#010x}") for r in target.regions]
    rows += [("evidence", f"{e.tool}, {e.date}") for e in target.evidence]
    return table(rows)
