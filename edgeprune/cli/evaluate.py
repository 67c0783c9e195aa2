"""`edgeprune evaluate`: accuracy on the device, every test example over its serial line."""

from pathlib import Path

import click

from edgeprune.artifact import Bundle
from edgeprune.cli.output import Output, common_options
from edgeprune.cli.requirements import needs


@click.command("evaluate")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="Test examples, as for build.")
@click.option("--scale", default="none", show_default=True, help="How raw data become the model's input.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N test examples.")
@click.option("--board", "board_id", help="A board from `edgeprune boards`.  [default: the target's own]")
@click.option("--port", help="A serial port or socket:// URL instead.")
@common_options
def command(
    bundle: Path,
    data: str,
    scale: str,
    limit: int | None,
    board_id: str | None,
    port: str | None,
    out: Output,
    seed: int,
) -> None:
    """Run the test set of --data on the board that BUNDLE was flashed to."""
    needs("numpy", extra="compile", what="evaluate")
    from edgeprune.device.board import find_board
    from edgeprune.device.target import find_target
    from edgeprune.stages.on_device import evaluate

    opened = Bundle.open(bundle)
    board = find_board(find_target(opened.manifest["target"]), board_id, port)
    result = evaluate(opened, board, data, scale, limit)
    text = (
        f"accuracy {100 * result['accuracy']:.2f} % of {result['examples']:,} examples on {result['board']}"
    )
    out.emit(result, text)
