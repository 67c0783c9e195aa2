"""`edgeprune prune`: one stage alone, .keras to smaller .keras."""

from pathlib import Path
from typing import Any

import click

from edgeprune.cli.output import Output, common_options
from edgeprune.cli.requirements import needs_keras
from edgeprune.errors import UsageError


@click.command("prune")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--method", default="l1", show_default=True, help="A pruning method; `compare --list` has all.")
@click.option("--speedup", type=float, required=True, help="MACs before / MACs after.")
@click.option("--data", help="Examples, for methods that look at some; as in `build`.")
@click.option("--scale", help="How raw data become the model's input, as in `build`.")
@click.option(
    "--allocation", help="How the cut is shared out: uniform, bands, global, isomorphic, sensitivity, pfp."
)
@click.option(
    "--round-to", type=int, default=1, show_default=True, help="Keep a multiple of this many channels."
)
@click.option("--keep", multiple=True, help="A layer to leave alone (name or glob); may be repeated.")
@click.option(
    "--out", "place", type=click.Path(path_type=Path), help="The model.  [default: MODEL-pruned.keras]"
)
@common_options
def command(model: Path, place: Path | None, out: Output, seed: int, **options: Any) -> None:
    """Remove channels of MODEL, without training; the result is checked against the masked network."""
    needs_keras("prune")
    from edgeprune.artifact import Store, default_store
    from edgeprune.prune.methods import METHODS
    from edgeprune.recipe import make_recipe
    from edgeprune.stages import network, pruning

    place = place or model.with_name(f"{model.stem}-pruned.keras")
    if place.suffix != ".keras":
        raise UsageError(f"{place.name}: a pruned model is written as .keras", hint="--out NAME.keras")
    given = {key: value for key, value in options.items() if value is not None}
    recipe = make_recipe({"model": str(model), "seed": seed, **given}, "command line")
    if METHODS[str(recipe.method)].guide is not None:
        raise UsageError(
            f"method {recipe.method} prunes while it trains", hint="edgeprune build does both, with --method"
        )
    store = Store(default_store())
    loaded = network.load(store, model)
    data = network.load_training_data(recipe, loaded) if recipe.data is not None else None
    pruned = pruning.prune(store, loaded, loaded, recipe, data=data)
    place.parent.mkdir(parents=True, exist_ok=True)
    network.copy_model(pruned, place)
    before, after = loaded.json("network.json"), pruned.json("network.json")
    plan = pruned.json("plan.json")
    speedup = before["macs"] / after["macs"]
    result = {
        "model": str(place),
        "method": recipe.method,
        "macs": {"before": before["macs"], "after": after["macs"]},
        "params": {"before": before["params"], "after": after["params"]},
        "speedup": speedup,
        "masked_difference": plan["masked_difference"],
        "left_alone": plan["left_alone"],
    }
    text = (
        f"wrote {place}\nMACs {before['macs']:,} -> {after['macs']:,} ({speedup:.2f}x), parameters "
        f"{before['params']:,} -> {after['params']:,}; differs from the masked network by "
        f"{plan['masked_difference']:.1e} at most"
    )
    out.emit(result, text)
