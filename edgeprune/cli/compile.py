"""`edgeprune compile`: one stage alone, int8 .tflite to C."""

from pathlib import Path
from typing import Literal

import click

from edgeprune.cli.output import Output, common_options, table
from edgeprune.cli.requirements import needs


@click.command("compile")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--core", default="host", help="The core it is for; host: portable C.  [default: host]")
@click.option("--optimize", type=click.Choice(["speed", "balanced", "size"]), default="balanced")
@click.option("--out", "place", type=click.Path(path_type=Path), help="The folder.  [default: MODEL-c]")
@common_options
def command(
    model: Path,
    core: str,
    optimize: Literal["speed", "balanced", "size"],
    place: Path | None,
    out: Output,
    seed: int,
) -> None:
    """Turn an int8 .tflite into a folder of C11 for a firmware of your own.

    model.h says how to use it; nothing else than these files is needed, not even a C library.
    """
    needs("numpy", extra="compile", what="compile")
    from edgeprune.ops.cores import Goal
    from edgeprune.stages.firmware import write_c

    place = place or model.with_name(f"{model.stem}-c")
    generated, plan = write_c(model, place, Goal(core, optimize))
    result = {
        "folder": str(place),
        "files": sorted(generated.files),
        "layers": len(generated.layers),
        "macs": sum(layer.macs for layer in generated.layers),
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound_bytes": plan.lower_bound_bytes,
        "constant_bytes": generated.constant_bytes,
    }
    rows = [(key.replace("_", " "), value) for key, value in result.items() if isinstance(value, int)]
    out.emit(result, f"wrote {place}\n{table(rows)}")
