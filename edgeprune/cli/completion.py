"""`edgeprune completion SHELL`: install shell completion with one command."""

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from edgeprune.cli.output import Output, common_options

_PLACES = {
    "bash": ".local/share/bash-completion/completions/edgeprune",
    "zsh": ".local/share/zsh/site-functions/_edgeprune",
    "fish": ".config/fish/completions/edgeprune.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_PLACES)))
@click.option("--print", "only_print", is_flag=True, help="Print the script, install nothing.")
@common_options
def command(shell: str, only_print: bool, out: Output, seed: int) -> None:
    """Install tab completion for SHELL into your home folder."""
    from edgeprune.cli.main import cli

    completion = get_completion_class(shell)
    assert completion is not None
    source = completion(cli, {}, "edgeprune", "_EDGEPRUNE_COMPLETE").source()
    if only_print:
        out.emit({"shell": shell, "script": source}, source)
        return
    place = Path.home() / _PLACES[shell]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(source, encoding="utf-8")
    extra = "; add its folder to fpath in .zshrc" if shell == "zsh" else ""
    out.emit({"shell": shell, "path": str(place)}, f"installed {place}: open a new {shell}{extra}")
