"""`edgeprune prunability`: how far single weights can go before the training loss rises."""

import json
from pathlib import Path
from typing import Any

import click

from edgeprune.cli.output import Output, common_options, table
from edgeprune.cli.requirements import needs_keras
from edgeprune.errors import ModelError, UsageError

_SHOWN = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01)
_BAR = 40


@click.command("prunability")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="Training examples, as for build.")
@click.option("--scale", default="none", show_default=True, help="How raw data become the model's input.")
@click.option(
    "--operator",
    type=click.Choice(["magnitude", "random", "both"]),
    default="both",
    show_default=True,
    help="Which weights go first: the smallest, or random ones in ten draws.",
)
@click.option("--beta", type=float, default=0.1, show_default=True, help="How much the loss may rise.")
@click.option(
    "--tolerance",
    type=click.Choice(["relative", "absolute"]),
    default="relative",
    show_default=True,
    help="The limit is (1 + beta) times the loss, or the loss + beta.",
)
@click.option(
    "--fold/--no-fold", "is_folded", help="Fold batch norms into the layers before them.  [default: no]"
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="At most N training examples.",
)
@click.option("--out", "place", type=click.Path(path_type=Path), help="Also a page or a file: .html, .json.")
@common_options
def command(
    model: Path, data: str, scale: str, place: Path | None, out: Output, seed: int, **options: Any
) -> None:
    """Measure the smallest fraction of MODEL's weights that keeps its training loss, without retraining.

    MODEL is a .keras or .h5 file with trained weights.
    """
    needs_keras("prunability")
    from edgeprune.artifact import Store, default_store, write_atomic
    from edgeprune.recipe import make_recipe
    from edgeprune.report.prunability import render
    from edgeprune.stages import network, prunability

    _check(model, place)
    request = _request(seed=seed, **options)
    recipe = make_recipe({"model": str(model), "data": data, "scale": scale, "seed": seed}, "command line")
    store = Store(default_store())
    loaded = network.load(store, model)
    examples = network.load_training_data(recipe, loaded)
    found = prunability.measure(store, loaded, examples, request).json("prunability.json")
    result = {"model": model.name, "seed": seed, **found}
    if place is not None:
        text = render(result) if place.suffix == ".html" else json.dumps(result, indent=2) + "\n"
        write_atomic(place, text)
    out.emit(result, _text(result, place))


def _check(model: Path, place: Path | None) -> None:
    """Refuse, before anything runs, what could only fail after it."""
    if model.suffix == ".tflite":
        raise ModelError(
            f"{model.name} is an int8 network: prunability is of the float one",
            hint="give the Keras model that it was made from",
        )
    if place is not None and place.suffix not in (".html", ".json"):
        raise UsageError(f"{place.name}: the result is written as .html or .json", hint="--out NAME.html")


def _request(seed: int, operator: Any, beta: float, tolerance: Any, is_folded: bool, limit: int) -> Any:
    from edgeprune.prune.prunability import Settings
    from edgeprune.stages.prunability import Request

    return Request(Settings(beta=beta, tolerance=tolerance), operator, limit, seed, is_folded)


def _text(result: dict[str, Any], place: Path | None) -> str:
    """The measure, its curve as bars against the limit, and the comparators."""
    found, interval = result["prunability"], result["prunability"]["interval"]
    bounds = "" if interval is None else f" (95 %: {interval[0]:.3f} to {interval[1]:.3f})"
    sort = result["tolerance"]
    rows = [
        ("prunability, first violation", f"{found['first_violation']:.3f}{bounds}"),
        ("prunability, smallest anywhere", f"{found['global_min']:.3f}"),
        ("operator", result["operator"]),
        ("weights (conv and dense)", f"{result['parameters']:,}"),
        ("loss", f"{result['loss']:.5g} on {result['samples']:,} training examples"),
        ("limit", f"{result['loss_limit']:.5g} ({sort}, beta {result['beta']:g})"),
    ]
    other, random = result["other_tolerance"], result["random"]
    if other is not None:
        values = f"{other['first_violation']:.3f}, {other['global_min']:.3f} anywhere"
        rows.append((f"with {other['tolerance']} tolerance", values))
    if random is not None and result["operator"] != "random":
        low, high = random["interval"]
        values = f"{random['first_violation']:.3f} (95 %: {low:.3f} to {high:.3f})"
        rows.append((f"random, mean of {len(random['draws'])} draws", values))
    parts = [table(rows), _curve(result)]
    comparators = {name: value for name, value in (result["comparators"] or {}).items() if value is not None}
    parts.append(table([(name.replace("_", " "), f"{value:.6g}") for name, value in comparators.items()]))
    if place is not None:
        parts.append(f"wrote {place}")
    return "\n\n".join(part for part in parts if part)


def _curve(result: dict[str, Any]) -> str:
    """A line for each tenth of the weights; the bar is full at twice the limit."""
    rows = []
    for wanted in _SHOWN:
        alpha, loss = min(result["curve"], key=lambda point: abs(point[0] - wanted))
        share = 1.0 if loss is None else min(1.0, loss / (2 * result["loss_limit"] or 1.0))
        is_over = loss is None or loss > result["loss_limit"]
        bar = "#" * round(_BAR * share) + (" over the limit" if is_over else "")
        rows.append((f"{100 * alpha:.1f} %", "not finite" if loss is None else f"{loss:.5g}", bar))
    unique = list(dict.fromkeys(rows))
    return table(unique, ("kept", "loss", "bars: half is the limit"))
