"""`edgeprune demo`: the main job on a small network that edgeprune brings, on a virtual board."""

from pathlib import Path

import click

from edgeprune.cli.output import Output, common_options, table
from edgeprune.cli.requirements import needs, needs_keras
from edgeprune.errors import InternalError

TARGET = "virtual-m4"
SPEEDUP = 2.0
EPOCHS = 20


def demo_model() -> Path:
    """The demo network: in the wheel inside the package, in the repository in models/."""
    package = Path(__file__).parent.parent
    for place in (
        package / "_models" / "digits.keras",
        package.parent / "models" / "digits" / "digits.keras",
    ):
        if place.is_file():
            return place
    raise InternalError("the demo network is missing from the installation")


@click.command("demo")
@click.option(
    "--out", "place", type=click.Path(path_type=Path), default=Path("build/demo"), show_default=True
)
@common_options
def command(place: Path, out: Output, seed: int) -> None:
    """Prune, quantise, compile, flash and profile a digit classifier on a virtual Cortex-M4."""
    needs("sklearn", "ziglang", extra="build", what="the demo")
    needs_keras("the demo")
    from edgeprune.artifact import Bundle, Store, default_store
    from edgeprune.device.board import virtual_board
    from edgeprune.device.flash import flash
    from edgeprune.device.target import find_target
    from edgeprune.pipeline import Build, build
    from edgeprune.profile.measure import profile
    from edgeprune.recipe import make_recipe

    store = Store(default_store())

    def build_one(**values: object) -> Build:
        common = {"model": str(demo_model()), "target": TARGET, "data": "sklearn:digits", "seed": seed}
        return build(make_recipe({**common, **values}, "demo"), store)

    out.note("1/4  the network as it is")
    plain = build_one(method="none", out=f"{place}-unpruned")
    out.note("2/4  pruned to half the multiply-accumulates, fine-tuned, int8")
    pruned = build_one(method="l1", speedup=SPEEDUP, epochs=EPOCHS, out=str(place))
    out.note("3/4  flashed onto virtual-m4")
    bundle, board = Bundle.open(pruned.bundle), virtual_board(find_target(TARGET))
    flash(bundle, board)
    out.note("4/4  profiled over its serial line")
    profiled = profile(bundle, board, runs=1).to_json()
    fewer = plain.manifest["measured"]["instructions"] / profiled["instructions"]
    rows = []
    for what, made in (("as it is", plain), ("pruned", pruned)):
        manifest = made.manifest
        macs = (manifest["pruned"] or manifest["float"])["macs"]
        measured = manifest["measured"]
        memory = manifest["memory"]
        rows.append(
            (
                what,
                f"{100 * manifest['int8']['accuracy']:.2f} %",
                macs,
                measured["instructions"],
                f"{measured['latency_us']['median'] / 1000:.2f}",
                memory["ram_bytes"],
                memory["flash_bytes"],
            )
        )
    parity = profiled["parity"]
    header = ("network", "int8 accuracy", "MACs", "instructions", "ms (modelled)", "RAM", "flash")
    text = (
        f"{table(rows, header)}\n\n{fewer:.2f}x fewer instructions on {profiled['board']} "
        f"({parity['mismatches']} of {parity['inputs']} outputs differ from the host's)\n"
        f"look at {pruned.bundle}/report.html"
    )
    result = {
        "unpruned": plain.result(),
        "pruned": pruned.result(),
        "profile": profiled,
        "instructions_ratio": fewer,
    }
    out.emit(result, text)
