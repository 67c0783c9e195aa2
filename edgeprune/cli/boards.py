"""`boards`: attached and virtual boards."""

from dataclasses import asdict
from typing import Any

import click

from edgeprune.cli.output import Output, common_options, table
from edgeprune.device.board import Board, find_board, known_boards, start_server, stop_server, virtual_board
from edgeprune.device.discover import Host, find_hosts, is_gadget
from edgeprune.device.target import find_target, target_names
from edgeprune.errors import NotFoundError, UsageError


@click.group(invoke_without_command=True)
@common_options
@click.pass_context
def command(context: click.Context, out: Output, seed: int) -> None:
    """Attached and virtual boards; without a sub-command, list them."""
    if context.invoked_subcommand is None:
        _list(out)


@command.command("list")
@click.option("--local", is_flag=True, help="Do not look for Raspberry Pis on the network.")
@common_options
def list_boards(local: bool, out: Output, seed: int) -> None:
    """Virtual boards, running or not, serial ports, and hosts on the network that may be Raspberry Pis."""
    _list(out, has_network=not local)


@command.command("start")
@click.argument("target")
@click.option("--id", "board_id", metavar="ID", help="The board's id; the target's name if not given.")
@common_options
def start(target: str, board_id: str | None, out: Output, seed: int) -> None:
    """Start a virtual board of TARGET; it stays open for any program until it is stopped."""
    if board_id in target_names() and board_id != target:
        raise UsageError(
            f"{board_id} is the name of the default board of target {board_id}", hint="choose another --id"
        )
    board = virtual_board(find_target(target), board_id)
    if any(known.id == board.id and known.target != board.target for known in known_boards()):
        raise UsageError(f"board {board.id} is of another target", hint="choose another --id")
    running = start_server(board)
    text = f"{running['id']} is open at {running['pty']} and {running['socket']} (process {running['pid']})"
    if not board.image.exists():
        text += f"\nnothing is flashed yet: edgeprune flash BUNDLE --board {board.id}"
    out.emit(_describe(board), text)


@command.command("stop")
@click.argument("board_id", metavar="ID")
@common_options
def stop(board_id: str, out: Output, seed: int) -> None:
    """Stop the running board ID; its flash stays as it is."""
    stop_server(find_board(None, board_id))
    out.emit({"id": board_id, "running": False}, f"{board_id} stopped")


def _list(out: Output, has_network: bool = False) -> None:
    boards = [_describe(board) for board in known_boards()]
    names = {board["id"] for board in boards}
    boards += [_describe(virtual_board(find_target(name))) for name in target_names() if name not in names]
    ports = serial_ports()
    rows = [
        (
            b["id"],
            b["target"],
            "open" if b["running"] else "flashed" if b["flashed"] else "empty",
            b["pty"] or "",
            b["socket"] or "",
        )
        for b in boards
    ]
    rows += [(port["port"], "?", "attached", port["port"], port["description"]) for port in ports]
    hosts = _hosts(out) if has_network else None
    rows += [
        (host.name, "a Pi?", "on the network", f"--host pi@{host.name}", ", ".join(host.addresses))
        for host in hosts or ()
    ]
    found = {
        "boards": boards,
        "ports": ports,
        "hosts": None if hosts is None else [asdict(host) for host in hosts],
    }
    out.emit(found, table(rows, ("board", "target", "state", "port", "also")))


def _hosts(out: Output) -> list[Host] | None:
    """Hosts that answer to multicast DNS; None where nobody could look."""
    try:
        return find_hosts()
    except NotFoundError as error:
        out.note(f"{error.message}: {error.hint}")
        return None


def _describe(board: Board) -> dict[str, Any]:
    running = board.server() or {}
    return {
        "id": board.id,
        "target": board.target.name,
        "running": bool(running),
        "flashed": board.image.exists(),
        "port": running.get("socket"),
        "pty": running.get("pty"),
        "socket": running.get("socket"),
        "pid": running.get("pid"),
    }


def serial_ports() -> list[dict[str, str]]:
    """USB serial ports that are attached now."""
    from serial.tools.list_ports import comports

    return [
        {
            "port": port.device,
            "description": f"{port.description}, USB gadget: a Raspberry Pi?"
            if is_gadget(port)
            else port.description,
        }
        for port in sorted(comports(), key=lambda port: str(port.device))
        if port.vid is not None
    ]
