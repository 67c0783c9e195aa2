"""Curves and points over two axes as plain SVG text, in the colours of the page that holds them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from edgeprune.report.charts import WIDTH

_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 30, 46
_TICKS = 5


@dataclass(frozen=True)
class Series:
    """Points (x, y), joined by a line or each a dot; `colour` is a variable of the page, as "strong"."""

    label: str
    points: tuple[tuple[float, float], ...]
    colour: str = "strong"
    is_line: bool = True


@dataclass(frozen=True)
class Mark:
    """A dashed line across the plot, at an x or at a y."""

    label: str
    at: float
    is_vertical: bool
    colour: str = "warn"


@dataclass(frozen=True)
class Axis:
    """What an axis shows, from `low` to `high`."""

    label: str
    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Where `value` is between the ends, from 0 to 1; outside of them at the nearer one."""
        low, high = (math.log10(v) if self.is_log else v for v in (self.low, self.high))
        found = math.log10(max(value, self.low)) if self.is_log else value
        return min(1.0, max(0.0, (found - low) / ((high - low) or 1.0)))

    def ticks(self) -> list[float]:
        """Round values between the ends."""
        if self.is_log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [m * 10.0**p for p in powers for m in (1, 2, 5)]
            inside = [tick for tick in found if self.low <= tick <= self.high]
            return inside if len(inside) < 3 * _TICKS else [t for t in inside if f"{t:e}".startswith("1")]
        span = (self.high - self.low) or 1.0
        step = 10.0 ** math.floor(math.log10(span / _TICKS))
        step *= next(m for m in (1, 2, 5, 10) if span / (m * step) <= _TICKS)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def plot(
    series: Sequence[Series], x: Axis, y: Axis, title: str, marks: Sequence[Mark] = (), height: int = 320
) -> str:
    """All series on the same axes; what has no finite value is left out, what is beyond an end lies on it."""
    frame = _Frame(x, y, height)
    body = [frame.grid(), *(frame.mark(mark) for mark in marks)]
    body += [frame.line(s) if s.is_line else frame.dots(s) for s in series]
    body.append(frame.legend(series))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )


@dataclass(frozen=True)
class _Frame:
    x: Axis
    y: Axis
    height: int

    def at(self, x: float, y: float) -> tuple[float, float]:
        bottom = self.height - _BOTTOM
        across = _LEFT + self.x.share(x) * (WIDTH - _LEFT - _RIGHT)
        return across, bottom - self.y.share(y) * (bottom - _TOP)

    def grid(self) -> str:
        right, bottom, parts = WIDTH - _RIGHT, self.height - _BOTTOM, []
        for tick in self.y.ticks():
            level = self.at(self.x.low, tick)[1]
            parts.append(f'<path d="M{_LEFT} {level:.1f}H{right}" stroke="var(--line)"/>')
            parts.append(_text(_LEFT - 8, level + 4, f"{tick:.4g}", "end", "num"))
        for tick in self.x.ticks():
            across = self.at(tick, self.y.low)[0]
            parts.append(f'<path d="M{across:.1f} {bottom}v5" stroke="var(--faint)"/>')
            parts.append(_text(across, bottom + 18, f"{tick:.4g}", "middle", "num"))
        parts.append(f'<path d="M{_LEFT} {bottom}H{right}" stroke="var(--faint)"/>')
        parts.append(_text((_LEFT + right) / 2, self.height - 8, self.x.label, "middle", "faint"))
        turn = f'transform="rotate(-90 14 {self.height / 2:.0f})"'
        parts.append(_text(14, self.height / 2, self.y.label, "middle", "faint", turn))
        return "".join(parts)

    def line(self, series: Series) -> str:
        spots = [self.at(*point) for point in _finite(series)]
        path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(spots))
        return f'<path d="{path}" fill="none" stroke="var(--{series.colour})" stroke-width="2"/>'

    def dots(self, series: Series) -> str:
        parts = []
        for x, y in _finite(series):
            across, level = self.at(x, y)
            tip = escape(f"{series.label}: {x:.4g}, {y:.4g}")
            parts.append(
                f'<circle cx="{across:.1f}" cy="{level:.1f}" r="4" fill="var(--{series.colour})" '
                f'fill-opacity=".8"><title>{tip}</title></circle>'
            )
        return "".join(parts)

    def mark(self, mark: Mark) -> str:
        bottom = self.height - _BOTTOM
        if mark.is_vertical:
            x = self.at(mark.at, self.y.low)[0]
            anchor, gap = ("start", 5) if x < WIDTH / 2 else ("end", -5)
            path = f"M{x:.1f} {_TOP}V{bottom}"
            label = _text(x + gap, bottom - 8, mark.label, anchor, "faint")
        else:
            y = self.at(self.x.low, mark.at)[1]
            path, label = (
                f"M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}",
                _text(_LEFT + 6, y - 5, mark.label, "start", "faint"),
            )
        return f'<path d="{path}" stroke="var(--{mark.colour})" stroke-dasharray="5 4"/>{label}'

    def legend(self, series: Sequence[Series]) -> str:
        if len(series) < 2:
            return ""
        parts, across = [], float(_LEFT)
        for one in series:
            parts.append(f'<rect x="{across:.0f}" y="6" width="10" height="10" fill="var(--{one.colour})"/>')
            parts.append(_text(across + 16, 15, one.label, "start"))
            across += 46 + 7 * len(one.label)
        return "".join(parts)


def _finite(series: Series) -> list[tuple[float, float]]:
    return [(x, y) for x, y in series.points if math.isfinite(x) and math.isfinite(y)]


def _text(x: float, y: float, text: str, anchor: str, css: str = "", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}" {more}>{escape(text)}</text>'
