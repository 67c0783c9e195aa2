"""The benchmark as a page with pictures: each goal's bars, ours above the peer's."""

from html import escape
from typing import Any

from edgeprune.report.charts import Bar, bars, short
from edgeprune.report.style import STYLE
from tools.bench.peers import ROWS, Row


def page(results: list[dict[str, Any]]) -> str:
    """Self-contained HTML of all rows that have results."""
    pictures = "".join(_picture(row, results) for row in ROWS)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>edgeprune on every core</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>edgeprune on every core</h1>"
        '<p class="faint">Virtual and emulated boards: instructions are counted, cycles modelled. '
        f"Shorter is better.</p>{pictures}</body></html>\n"
    )


def _picture(row: Row, results: list[dict[str, Any]]) -> str:
    lines = []
    for result in results:
        if (result["target"], result["optimize"]) != (row.target, row.optimize):
            continue
        value, model = result[row.metric], result["model"]
        if value is None or model not in row.peers:
            continue
        lines.append(_bar(f"{model}, edgeprune", float(value), "strong"))
        lines.append(_bar(f"{model}, goal", row.goals[model], "mid"))
        lines.append(_bar(f"{model}, peer", row.peers[model], "pale"))
    if not lines:
        return ""
    return (
        f'<h2>{escape(row.title)}</h2><p class="faint">Peer: {escape(row.peer)}.</p>{bars(lines, row.title)}'
    )


def _bar(label: str, value: float, colour: str) -> Bar:
    return Bar(label, ((value, colour, f"{label}: {value:,.0f}"),), short(value))
