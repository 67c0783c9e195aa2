"""A Bundle, and what was measured of it, as one HTML page that needs nothing else.

Every figure comes from the manifest or from a Profile; modelled and emulated ones say so beside it.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from edgeprune.report import charts
from edgeprune.report.charts import Bar, Block, kib, short
from edgeprune.report.front import front
from edgeprune.report.prunability import section as prunability
from edgeprune.report.pruning import pruning
from edgeprune.report.quantization import quantization
from edgeprune.report.style import STYLE


def render(manifest: Mapping[str, Any], profile: Mapping[str, Any] | None) -> str:
    """The page for a Bundle's `manifest` and the `profile` of it, if there is one."""
    sections = [
        _head(manifest, profile),
        _tiles(manifest, profile),
        _accuracy(manifest),
        quantization(manifest["quantization"]) if manifest.get("quantization") else "",
        _network(manifest),
        pruning(manifest["pruning"]) if manifest.get("pruning") else "",
        prunability(manifest["prunability"]) if manifest.get("prunability") else "",
        _budget(manifest),
        _memory(manifest),
        _layers(manifest, profile),
        _provenance(manifest),
    ]
    title = escape(f"{manifest['name']} on {manifest['target']}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body>{''.join(part for part in sections if part)}</body></html>\n"
    )


def _head(manifest: Mapping[str, Any], profile: Mapping[str, Any] | None) -> str:
    evidence = profile["evidence"] if profile else manifest["target_status"]
    badge = (
        '<span class="badge">fits</span>' if manifest["fits"] else '<span class="badge warn">too big</span>'
    )
    return (
        f"<h1>{escape(manifest['name'])} on {escape(manifest['target'])} {badge}</h1>"
        f'<p class="faint">{escape(manifest["target_title"])}. Device figures: {escape(evidence)}. '
        f"edgeprune {escape(manifest['versions']['edgeprune'])}, seed {manifest['seed']}.</p>"
    )


def _tiles(manifest: Mapping[str, Any], profile: Mapping[str, Any] | None) -> str:
    memory, pruned = manifest["memory"], manifest["pruned"]
    tiles: list[tuple[str, str]] = []
    if manifest["int8"]["accuracy"] is not None:
        tiles.append((_percent(manifest["int8"]["accuracy"]), "int8 test accuracy"))
    if pruned:
        tiles.append((f"{pruned['speedup']:.2f}×", "fewer multiply-accumulates"))
    if profile and profile["latency_us"]:
        label = f"per inference ({profile['evidence']})"
        tiles.append((f"{profile['latency_us']['median'] / 1000:.2f} ms", label))
    if profile and profile["instructions"]:
        tiles.append((short(profile["instructions"]), "instructions per inference"))
    if memory["ram_bytes"] is not None:
        tiles.append((kib(memory["ram_bytes"]), _available("RAM", memory["ram_available_bytes"])))
    tiles.append((kib(memory["flash_bytes"]), _available("flash", memory["flash_available_bytes"])))
    cells = "".join(f'<div class="tile"><b>{escape(b)}</b><span>{escape(s)}</span></div>' for b, s in tiles)
    return f'<div class="tiles">{cells}</div>'


def _available(what: str, size_bytes: int | None) -> str:
    return f"{what} of {kib(size_bytes)}" if size_bytes else what


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _accuracy(manifest: Mapping[str, Any]) -> str:
    points = [(p["stage"], p["accuracy"]) for p in manifest["accuracy_stages"] if p["accuracy"] is not None]
    if not points:
        return ""
    agreement = manifest["int8"]["agreement"]
    agreed = f"; int8 and float agree on {_percent(agreement)} of them" if agreement is not None else ""
    tests = manifest["data"]["test_examples"]
    return (
        f"<h2>Accuracy through the stages</h2>{charts.steps(points, 'accuracy through the stages')}"
        f'<p class="faint">All on the same {tests:,} test examples{agreed}. {_meaning(manifest)}</p>'
    )


def _meaning(manifest: Mapping[str, Any]) -> str:
    if manifest.get("runtime") != "litert":
        return "int8 is computed with the generated C, bit for bit what the device computes."
    agreed = manifest["int8"]["reference_agreement"]
    reference = (
        "" if agreed is None else f" It agrees with the reference kernels on {_percent(agreed)} of them."
    )
    return f"The last one is computed by LiteRT on the build host, as on the device.{reference}"


def _network(manifest: Mapping[str, Any]) -> str:
    rows = [row for row in manifest["network"] if row["macs_before"] or row["parameters_before"]]
    if not rows or not manifest["pruned"]:
        return ""
    macs = [(r["name"], r["macs_before"], r["macs_after"]) for r in rows if r["macs_before"]]
    parameters = [(r["name"], r["parameters_before"], r["parameters_after"]) for r in rows]
    return (
        "<h2>Multiply-accumulates per layer, before and after pruning</h2>"
        f"{charts.pairs(macs, 'MACs per layer')}"
        f"<h2>Parameters per layer, before and after</h2>{charts.pairs(parameters, 'parameters per layer')}"
    )


def _budget(manifest: Mapping[str, Any]) -> str:
    """The search that met a budget, if one was asked for."""
    found = manifest.get("budget")
    if not found:
        return ""
    binding = f"<p>{escape(found['binding'])} binds.</p>" if found["binding"] else ""
    return f"<h2>Budget</h2>{binding}{front(found['limits'], found['points'], found.get('latency_from'))}"


