"""Plots: where a value lies, which ticks an axis has, and what is left out."""

import math
import re

import pytest

from edgeprune.report.plot import Axis, Mark, Series, plot


def test_an_axis_places_values_and_keeps_them_inside() -> None:
    axis = Axis("x", 2.0, 6.0)
    assert [axis.share(v) for v in (2, 3, 6, 1, 99)] == [0, 0.25, 1, 0, 1]
    powers = Axis("x", 0.1, 1000.0, is_log=True)
    assert [powers.share(v) for v in (0.1, 10, 1000, 0, -5)] == pytest.approx([0, 0.5, 1, 0, 0])


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.13, 0.27, [0.15, 0.2, 0.25]), (5.0, 5.0, [5])],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert Axis("x", low, high).ticks() == pytest.approx(ticks)


def test_ticks_of_a_logarithmic_axis() -> None:
    assert Axis("x", 0.05, 3.0, is_log=True).ticks() == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2])
    assert Axis("x", 1e-6, 1e6, is_log=True).ticks() == pytest.approx([10.0**p for p in range(-6, 7)])


def test_the_picture_holds_every_finite_point() -> None:
    points = ((0.0, 1.0), (0.5, math.nan), (1.0, math.inf), (1.0, 2.0))
    x, y = Axis("kept", 0, 1), Axis("loss", 1, 2)
    dots = plot([Series("a<b", points, is_line=False)], x, y, "title & more")
    assert dots.count("<circle") == 2
    assert "a&lt;b" in dots
    assert "title &amp; more" in dots
    line = plot(
        [Series("a", points), Series("b", points)], x, y, "t", [Mark("limit", 1.5, is_vertical=False)]
    )
    path = re.findall(r'<path d="(M[^"]*)" fill="none"', line)
    assert path[0] == path[1]
    assert path[0].count("L") == 1
    assert "limit" in line
    assert "nan" not in line + dots
