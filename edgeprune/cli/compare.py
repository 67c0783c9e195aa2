"""`edgeprune compare`: pruning methods under one schedule, as table, JSON and picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeprune.cli.output import Output, common_options, table
from edgeprune.cli.requirements import needs, needs_keras
from edgeprune.errors import UsageError

if TYPE_CHECKING:
    from edgeprune.stages.compare import Row


@click.command("compare")
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.option("--methods", default="l1", show_default=True, help="Names with commas between, or `all`.")
@click.option("--speedups", default="2,4", show_default=True, help="MACs before / MACs after.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1), help="Runs of each.")
@click.option("--data", help="As in `build`.")
@click.option("--scale", help="How raw data become the model's input, as in `build`.")
@click.option("--allocation", help="One allocation for all.  [default: what suits each method]")
@click.option("--epochs", type=int, help="Training epochs in all, the same for every row.")
@click.option("--batch-size", type=int, help="Examples per training step.")
@click.option("--learning-rate", type=float, help="Highest learning rate of the schedule.")
@click.option("--distill/--no-distill", default=None, help="Learn from the original network too.")
@click.option(
    "--out", "place", type=click.Path(path_type=Path), help="Folder.  [default: build/MODEL-compare]"
)
@click.option("--minutes", type=float, help="Begin no new row after so many; the next run goes on.")
@click.option("--list", "is_list", is_flag=True, help="Say which methods and allocations there are.")
@common_options
def command(
    model: Path | None,
    methods: str,
    speedups: str,
    seeds: int,
    minutes: float | None,
    place: Path | None,
    is_list: bool,
    out: Output,
    seed: int,
    **options: Any,
) -> None:
    """Prune MODEL by several methods under one schedule; leave rows.jsonl, compare.json and compare.html.

    l1, random and scratch (the pruned shape, trained from scratch) are always among the rows. A comparison
    that was stopped goes on where it was.
    """
    needs("numpy", "pydantic", "ziglang", extra="compile", what="compare")
    if is_list:
        _list(out)
        return
    if model is None:
        raise UsageError("which model?", hint="edgeprune compare MODEL --data D, or --list")
    needs_keras("compare")
    from edgeprune.artifact import Store, default_store, to_json, write_atomic
    from edgeprune.prune.methods import METHODS
    from edgeprune.recipe import make_recipe
    from edgeprune.report.comparison import render, summarise
    from edgeprune.stages.compare import compare

    given = {key: value for key, value in options.items() if value is not None}
    recipe = make_recipe({"model": str(model), "seed": seed, **given}, "command line")
    folder = place or Path("build") / f"{model.stem}-compare"
    made = compare(
        Store(default_store()),
        recipe,
        methods=METHODS.names if methods == "all" else [name.strip() for name in methods.split(",")],
        speedups=_numbers(speedups),
        seeds=seeds,
        folder=folder,
        minutes=minutes,
        progress=lambda done, total, row: out.note(f"row {done} of {total}: {_line(row)}"),
    )
    result = {
        "model": str(model),
        "seed": seed,
        "float": {"accuracy": made.accuracy, "macs": made.macs, "params": made.params},
        "settings": made.settings,
        "missing": made.missing,
        "rows": [vars(row) for row in made.rows],
        "summary": summarise([vars(row) for row in made.rows]),
    }
    write_atomic(folder / "compare.json", to_json(result))
    write_atomic(folder / "compare.html", render(result))
    left = f"{made.missing} rows are still to be made\n" if made.missing else ""
    out.emit(result, f"{_table(result)}\n{left}{folder}/compare.html")


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--speedups {text}: not numbers", hint="such as --speedups 2,4") from None


def _line(row: "Row") -> str:
    what = f"{row.method} at {row.speedup:g}x, seed {row.seed}"
    if row.int8 is None:
        return f"{what}: {row.refused}"
    return f"{what}: int8 {100 * row.int8:.2f} %"


def _list(out: Output) -> None:
    from edgeprune.prune.allocate import ALLOCATIONS
    from edgeprune.prune.methods import METHODS

    rows = [(m.name, m.summary, m.structure, "trains" if m.guide else "one shot") for m in METHODS]
    shares = [(a.name, a.summary) for a in ALLOCATIONS]
    result = {
        "methods": [
            {
                "name": m.name,
                "summary": m.summary,
                "structure": m.structure,
                "needs_examples": m.needs_examples,
                "trains": m.guide is not None,
                "allocation": m.allocation,
            }
            for m in METHODS
        ],
        "allocations": [{"name": a.name, "summary": a.summary} for a in ALLOCATIONS],
    }
    text = f"{table(rows, ('method', '', 'removes', ''))}\n\n{table(shares, ('allocation', ''))}"
    out.emit(result, text)


def _table(result: dict[str, Any]) -> str:
    rows = []
    for entry in result["summary"]:
        error = entry["int8_standard_error"]
        rows.append(
            (
                f"{entry['speedup']:g}x",
                entry["method"],
                entry["runs"],
                _percent(entry["pruned"]),
                _percent(entry["tuned"]),
                _percent(entry["int8"]),
                "-" if error is None else f"{100 * error:.2f}",
                "-" if entry["reached"] is None else f"{entry['reached']:.2f}",
            )
        )
    header = ("speed-up", "method", "runs", "pruned %", "tuned %", "int8 %", "std. error", "reached")
    dense = f"float, unpruned: {_percent(result['float']['accuracy'])} %"
    return f"{dense}\n{table(rows, header)}"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.2f}"
