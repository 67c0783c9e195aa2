"""`edgeprune evaluate`: accuracy on the device, every test example over its serial line."""

from pathlib import Path

import click

from edgeprune.artifact import Bundle
from edgeprune.cli.board_options import board_of, place_options
from edgeprune.cli.output import Output, common_options
from edgeprune.cli.requirements import needs
from edgeprune.device.board import Access


@click.command("evaluate")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="Test examples, as for build.")
@click.option("--scale", default="none", show_default=True, help="How raw data become the model's input.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N test examples.")
@place_options
@common_options
def command(
    bundle: Path,
    data: str,
    scale: str,
    limit: int | None,
    board_id: str | None,
    port: str | None,
    access: Access,
    out: Output,
    seed: int,
) -> None:
    """Run the test set of --data on the board that BUNDLE was flashed to."""
    needs("numpy", extra="compile", what="evaluate")
    from edgeprune.stages.on_device import evaluate

    opened = Bundle.open(bundle)
    board = board_of(opened, board_id, port, access)
    result = evaluate(opened, board, data, scale, limit)
    text = (
        f"accuracy {100 * result['accuracy']:.2f} % of {result['examples']:,} examples on {result['board']}"
    )
    for name, what in (("host", "LiteRT here"), ("reference", "the reference kernels")):
        if name in result:
            accuracy, agreement = (100 * result[name][key] for key in ("accuracy", "agreement"))
            text += f"\n{what}: {accuracy:.2f} %, the same class on {agreement:.2f} % of them"
    out.emit(result, text)
