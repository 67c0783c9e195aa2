"""What int8 costs, layer by layer, as a section of the report."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any


def quantization(found: Mapping[str, Any]) -> str:
    """The section for a manifest's `quantization`: accuracy lost, advice, noise of each operator."""
    lost = found["lost_points"]
    change = f"loses {lost:.2f}" if lost > 0 else f"gains {-lost:.2f}"
    advice = f"<p><b>{escape(found['advice'])}</b></p>" if found["advice"] else ""
    return (
        f"<h2>What int8 costs</h2><p>By {escape(found['quantize'])} the network {change} points of its float "
        f"accuracy, {100 * found['float_accuracy']:.2f} %.</p>{advice}{_table(found['layers'])}"
    )


def _table(layers: Sequence[Mapping[str, Any]]) -> str:
    if not layers:
        return ""
    total = sum(layer["added_noise"] for layer in layers) or 1.0
    rows = "".join(_row(layer, total) for layer in layers)
    head = "<tr><th>layer</th><th>operator</th><th class=n>SQNR, dB</th><th class=n>of the noise</th></tr>"
    return (
        f'<div class="scroll"><table>{head}{rows}</table></div>'
        '<p class="faint">Signal to quantisation noise of each operator\'s output against the float layer, '
        "on a few test examples, and the share of the noise that the operator itself adds.</p>"
    )


def _row(layer: Mapping[str, Any], total: float) -> str:
    sqnr = "exact" if layer["sqnr_db"] is None else f"{layer['sqnr_db']:.1f}"
    name = layer["layer"] if layer["layer"] == layer["output"] else f"{layer['layer']} … {layer['output']}"
    return (
        f"<tr><td>{escape(name)}</td><td>{escape(layer['op'])}</td><td class=n>{sqnr}</td>"
        f"<td class=n>{100 * layer['added_noise'] / total:.0f} %</td></tr>"
    )
