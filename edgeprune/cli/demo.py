"""`edgeprune demo`: the main job on a small network that edgeprune brings, on a virtual board."""

from pathlib import Path

import click

from edgeprune.cli.output import Output, common_options, table
from edgeprune.cli.requirements import needs
from edgeprune.errors import InternalError

SPEEDUP = 2.0


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
    needs("keras", "tensorflow", "sklearn", "ziglang", extra="build", what="the demo")
    from edgeprune.artifact import Bundle, Store, default_store
    from edgeprune.device.board import open_board
    from edgeprune.device.flash import flash
    from edgeprune.pipeline import build
    from edgeprune.profile.measure import measure
    from edgeprune.recipe import Recipe

    store, model = Store(default_store()), str(demo_model())
    common = {"model": model, "target": "virtual-m4", "data": "sklearn:digits", "seed": seed}
    out.note("1/4  the network as it is")
    plain = build(Recipe(**common, method="none", out=f"{place}-unpruned"), store)
    out.note("2/4  pruned to half the multiply-accumulates, fine-tuned, int8")
    pruned = build(Recipe(**common, method="l1", speedup=SPEEDUP, epochs=20, out=str(place)), store)
    out.note("3/4  flashed onto virtual-m4")
    bundle = Bundle.open(pruned.bundle)
    with open_board(bundle.manifest["target"]) as board:
        flash(bundle, board)
        out.note("4/4  profiled over its serial line")
        profile = measure(bundle, board, runs=1).as_json()
    fewer = plain.manifest["measured"]["instructions"] / profile["instructions"]
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
    header = ("network", "int8 accuracy", "MACs", "instructions", "ms (modelled)", "RAM", "flash")
    text = (
        f"{table(rows, header)}\n\n{fewer:.2f}x fewer instructions on {profile['board']} "
        f"({profile['parity']['mismatches']} of {profile['parity']['inputs']} outputs differ from the host's)\n"
        f"look at {pruned.bundle}/report.html"
    )
    result = {
        "unpruned": plain.result(),
        "pruned": pruned.result(),
        "profile": profile,
        "instructions_ratio": fewer,
    }
    out.emit(result, text)
