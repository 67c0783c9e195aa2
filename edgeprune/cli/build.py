"""`edgeprune build`: the whole pipeline; leaves a Bundle."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from edgeprune.cli.board_options import place_options
from edgeprune.cli.output import Output, common_options, table
from edgeprune.cli.requirements import needs, needs_keras
from edgeprune.device.board import Access, find_board


@click.command("build")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--target", help="A name from `edgeprune targets`.  [default: virtual-m4]")
@click.option(
    "--data", help="FILE.npz, an image folder, keras:NAME, sklearn:digits or package.module:function."
)
@click.option(
    "--scale", help="How raw data become the model's input: none, 1/255, 1/127.5-1.  [default: none]"
)
@click.option(
    "--method",
    help="A pruning method (`compare --list`); `none` to skip.  [default: l1 if S is given]",
)
@click.option("--speedup", type=float, help="MACs before / MACs after.")
@click.option(
    "--speedup-in",
    type=click.Choice(["macs", "instructions", "tiles"]),
    help="What the speed-up counts: MACs, a microcontroller's instructions by the kernels' own counts, or "
    "the tiles that LiteRT computes.",
)
@click.option(
    "--budget",
    help='Instead of a speed-up, what the target must hold: "latency_ms<=50,ram_kib<=64,flash_kib<=256,'
    'accuracy_drop<=1.0" (points against the float model).',
)
@click.option(
    "--allocation",
    help="How the cut is shared out among layers: uniform, bands, global, isomorphic, sensitivity, pfp.  "
    "[default: what suits the method]",
)
@click.option(
    "--round-to",
    type=int,
    help="Keep a multiple of this many channels.  [default: 4, 2 or 1: the first that meets S]",
)
@click.option("--steps", type=int, help="Prune in so many steps, an epoch between them.  [default: 1]")
@click.option("--keep", multiple=True, help="A layer to leave alone (name or glob); may be repeated.")
@click.option("--epochs", type=int, help="Fine-tuning epochs in all.")
@click.option(
    "--batch-size", type=int, help="Examples per training step.  [default: 128, fewer for small data sets]"
)
@click.option("--learning-rate", type=float, help="Highest learning rate of the schedule.")
@click.option(
    "--augment",
    type=click.Choice(["auto", "none", "flip-crop"]),
    help="Training images are varied; auto: colour images of 24 pixels and more.  [default: auto]",
)
@click.option("--distill/--no-distill", default=None, help="Learn from the original network too.")
@click.option(
    "--quantize",
    type=click.Choice(["int8", "int8-qat", "float32", "dynamic"]),
    help="How the network becomes integers: converted, or trained for it (edgeprune[qat]); or float32 as it "
    "is, or int8 weights alone (dynamic, for LiteRT).  [default: int8]",
)
@click.option("--qat-epochs", type=int, help="Epochs of training for int8.  [default: 5]")
@click.option("--samples", type=int, help="Training examples that set the int8 ranges.  [default: 200]")
@click.option(
    "--optimize",
    type=click.Choice(["speed", "balanced", "size", "auto"]),
    help="What the compiler prefers; auto: the fastest that fits the target.  [default: balanced]",
)
@click.option("--toolchain", help="zig (default) or gcc-arm.")
@click.option(
    "--runtime",
    type=click.Choice(["auto", "litert", "native"]),
    help="For Linux targets: LiteRT, or one static program of our own C.  [default: auto]",
)
@click.option(
    "--wheels", is_flag=True, default=None, help="Put the device's Python packages in the Bundle too."
)
@click.option("--out", "place", help="The Bundle.  [default: build/MODEL-TARGET]")
@place_options
@common_options
def command(
    model: Path,
    place: str | None,
    board_id: str | None,
    port: str | None,
    access: Access,
    out: Output,
    seed: int,
    **options: Any,
) -> None:
    """Prune, quantise, compile and measure MODEL; leave a Bundle.

    MODEL is a .keras or .h5 file, an int8 .tflite (compiled as it is) or a recipe .toml. A board is needed
    only for a --budget with latency_ms on a Linux device: every network of the search is timed there.
    """
    needs("numpy", "pydantic", "ziglang", extra="compile", what="build")
    from edgeprune.artifact import Store, default_store
    from edgeprune.device.target import find_target
    from edgeprune.pipeline import build
    from edgeprune.recipe import make_recipe, read_recipe

    options["out"] = place
    source = click.get_current_context().get_parameter_source("seed")
    if source is not click.core.ParameterSource.DEFAULT:
        options["seed"] = seed
    given = {key: value for key, value in options.items() if value not in (None, ())}
    if model.suffix == ".toml":
        recipe = read_recipe(model, given)
    else:
        recipe = make_recipe({"model": str(model), **given}, "command line")
    if Path(recipe.model).suffix != ".tflite":
        needs_keras("a Keras model")
    find = None
    if (board_id, port, access.host) != (None, None, None):
        find = partial(find_board, find_target(recipe.target), board_id, port, access)
    made = build(recipe, Store(default_store()), find)
    out.emit(made.result(), _text(made.result(), made.manifest))


def _text(result: dict[str, Any], manifest: dict[str, Any]) -> str:
    """What a person wants to know, in a dozen lines."""
    memory, rows = result["memory"], []
    for stage in manifest["accuracy_stages"]:
        if stage["accuracy"] is not None:
            rows.append((f"accuracy, {stage['stage']}", f"{100 * stage['accuracy']:.2f} %"))
    if result["pruned"]:
        pruned = result["pruned"]
        rows.append(("MACs", f"{result['float']['macs']:,} -> {pruned['macs']:,} ({pruned['speedup']:.2f}x)"))
        rows.append(("parameters", f"{result['float']['params']:,} -> {pruned['params']:,}"))
    for what, used, free in (
        ("RAM", "ram_bytes", "ram_available_bytes"),
        ("flash", "flash_bytes", "flash_available_bytes"),
    ):
        if memory[used] is None:
            continue
        room = f" of {memory[free]:,}" if memory[free] else ""
        name = "release" if what == "flash" and manifest["runtime"] else what
        rows.append((name, f"{memory[used]:,}{room} bytes"))
    if memory["arena_bytes"] is not None:
        proved = ", proved optimal" if memory["arena_is_optimal"] else ""
        bound = f"bound {memory['arena_lower_bound_bytes']:,}{proved}"
        rows.append(("arena", f"{memory['arena_bytes']:,} bytes ({bound})"))
    agreed = result["int8"].get("reference_agreement")
    if agreed is not None:
        rows.append(("agrees", f"{100 * agreed:.2f} % of classes with the reference kernels"))
    if manifest["runtime"] is not None:
        rows.append(("runtime", manifest["runtime"]))
    measured = manifest["measured"]
    if measured:
        rows.append(("instructions", f"{measured['instructions']:,} ({manifest['target_status']})"))
        rows.append(("latency", f"{measured['latency_us']['median'] / 1000:.2f} ms ({measured['evidence']})"))
    rows.append(("report", f"{result['bundle']}/report.html"))
    return f"{result['bundle']}\n{table(rows)}"
