"""The command line of the runner: serve, check, attach."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeprune import __version__
from edgeprune.errors import EdgepruneError, UsageError
from edgeprune.runner.linux import litert_c
from edgeprune.runner.linux.attach import attach
from edgeprune.runner.linux.serve import Options, check, serve
from edgeprune.runner.linux.transports import Address


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        if options.command == "serve":
            serve(_serving(options))
        elif options.command == "check":
            print(json.dumps({"ok": True, "load_ms": round(check(options.release), 3)}))
        elif options.command == "attach":
            attach(options.state)
        else:
            _profile()
    except EdgepruneError as error:
        print(error.message, file=sys.stderr)
        if error.hint:
            print(f"  hint: {error.hint}", file=sys.stderr)
        return 1 if options.command == "check" else error.exit_status
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runner.pyz", description=f"edgeprune {__version__}: runs one network"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="serve|check|attach")
    serving = commands.add_parser("serve", help="answer the protocol")
    serving.add_argument("--stdio", action="store_true", help="on standard input and output")
    serving.add_argument("--state", type=Path, help="folder for health, results and the process id")
    serving.add_argument(
        "--listen", action="append", default=[], metavar="tcp:HOST:PORT|serial:DEVICE[:BAUD]"
    )
    serving.add_argument("--key-file", type=Path, help="shared key for addresses that a network reaches")
    checking = commands.add_parser("check", help="load the network and run it once")
    for command in (serving, checking):
        command.add_argument("--release", type=Path, default=Path(sys.argv[0]).resolve().parent)
    commands.add_parser("attach", help="a line to the runner that serves").add_argument(
        "--state", type=Path, required=True
    )
    commands.add_parser("operators")  # a child of the runner's own
    return parser


def _serving(options: argparse.Namespace) -> Options:
    if not options.stdio and not options.listen:
        raise UsageError("nowhere to serve", hint="give --stdio or --listen")
    if options.listen and options.state is None:
        raise UsageError("--listen needs --state", hint="name the folder that keeps results")
    return Options(
        release=options.release,
        state=options.state,
        is_stdio=options.stdio,
        listen=tuple(Address.parse(text) for text in options.listen),
        key_file=options.key_file,
    )


def _profile() -> None:
    with os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)  # LiteRT prints
        litert_c.main(sys.stdin.buffer, sink)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
