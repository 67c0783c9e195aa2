"""`edgeprune report`: a Bundle, and what was measured of it, as one self-contained HTML page."""

import json
from pathlib import Path
from typing import Any

import click

from edgeprune.artifact import MANIFEST, Bundle, write_atomic
from edgeprune.cli.output import Output, common_options
from edgeprune.errors import ModelError, UsageError


@click.command("report")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--profile",
    "profile_file",
    type=click.Path(path_type=Path),
    help="A Profile: what `edgeprune profile --json` printed.  [default: the build's own]",
)
@click.option(
    "--out", "place", type=click.Path(path_type=Path), help="The page.  [default: BUNDLE-report.html]"
)
@common_options
def command(bundle: Path, profile_file: Path | None, place: Path | None, out: Output, seed: int) -> None:
    """Write BUNDLE's report, with the figures of a Profile if one is given."""
    from edgeprune.report.html import render

    opened = Bundle.open(bundle)
    profile = opened.manifest.get("measured") if profile_file is None else _read(profile_file)
    place = place or bundle.with_name(f"{bundle.resolve().name}-report.html")
    files = {name: digest for name, digest in opened.manifest["files"].items() if name != "report.html"}
    try:
        page = render({**opened.manifest, "files": files}, profile)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        what = bundle / MANIFEST if profile_file is None else f"{profile_file} or {bundle / MANIFEST}"
        raise ModelError(
            f"{what} is damaged: no report can be made of it ({type(error).__name__}: {error})",
            hint="make the Bundle again: edgeprune build",
        ) from error
    write_atomic(place, page)
    out.emit({"report": str(place)}, f"wrote {place}")


def _read(path: Path) -> dict[str, Any]:
    try:
        profile = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(profile, dict):
            raise ValueError("it is no JSON object")
        missing = [key for key in ("evidence", "layers", "latency_us", "instructions") if key not in profile]
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"{path} is not a readable Profile: {error}",
            hint="save one: edgeprune profile BUNDLE --json > profile.json",
        ) from error
    if missing:
        raise UsageError(
            f"{path} is no Profile: it has no {', '.join(missing)}",
            hint="save one: edgeprune profile BUNDLE --json > profile.json",
        )
    found: dict[str, Any] = profile
    return found
