"""`edgeprune`: finds the command, runs it, and turns what went wrong into an exit status.

To add a command, write its module in this folder and add one line to COMMANDS. Modules are imported
when their command runs, so that `--help` is quick.
"""

import importlib
import logging
import signal
import sys
import traceback
from typing import NoReturn

import click

from edgeprune import __version__
from edgeprune.errors import EdgepruneError, refused_by_system
from edgeprune.table import did_you_mean

# name -> (module in edgeprune.cli, what it does)
COMMANDS: dict[str, tuple[str, str]] = {
    "build": ("build", "The whole pipeline: model in, Bundle out."),
    "flash": ("flash", "Put a Bundle on the board and check that it is there."),
    "profile": ("profile", "Latency, per-layer time, memory and parity, from the board."),
    "run": ("run", "Inputs from a file through the board, outputs to a file."),
    "evaluate": ("evaluate", "Accuracy on the device."),
    "prune": ("prune", "One stage: .keras to smaller .keras."),
    "prunability": ("prunability", "How far weights can go before the loss rises, untrained."),
    "quantize": ("quantize", "One stage: .keras to int8 .tflite."),
    "compile": ("compile", "One stage: int8 .tflite to C."),
    "compare": ("compare", "Pruning methods under one schedule: table and plot."),
    "report": ("report", "A Bundle as one self-contained HTML page."),
    "targets": ("targets", "What is supported, and on what evidence."),
    "boards": ("boards", "Attached and virtual boards: list, start, stop."),
    "monitor": ("monitor", "Watch a board's serial line."),
    "replay": ("replay", "Run a recorded session again, without the board."),
    "doctor": ("doctor", "What is installed and reachable, and the fix for what is not."),
    "demo": ("demo", "The main job on a small network and a virtual board."),
    "completion": ("completion", "Install shell completion: bash, zsh or fish."),
}


class _Commands(click.Group):
    """Looks commands up in COMMANDS and imports only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"edgeprune.cli.{COMMANDS[cmd_name][0]}")
        found = module.command
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(f"no such command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgeprune")
def cli() -> None:
    """Prune a Keras CNN, compile it to int8 C, put it on a board, and measure it there."""


def main() -> NoReturn:
    """Entry point of the `edgeprune` script; exit statuses are those of INTERFACE.md."""
    logging.getLogger("edgeprune").addHandler(logging.NullHandler())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that files are cleaned up
    try:
        cli.main(standalone_mode=False)
    except EdgepruneError as error:
        _fail(error.message, error.hint, error.exit_status)
    except click.ClickException as error:
        error.show(sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        _interrupted()
    except OSError as error:
        if error.errno is None or _is_interrupted(error):
            _fault(error)
        logging.getLogger("edgeprune").debug("", exc_info=error)
        refused = refused_by_system(error)
        _fail(refused.message, refused.hint, refused.exit_status)
    except MemoryError:
        _fail("out of memory", "take a smaller model or data set, or a machine with more memory", 2)
    except Exception as error:
        _fault(error)
    sys.exit(0)


def _interrupted() -> NoReturn:
    sys.unraisablehook = lambda _: None  # objects that were stopped half-way complain when they are deleted
    _fail("interrupted", "run it again: what a build has finished is kept", 130)


def _is_interrupted(error: BaseException | None) -> bool:
    """Whether `error` was raised while an interrupt was cleaning up, as zipfile does when half-written."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _fault(error: Exception) -> NoReturn:
    if _is_interrupted(error):
        _interrupted()
    traceback.print_exception(error)
    _fail(f"a fault in edgeprune itself: {error!r}", "please report it with the lines above", 1)


def _fail(message: str, hint: str | None, status: int) -> NoReturn:
    click.echo(f"edgeprune: {message}", err=True)
    if hint:
        click.echo(f"  hint: {hint}", err=True)
    sys.exit(status)