def _memory(manifest: Mapping[str, Any]) -> str:
    memory = manifest["memory"]
    what = "release" if manifest.get("runtime") else "firmware"
    bar, full = _used("flash", ((memory["flash_bytes"], "strong", what),), memory["flash_available_bytes"])
    if memory["arena_bytes"] is None:  # the runtime of a Linux device keeps it to itself
        return f"<h2>What goes to the device</h2>{charts.bars([bar], bar.label, full)}"
    blocks = [Block(b["name"], b["offset"], b["size"], b["start"], b["stop"]) for b in manifest["plan"]]
    bound = memory["arena_lower_bound_bytes"]
    picture = charts.arena(blocks, memory["arena_bytes"], bound, "arena over time") if blocks else ""
    return (
        f"<h2>Memory against the target</h2>{_ram(memory)}{charts.bars([bar], bar.label, full)}"
        f"<h2>The arena, layer by layer</h2>{picture}"
    )


def _ram(memory: Mapping[str, Any]) -> str:
    """What the firmware takes of the RAM; nothing for a host, whose operating system gives it."""
    if memory["ram_bytes"] is None:
        return ""
    other = max(0, memory["ram_bytes"] - memory["arena_bytes"] - memory["stack_bytes"])
    parts = (
        (memory["arena_bytes"], "strong", "arena"),
        (other, "mid", "data and bss"),
        (memory["stack_bytes"], "warn", "stack, reserved"),
    )
    bar, full = _used("RAM", parts, memory["ram_available_bytes"])
    return (
        f"{charts.bars([bar], bar.label, full)}"
        f'<p class="faint">RAM: arena {memory["arena_bytes"]:,}, data and bss {other:,}, stack reserved '
        f"{memory['stack_bytes']:,} bytes. A stack that outgrows its reserve faults; it cannot reach the "
        "arena.</p>"
    )


def _used(
    label: str, parts: Sequence[tuple[int, str, str]], available: int | None
) -> tuple[Bar, float | None]:
    used = sum(part[0] for part in parts)
    shown = tuple((float(size), colour, f"{what}: {size:,} bytes") for size, colour, what in parts)
    if available:
        shown = (*shown, (float(max(0, available - used)), "pale", f"free: {available - used:,} bytes"))
        return Bar(label, shown, f"{100 * used / available:.1f} % used"), float(max(available, used))
    return Bar(label, shown, f"{used:,} bytes"), None


def _layers(manifest: Mapping[str, Any], profile: Mapping[str, Any] | None) -> str:
    if not profile or not profile["layers"]:
        return (
            "<h2>Time per layer</h2><p>Not measured yet: <code>edgeprune profile</code>, then "
            "<code>edgeprune report --profile</code>.</p>"
        )
    key, unit = _layer_measure(profile)
    if key is None:
        return "<h2>Time per layer</h2><p>This board cannot time single layers.</p>"
    total = sum(layer[key] or 0 for layer in profile["layers"]) or 1
    rows = [
        Bar(
            f"{layer['index']} {layer['op'].lower()}",
            ((float(layer[key] or 0), "strong", f"{layer['name']}: {layer[key] or 0:,} {unit}"),),
            f"{short(layer[key] or 0)} ({100 * (layer[key] or 0) / total:.0f} %)",
        )
        for layer in profile["layers"]
    ]
    return (
        f"<h2>{unit.capitalize()} per layer <span class=faint>({escape(profile['evidence'])})</span></h2>"
        f"{charts.bars(rows, f'{unit} per layer')}{_layer_table(profile)}"
    )


def _layer_measure(profile: Mapping[str, Any]) -> tuple[str | None, str]:
    for key, unit in (("cycles", "cycles"), ("latency_us", "microseconds"), ("instructions", "instructions")):
        if any(layer[key] for layer in profile["layers"]):
            return key, unit
    return None, ""


def _layer_table(profile: Mapping[str, Any]) -> str:
    head = "".join(
        f"<th{' class=n' if i > 2 else ''}>{name}</th>"
        for i, name in enumerate(
            ("#", "layer", "operator", "MACs", "instructions", "cycles", "µs", "instr./MAC")
        )
    )
    body = []
    for layer in profile["layers"]:
        ratio = layer["instructions"] / layer["macs"] if layer["instructions"] and layer["macs"] else None
        numbers = [layer["macs"], layer["instructions"], layer["cycles"], layer["latency_us"], ratio]
        cells = "".join(f"<td class=n>{_number(value)}</td>" for value in numbers)
        name, op = escape(layer["name"]), escape(layer["op"])
        body.append(f"<tr><td>{layer['index']}</td><td>{name}</td><td>{op}</td>{cells}</tr>")
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(body)}</table></div>'


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _provenance(manifest: Mapping[str, Any]) -> str:
    rows = [("model", manifest["model_sha256"])]
    rows += [(name, digest) for name, digest in manifest["files"].items() if not name.startswith("src/")]
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(digest)}</code></td></tr>" for name, digest in rows
    )
    versions = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
    return (
        f"<h2>Where it comes from</h2><p>{escape(versions)}. SHA-256 of what the Bundle holds:</p>"
        f'<div class="scroll"><table>{cells}</table></div>'
    )
