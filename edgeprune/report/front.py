"""The front of a budget search: every network that was measured, its cost and, once trained, its accuracy."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from edgeprune.report import charts
from edgeprune.report.charts import Bar
from edgeprune.report.style import STYLE

TITLES = {
    "latency_ms": ("Latency", "ms"),
    "ram_kib": ("RAM", "KiB"),
    "flash_kib": ("Flash", "KiB"),
    "accuracy_drop": ("Accuracy lost, once trained", "points"),
}


def render_front(
    name: str, limits: Mapping[str, float], points: Sequence[Mapping[str, Any]], latency_from: str | None
) -> str:
    """Self-contained HTML of the points of a search."""
    title = f"Budget search for {escape(name)}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>"
        f"{front(limits, points, latency_from)}</body></html>\n"
    )


def front(limits: Mapping[str, float], points: Sequence[Mapping[str, Any]], latency_from: str | None) -> str:
    """A picture for each limited quantity: a bar for each point, coloured where it breaks the limit."""
    asked = ", ".join(f"{key} <= {value:g}" for key, value in limits.items())
    source = "" if latency_from is None else f" Latency is that of {escape(latency_from)}."
    parts = [
        f'<p class="faint">Asked for: {escape(asked)}. Latency, RAM and flash are those of compiled, '
        f"untrained networks; accuracy needs training.{source}</p>"
    ]
    for key, (title, unit) in TITLES.items():
        seen = [point for point in points if point[key] is not None]
        if key not in limits or not seen:
            continue
        limit = limits[key]
        bars = [Bar("limit", ((limit, "mid", f"limit {limit:g} {unit}"),), f"{limit:g} {unit}")]
        bars += [_bar(point, key, limit, unit) for point in sorted(seen, key=lambda p: float(p["speedup"]))]
        parts.append(f"<h2>{title}</h2>{charts.bars(bars, title)}")
    return "".join(parts)


def _bar(point: Mapping[str, Any], key: str, limit: float, unit: str) -> Bar:
    value = float(point[key])
    trained = ", trained" if point["accuracy_drop"] is not None else ""
    colour = "warn" if value > limit else "strong"
    label = f"{point['speedup']:.2f}x{trained}"
    return Bar(label, ((max(0.0, value), colour, f"{label}: {value:.4g} {unit}"),), f"{value:.4g} {unit}")
