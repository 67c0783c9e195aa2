"""`replay`: run a recorded session again, without the board."""

from pathlib import Path

import click

from edgeprune.artifact import Bundle
from edgeprune.cli.output import Output, common_options, table
from edgeprune.cli.profile import describe
from edgeprune.device import wire
from edgeprune.device.board import Board, virtual_board
from edgeprune.device.flash import check_content, check_identity
from edgeprune.device.link import Event, Replayed, read_log
from edgeprune.device.session import Session
from edgeprune.device.target import find_target
from edgeprune.device.wire import WireError
from edgeprune.profile.measure import DEFAULT_RUNS, measure


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option(
    "--bundle", "bundle_path", type=click.Path(path_type=Path), help="Make its Profile from the log."
)
@click.option(
    "--runs", default=DEFAULT_RUNS, show_default=True, type=click.IntRange(1), help="As when it was recorded."
)
@common_options
def command(log: Path, bundle_path: Path | None, runs: int, out: Output, seed: int) -> None:
    """Go through the recorded session LOG again: its lines, or with --bundle the Profile it gives.

    `profile BUNDLE --record LOG` records one; every board also keeps its last one as session.log.
    """
    session_id, events = read_log(log)
    if bundle_path is None:
        lines = _lines(events)
        whole = sum(1 for _, _, _, verdict in lines if verdict == "ok")
        result = {"lines": len(lines), "whole": whole, "damaged": len(lines) - whole}
        out.emit(result, table(lines, ("s", "to", "line", "is")))
        return
    bundle = Bundle.open(bundle_path)
    board: Board = virtual_board(find_target(str(bundle.manifest["target"])))
    session = Session(Replayed(events), session_id)
    check_identity(session, bundle)
    check_content(session, bundle, board)
    profile = measure(session, bundle, board, runs)
    out.emit(profile.to_json(), describe(profile))


def _lines(events: list[Event]) -> list[tuple[float, str, str, str]]:
    """All whole lines of both directions: time, direction, text, and whether it is undamaged."""
    rest = {">": b"", "<": b""}
    found = []
    for event in events:
        *lines, rest[event.direction] = (rest[event.direction] + event.data).split(b"\n")
        for line in filter(None, lines):
            direction = "board" if event.direction == ">" else "host"
            text = line.decode("ascii", "backslashreplace")
            found.append((event.seconds, direction, text, _verdict(line)))
    return found


def _verdict(line: bytes) -> str:
    try:
        wire.parse(line)
    except WireError as error:
        return str(error)
    return "ok"
