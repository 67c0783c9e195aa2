"""`edgeprune quantize`: one stage alone, .keras to int8 .tflite."""

from pathlib import Path

import click

from edgeprune.cli.output import Output, common_options
from edgeprune.cli.requirements import needs_keras
from edgeprune.errors import UsageError


@click.command("quantize")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="Training examples, as for build.")
@click.option("--scale", default="none", show_default=True, help="How raw data become the model's input.")
@click.option(
    "--samples", type=int, default=200, show_default=True, help="Examples that set the int8 ranges."
)
@click.option(
    "--quantize",
    type=click.Choice(["int8", "int8-qat"]),
    default="int8",
    show_default=True,
    help="Convert, or train for int8 first (edgeprune[qat]).",
)
@click.option("--qat-epochs", type=int, help="Epochs of training for int8.  [default: 5]")
@click.option("--out", "place", type=click.Path(path_type=Path), help="The file.  [default: MODEL.tflite]")
@common_options
def command(
    model: Path,
    data: str,
    scale: str,
    samples: int,
    quantize: str,
    qat_epochs: int | None,
    place: Path | None,
    out: Output,
    seed: int,
) -> None:
    """Convert MODEL to a full-int8 .tflite: batch 1, per channel, ranges from training examples."""
    needs_keras("quantize")
    from edgeprune.artifact import Store, default_store, sha256_bytes, write_atomic
    from edgeprune.recipe import make_recipe
    from edgeprune.stages import int8, network

    values = {"model": str(model), "data": data, "scale": scale, "samples": samples, "seed": seed}
    recipe = make_recipe({**values, "quantize": quantize, "qat_epochs": qat_epochs}, "command line")
    if quantize == "int8-qat":
        from edgeprune.quant.qat import check_installed

        check_installed()
    elif qat_epochs is not None:
        raise UsageError("--qat-epochs would do nothing", hint="add --quantize int8-qat, or leave it out")
    store = Store(default_store())
    loaded = network.load(store, model)
    examples = network.load_training_data(recipe, loaded)
    if quantize == "int8-qat":
        made = int8.quantize_aware(store, loaded, loaded, examples, recipe)
    else:
        made = network.quantize(store, loaded, examples, recipe)
    raw = (made.folder / "model.tflite").read_bytes()
    place = place or model.with_suffix(".tflite")
    write_atomic(place, raw)
    result = {"tflite": str(place), "bytes": len(raw), "sha256": sha256_bytes(raw)}
    out.emit(result, f"wrote {place}, {len(raw):,} bytes")
