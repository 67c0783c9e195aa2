"""The pictures of a report: plain SVG text, no scripts, no fonts, nothing fetched.

Colours are CSS variables of the page, so that one picture serves light and dark.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 880
ROW = 22
LABEL = 250


@dataclass(frozen=True)
class Bar:
    """One horizontal bar: `parts` are (value, css colour variable, tooltip) side by side."""

    label: str
    parts: tuple[tuple[float, str, str], ...]
    value: str


def short(value: float) -> str:
    """A number in three figures with k, M or G: 12501632 is 12.5 M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.3g}"


def kib(size_bytes: float) -> str:
    """A size in KiB, or bytes below one KiB."""
    return f"{size_bytes / 1024:,.1f} KiB" if size_bytes >= 1024 else f"{size_bytes:,.0f} B"


def bars(rows: Sequence[Bar], title: str, full: float | None = None) -> str:
    """Horizontal bars, all to one scale; `full` is the value of the whole width."""
    most = full or max((sum(p[0] for p in row.parts) for row in rows), default=0) or 1.0
    room = WIDTH - LABEL - 130
    lines = []
    for i, row in enumerate(rows):
        y = i * ROW
        lines.append(_text(LABEL - 8, y + 15, row.label, "end", cut=36))
        x = float(LABEL)
        for value, colour, tip in row.parts:
            width = max(0.0, value / most * room)
            lines.append(_rect(x, y + 3, width, ROW - 6, colour, tip))
            x += width
        lines.append(_text(x + 6, y + 15, row.value, "start", css="num"))
    return _svg("".join(lines), len(rows) * ROW + 4, title)


def pairs(rows: Sequence[tuple[str, float, float]], title: str) -> str:
    """Before (pale) and after (strong) for each label, both bars to one scale."""
    most = max((max(before, after) for _, before, after in rows), default=0) or 1.0
    room = WIDTH - LABEL - 150
    lines = []
    for i, (label, before, after) in enumerate(rows):
        y = i * ROW
        lines.append(_text(LABEL - 8, y + 15, label, "end", cut=36))
        lines.append(_rect(LABEL, y + 3, before / most * room, ROW - 6, "pale", f"before: {before:,.0f}"))
        lines.append(_rect(LABEL, y + 7, after / most * room, ROW - 14, "strong", f"after: {after:,.0f}"))
        x = LABEL + max(before, after) / most * room + 6
        lines.append(_text(x, y + 15, f"{short(before)} → {short(after)}", "start", css="num"))
    return _svg("".join(lines), len(rows) * ROW + 4, title)


def steps(points: Sequence[tuple[str, float]], title: str) -> str:
    """Fractions (0 to 1) along the pipeline as a line with a dot for each stage."""
    height, top, left = 190, 24, 60
    low = min(value for _, value in points)
    floor = max(0.0, min(low - 0.02, 0.98) if low > 0.6 else 0.0)
    gap = (WIDTH - 2 * left) / max(1, len(points) - 1)
    spots = []
    for i, (label, value) in enumerate(points):
        x = left + i * gap if len(points) > 1 else WIDTH / 2
        y = top + (1.0 - value) / (1.0 - floor or 1.0) * (height - top - 50)
        spots.append((x, y, label, value))
    path = " ".join(f"{'M' if i == 0 else 'L'}{x:.1f} {y:.1f}" for i, (x, y, _, _) in enumerate(spots))
    lines = [f'<path d="{path}" fill="none" stroke="var(--strong)" stroke-width="2"/>']
    for x, y, label, value in spots:
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="var(--strong)"/>')
        lines.append(_text(x, y - 11, f"{100 * value:.2f} %", "middle", css="num"))
        lines.append(_text(x, height - 18, label, "middle"))
    lines.append(_text(4, height - 2, f"axis from {100 * floor:.0f} % to 100 %", "start", css="faint"))
    return _svg("".join(lines), height, title)


@dataclass(frozen=True)
class Block:
    """A buffer of the arena: bytes `offset` to `offset + size`, layers `start` to `stop`."""

    name: str
    offset: int
    size: int
    start: int
    stop: int


def arena(blocks: Sequence[Block], arena_bytes: int, bound_bytes: int, title: str) -> str:
    """The arena over time: layers to the right, addresses upwards, one box for each buffer."""
    height, left, top = 300, 90, 10
    last = max((block.stop for block in blocks), default=1)
    first = min((block.start for block in blocks), default=0)
    step = (WIDTH - left - 20) / max(1, last - first)
    scale = (height - 50) / max(1, arena_bytes)
    lines = []
    for i, block in enumerate(sorted(blocks, key=lambda b: (b.start, b.offset))):
        x = left + (block.start - first) * step
        y = top + (arena_bytes - block.offset - block.size) * scale
        when = f"layers {block.start} to {block.stop - 1}"
        tip = f"{block.name}: {block.size:,} bytes at {block.offset:,}, {when}"
        colour = "strong" if i % 2 else "mid"
        lines.append(
            _rect(x, y, (block.stop - block.start) * step - 1, block.size * scale - 0.5, colour, tip)
        )
    y = top + (arena_bytes - bound_bytes) * scale
    lines.append(f'<path d="M{left} {y:.1f}H{WIDTH - 20}" stroke="var(--warn)" stroke-dasharray="5 4"/>')
    lines.append(_text(left - 6, top + 10, kib(arena_bytes), "end", css="num"))
    lines.append(_text(left - 6, top + arena_bytes * scale, "0", "end", css="num"))
    foot = f"layers 0 to {last - 1}, left to right; dashed: lower bound {bound_bytes:,} bytes"
    lines.append(_text(left, height - 18, foot, "start", css="faint"))
    return _svg("".join(lines), height, title)


