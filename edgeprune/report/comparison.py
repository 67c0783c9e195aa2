"""A comparison of pruning methods: its summary, and its page with accuracy against cost.

A dot is the mean of a method's runs, its whisker one standard error of the mean to either side; one run
has none. Rows that a method refused are listed, not drawn.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from statistics import mean, stdev
from typing import Any

from edgeprune.report import charts
from edgeprune.report.charts import Dot, Series
from edgeprune.report.style import STYLE

NOTED = {"l1": "mid", "random": "faint", "scratch": "warn"}
BEST = 3  # at each speed-up, that the picture of all names beside them


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard error for each speed-up and method, the best int8 accuracy first."""
    found: dict[tuple[float, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["speedup"], row["method"]), []).append(row)
    made = [_summary(*key, group) for key, group in found.items()]
    return sorted(made, key=lambda entry: (entry["speedup"], -(entry["int8"] or -1.0), entry["method"]))


def _summary(speedup: float, method: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    runs = [row for row in rows if row["int8"] is not None]
    entry: dict[str, Any] = {"speedup": speedup, "method": method, "runs": len(runs)}
    for name in ("pruned", "tuned", "last_epoch", "int8", "reached", "macs", "params"):
        entry[name] = mean(row[name] for row in runs) if runs else None
    several = len(runs) > 1
    entry["int8_standard_error"] = (
        stdev(row["int8"] for row in runs) / math.sqrt(len(runs)) if several else None
    )
    entry["refused"] = next((row["refused"] for row in rows if row["refused"]), None)
    return entry


def render(result: Mapping[str, Any]) -> str:
    """Self-contained HTML of the JSON that `compare` prints."""
    title = f"Pruning methods on {escape(str(result['model']).rsplit('/', 1)[-1])}"
    dense = result["float"]["accuracy"]
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="faint">All rows: the same data, schedule and counter; {escape(_schedule(result))}. Dense '
        f"float network: {100 * dense:.2f} %, {result['float']['macs']:,} MACs. Dots are means over seeds, "
        "whiskers one standard error.</p>",
        "<h2>int8 accuracy against cost</h2>",
        charts.scatter(_series(result), "int8 accuracy against multiply-accumulates", reference=dense),
    ]
    for speedup in sorted({entry["speedup"] for entry in result["summary"]}):
        entries = [e for e in result["summary"] if e["speedup"] == speedup]
        drawn = [_dot(entry) for entry in entries if entry["int8"] is not None]
        if drawn:
            parts.append(f"<h2>At {speedup:g}x fewer multiply-accumulates</h2>")
            parts.append(charts.dots(drawn, f"int8 accuracy at {speedup:g}x", reference=dense))
        refused = [e for e in entries if e["int8"] is None]
        parts += [f"<p>{escape(e['method'])}: {escape(str(e['refused']))}</p>" for e in refused]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body>{''.join(parts)}</body></html>\n"
    )


def _schedule(result: Mapping[str, Any]) -> str:
    settings = result["settings"]
    epochs = "default" if settings["epochs"] is None else settings["epochs"]
    return f"epochs: {epochs}, distillation: {'yes' if settings['distill'] else 'no'}"


def _dot(entry: Mapping[str, Any]) -> Dot:
    return Dot(
        entry["method"],
        entry["int8"],
        entry["int8_standard_error"] or 0.0,
        NOTED.get(entry["method"], "strong"),
        f"{entry['runs']} runs; before tuning {100 * entry['pruned']:.2f} %",
    )


def _series(result: Mapping[str, Any]) -> list[Series]:
    by_method: dict[str, list[tuple[float, float, float]]] = {}
    by_speedup: dict[float, list[str]] = {}
    for entry in result["summary"]:
        if entry["int8"] is not None:
            point = (entry["macs"], entry["int8"], entry["int8_standard_error"] or 0.0)
            by_method.setdefault(entry["method"], []).append(point)
            by_speedup.setdefault(entry["speedup"], []).append(entry["method"])
    best = {name for names in by_speedup.values() for name in names[:BEST]}
    return [
        Series(name, tuple(sorted(points)), NOTED.get(name, "strong" if name in best else "pale"))
        for name, points in by_method.items()
    ]
