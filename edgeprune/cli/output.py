"""What every command shares: its common options, and the only place that prints.

Results go to stdout (one JSON object with `--json`, a text for people without); progress, logs and
warnings go to stderr, always.
"""

import functools
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True)
class Output:
    """Where a command puts its result."""

    as_json: bool
    quiet: bool

    def emit(self, result: Mapping[str, Any], text: str) -> None:
        """Print the one result of a command: `result` as JSON, or `text`."""
        if self.as_json:
            say(json.dumps(result, indent=2, allow_nan=False))
        elif text:
            say(text)

    def note(self, text: str) -> None:
        """Say something on the way, on stderr, unless asked to be quiet."""
        if not self.quiet:
            click.echo(text, err=True)


def say(text: str) -> None:
    """Print `text` on stdout; ends as SIGPIPE would, in silence, where the reader is gone (`| head -1`)."""
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered has somewhere to go
        raise SystemExit(128 + signal.SIGPIPE) from None


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --json, --seed, -q and -v to a command; it is called with `out` and `seed`."""

    @click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
    @click.option(
        "--seed",
        default=0,
        show_default=True,
        type=click.IntRange(0, 2**31 - 1),
        help="Makes every random choice repeatable.",
    )
    @click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr.")
    @click.option("-v", "--verbose", is_flag=True, help="Everything on stderr.")
    @functools.wraps(function)
    def wrapped(*args: Any, as_json: bool, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
        parent = click.get_current_context().parent
        group = parent.params if parent is not None else {}  # boards --json list
        _set_up_logging(quiet or group.get("quiet", False), verbose or group.get("verbose", False))
        return function(*args, out=Output(as_json or group.get("as_json", False), quiet), **kwargs)

    return wrapped


def _set_up_logging(quiet: bool, verbose: bool) -> None:
    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("edgeprune")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level)


def table(rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> str:
    """`rows` as aligned columns: numbers to the right, words to the left."""
    cells = [[_cell(value) for value in row] for row in rows]
    head = [list(header)] if header else []
    if not cells and not head:
        return ""
    widths = [max(len(row[i]) for row in head + cells) for i in range(len((head + cells)[0]))]
    numeric = [all(_is_number(row[i]) for row in rows) if rows else False for i in range(len(widths))]
    lines = []
    for row in head + cells:
        padded = [c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numeric, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return str(value)