@dataclass(frozen=True)
class Dot:
    """A value with a whisker of `error` to either side; fractions from 0 to 1."""

    label: str
    value: float
    error: float
    colour: str
    tip: str


def dots(rows: Sequence[Dot], title: str, reference: float | None = None) -> str:
    """A dot with its whisker for each row; the scale need not start at 0. A line marks `reference`."""
    ends = [row.value + sign * row.error for row in rows for sign in (-1, 1)]
    low, high = _span([*ends, *([reference] if reference is not None else [])])
    room = WIDTH - LABEL - 150

    def at(value: float) -> float:
        return LABEL + (value - low) / (high - low) * room

    height = len(rows) * ROW + 26
    lines = []
    if reference is not None:
        lines.append(_line(at(reference), 0, at(reference), height - 22, "faint"))
    for i, row in enumerate(rows):
        y = i * ROW + ROW / 2
        lines.append(_text(LABEL - 8, y + 4, row.label, "end", cut=36))
        lines.append(_line(at(row.value - row.error), y, at(row.value + row.error), y, row.colour))
        lines.append(_spot(at(row.value), y, row.colour, f"{row.label}: {row.tip}"))
        figure = f"{100 * row.value:.2f} %" + (f" ± {100 * row.error:.2f}" if row.error else "")
        lines.append(_text(WIDTH - 4, y + 4, figure, "end", css="num"))
    lines += _scale(low, high, at, height - 6)
    return _svg("".join(lines), height, title)


@dataclass(frozen=True)
class Series:
    """Points (cost, accuracy, error) of one thing, from left to right."""

    label: str
    points: tuple[tuple[float, float, float], ...]
    colour: str


def scatter(series: Sequence[Series], title: str, reference: float | None = None) -> str:
    """Accuracy (fractions, upwards) against cost (logarithmic, to the right), a line through each series.

    Series in the colour "pale" are drawn behind the others, without a label.
    """
    points = [point for one in series for point in one.points]
    if not points:
        return ""
    top, height, left = 14, 360, 64
    low, high = _span([p[1] for p in points] + ([reference] if reference is not None else []))
    logs = [math.log(max(1.0, p[0])) for p in points]
    first, last = min(logs), max(logs)
    margin = max(0.1, 0.12 * (last - first))

    def x_at(cost: float) -> float:
        share = (math.log(max(1.0, cost)) - first + margin) / (last - first + 2 * margin)
        return left + share * (WIDTH - left - 140)

    def y_at(value: float) -> float:
        return top + (high - value) / (high - low) * (height - top - 40)

    lines = []
    if reference is not None:
        lines.append(_line(left, y_at(reference), WIDTH - 140, y_at(reference), "faint"))
        lines.append(_text(WIDTH - 134, y_at(reference) + 4, "dense float", "start", css="faint"))
    labels = []
    for one in sorted(series, key=lambda one: one.colour != "pale"):
        spots = [(x_at(cost), y_at(value), error, cost, value) for cost, value, error in one.points]
        for (x0, y0, *_), (x1, y1, *_) in itertools.pairwise(spots):
            lines.append(_line(x0, y0, x1, y1, one.colour))
        for x, y, error, cost, value in spots:
            reach = error / (high - low) * (height - top - 40)
            lines.append(_line(x, y - reach, x, y + reach, one.colour))
            lines.append(_spot(x, y, one.colour, f"{one.label}: {100 * value:.2f} % at {short(cost)}"))
        if one.colour != "pale":
            x, y, *_ = max(spots)
            labels.append((y, x, one.label))
    lowest = -math.inf
    for y, x, label in sorted(labels):  # one below the other where they would meet
        lowest = max(y, lowest + 13)
        lines.append(_text(x + 10, lowest + 4, label, "start", cut=18))
    last_cost = 0.0
    for cost in sorted(p[0] for p in points):
        if cost > 1.15 * last_cost:
            lines.append(_text(x_at(cost), height - 18, short(cost), "middle", css="num"))
            last_cost = cost
    for value in _ticks(low, high):
        lines.append(_text(left - 8, y_at(value) + 4, f"{100 * value:.1f} %", "end", css="num"))
    return _svg("".join(lines), height, title)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """A little more than the range of `values`; never empty."""
    low, high = min(values), max(values)
    room = max(0.002, 0.06 * (high - low))
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round values between `low` and `high`, five or so."""
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _scale(low: float, high: float, at: Callable[[float], float], y: float) -> list[str]:
    return [_text(at(value), y, f"{100 * value:.1f} %", "middle", css="num") for value in _ticks(low, high)]


def _line(x0: float, y0: float, x1: float, y1: float, colour: str) -> str:
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} stroke="var(--{colour})" stroke-width="1.5"/>'


def _spot(x: float, y: float, colour: str, tip: str) -> str:
    title = f"<title>{escape(tip)}</title>"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="var(--{colour})">{title}</circle>'


def _rect(x: float, y: float, width: float, height: float, colour: str, tip: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0.5):.1f}" rx="2" '
        f'fill="var(--{colour})"><title>{escape(tip)}</title></rect>'
    )


def _text(x: float, y: float, text: str, anchor: str, css: str = "", cut: int = 80) -> str:
    shown = text if len(text) <= cut else "…" + text[-(cut - 1) :]
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(shown)}</text>'


def _svg(body: str, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{body}</svg>"
    )
