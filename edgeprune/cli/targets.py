"""`targets`: what is supported, and on what evidence."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from edgeprune.cli.output import Output, common_options, table
from edgeprune.cli.requirements import needs
from edgeprune.device.target import LinuxSystem, Target, find_target, target_names


@click.command()
@click.argument("name", required=False)
@click.option("--operators", is_flag=True, help="Show which operators run, on which types and cores.")
@common_options
def command(name: str | None, operators: bool, out: Output, seed: int) -> None:
    """List all targets, or show the one called NAME."""
    if operators:
        needs("numpy", extra="compile", what="targets --operators")
        cores = sorted({find_target(each).core for each in ([name] if name else target_names())})
        found = operator_rows(cores)
        out.emit({"operators": found}, _operators(found, cores))
        return
    if name is not None:
        target = find_target(name)
        out.emit(describe(target), _one(target))
        return
    targets = [find_target(each) for each in target_names()]
    rows = [
        (
            t.name,
            t.core,
            t.clock_hz or None,
            t.ram_available_bytes,
            t.flash_available_bytes,
            t.status,
            t.title,
        )
        for t in targets
    ]
    header = ("target", "core", "Hz", "RAM", "flash", "status", "what")
    out.emit({"targets": [describe(target) for target in targets]}, table(rows, header))


def describe(target: Target) -> dict[str, Any]:
    """A Target as a JSON object."""
    fields = asdict(target)
    del fields["folder"]
    return fields


def operator_rows(cores: Sequence[str]) -> list[dict[str, Any]]:
    """Every operator on each of its types: the rules it must keep, and its kernels on `cores`."""
    from edgeprune.ops import all_ops
    from edgeprune.ops.cores import FEATURES
    from edgeprune.tflite.variables import CALL, HANDLE

    resolved = [
        {"operator": name, "types": ["any"], "rules": [], "kernels": {core: [] for core in cores}}
        for name in (HANDLE, CALL)  # the reader puts variables in their place
    ]
    return resolved + [
        {
            "operator": op.name,
            "types": list(op.types) or ["any"],
            "rules": [(rule.__doc__ or rule.__name__).strip() for rule in op.rules],
            "kernels": {
                core: [v.name for v in op.variants if v.needs in FEATURES[core]]
                + ([] if op.is_alias else ["portable"])
                for core in cores
            },
        }
        for op in all_ops()
    ]


def _operators(rows: Sequence[dict[str, Any]], cores: Sequence[str]) -> str:
    lines = [
        (row["operator"], ", ".join(row["types"]), *(_cell(row["kernels"][core]) for core in cores))
        for row in rows
    ]
    return table(lines, ("operator", "types", *cores)) + (
        "\n--json adds the rules that a node must keep. Anything else is refused with its name and place."
    )


def _cell(kernels: Sequence[str]) -> str:
    """The kernels of a core beside the portable one, where it has any; "-": the bytes stay where they are."""
    return ", ".join(kernels[:-1]) or "yes" if kernels else "-"


def _one(target: Target) -> str:
    rows: list[tuple[str, object]] = [
        ("target", target.name),
        ("what", target.title),
        ("core", f"{target.core}, {target.clock_hz:,} Hz" if target.clock_hz else target.core),
        *([] if target.linux else [("stack", f"{target.stack_bytes:,} bytes")]),
        ("counts", ", ".join(target.counters) or "nothing"),
        ("status", target.status),
    ]
    rows += [(r.kind, f"{r.length_bytes:,} bytes at {r.origin:#010x}") for r in target.regions]
    if target.linux is not None:
        rows += _linux(target.linux)
    rows += [("evidence", f"{e.tool}, {e.date}") for e in target.evidence]
    return table(rows)


def _linux(system: LinuxSystem) -> list[tuple[str, object]]:
    heat = system.throttles_at_celsius
    litert = f"{system.machine}, 64 bits, glibc {system.glibc} and Python {system.python} at least for LiteRT"
    return [
        ("system", litert if "litert" in system.runtimes else f"{system.machine}, 64 bits"),
        ("runtimes", ", ".join(system.runtimes)),
        ("cores", system.cores or "as many as there are"),
        ("memory", f"{system.ram_bytes:,} bytes at least" if system.ram_bytes else "as much as there is"),
        ("serial", ", ".join(system.serial) or "none"),
        ("throttles", "not known" if heat is None else f"from {heat} °C"),
        ("widths", f"multiples of {', '.join(map(str, system.channel_multiples))}, the first that fits"),
    ]
